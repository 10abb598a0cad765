"""The catalogue offers only what is there, and its rows agree with themselves."""

import re

import pytest
import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from transformers import CLIPConfig

from perflow_demo.models.catalogue import (
    CATALOGUE,
    FOREGROUND,
    MULTIVIEW,
    POCKET,
    REFINERS,
    SAFETY,
    SOLIDS,
    available,
)
from perflow_demo.models.layouts import CLIP_VISION
from perflow_demo.models.sources import Folder
from tests.pocket_factory import write_pocket

TABLES = (CATALOGUE, REFINERS, FOREGROUND, MULTIVIEW, SOLIDS, {SAFETY.name: SAFETY})
ROWS = [model for table in TABLES for model in table.values()]


def test_a_style_is_offered_only_where_its_weights_are(tmp_path):
    pocket = write_pocket(tmp_path, styles=("pencil",))
    family = available(POCKET, Folder(pocket))
    assert [style.name for style in family.styles] == ["pencil"]
    assert family.style("cel") is None


@pytest.mark.parametrize("family", CATALOGUE.values(), ids=lambda family: family.name)
def test_rows_are_consistent(family):
    assert family.name in CATALOGUE
    assert family.defaults.size in family.sizes
    assert family.defaults.steps >= family.num_time_windows
    assert len({style.name for style in family.styles}) == len(family.styles)


@pytest.mark.parametrize("model", ROWS, ids=lambda model: f"{type(model).__name__}-{model.name}")
def test_what_a_published_model_takes_is_known(model):
    assert model.title and model.description and model.licence
    if model.repository:
        assert model.download_bytes > 0 and model.memory_bytes > 0
        assert re.fullmatch("[0-9a-f]{40}|main", model.repository.revision)


@pytest.mark.parametrize("base", ["dreamshaper", "realistic-vision", "landscape", "disney"])
def test_delta_is_plugged_into_the_bases_of_the_paper_under_its_own_licence(base):
    family = CATALOGUE[f"sd15-{base}"]
    assert family.delta and family.delta_repository.variant == "v0-1"
    assert family.licence.endswith("ΔW CC BY-NC 4.0")


def test_the_checker_is_a_vision_tower_published_in_four_bytes_a_number():
    with torch.device("meta"):
        checker = StableDiffusionSafetyChecker(CLIPConfig(vision_config=CLIP_VISION))
    numbers = sum(weight.numel() for weight in checker.state_dict().values())
    assert SAFETY.download_bytes == pytest.approx(4 * numbers, rel=0.05)
    assert SAFETY.memory_bytes == pytest.approx(2 * numbers, rel=0.02)
