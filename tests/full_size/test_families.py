"""Published families at full size, of mirror folders with random weights: they load and run.

Each takes minutes and up to 20 GB of memory: run them one by one with
`python -m pytest -m full_size -k NAME`.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import save_file

from perflow_demo.models import catalogue, layouts
from perflow_demo.models.catalogue import SOLIDS, WONDER3D
from perflow_demo.models.stable_diffusion import FAMILIES, SD15
from perflow_demo.nets import TSR
from perflow_demo.registry import Registry
from perflow_demo.registry.placement import Placement
from perflow_demo.settings import Settings
from perflow_demo.tasks.text_to_image import TextToImageRequest, run
from tests.mirror_factory import write_delta, write_family, write_tile, write_views

pytestmark = pytest.mark.full_size
NARROW = Placement(torch.device("cpu"), torch.bfloat16)


@pytest.fixture
def registry(assets, tmp_path):
    registry = Registry(Settings(assets=assets, device="cpu", mirror=tmp_path, offline=True))
    registry.placement = NARROW
    return registry


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sd15-dreamshaper", "sd15"),
        ("perflow-sd21-artius", "sd21"),
        ("perflow-sdxl-dreamshaper", "sdxl"),
    ],
)
def test_a_picture_is_drawn(registry, tmp_path, monkeypatch, name, kind):
    family = next(family for family in FAMILIES if family.name == name)
    small = replace(family, sizes=(64,), defaults=replace(family.defaults, size=64))
    monkeypatch.setitem(catalogue.CATALOGUE, name, small)
    write_family(
        tmp_path,
        family.repository.name,
        kind,
        full=True,
        variant=family.repository.variant or "fp16",
    )
    if family.delta:
        write_delta(tmp_path, full=True)
    request = TextToImageRequest(prompt="a dog", family=name, seed=1, steps=4, guidance_scale=1)
    assert run(request, registry).pictures[0].size == (64, 64)
    held = registry.status().bytes
    assert held == pytest.approx(family.memory_bytes, rel=0.05)


def test_a_tile_is_refined_with_delta(registry, tmp_path):
    """One call of both networks on the smallest latents, guided by pixels."""
    write_family(tmp_path, SD15.repository.name, "sd15", full=True)
    write_delta(tmp_path, full=True)
    write_tile(tmp_path, full=True)
    with registry.lease(SD15.name, refine=True) as pipeline, torch.inference_mode():
        latents = torch.zeros(1, 4, 8, 8, dtype=torch.bfloat16)
        words = torch.zeros(1, 77, 768, dtype=torch.bfloat16)
        pixels = torch.zeros(1, 3, 64, 64, dtype=torch.bfloat16)
        down, middle = pipeline.controlnet(latents, 500, words, pixels, return_dict=False)
        told = {
            "down_block_additional_residuals": down,
            "mid_block_additional_residual": middle,
        }
        found = pipeline.unet(latents, 500, words, **told).sample
    assert found.shape == (1, 4, 8, 8) and found.isfinite().all()


def test_six_views_take_a_step_with_delta(registry, tmp_path):
    write_views(tmp_path, full=True)
    write_delta(tmp_path, full=True)
    with registry.lease_multiview(WONDER3D.name) as pipeline, torch.inference_mode():
        assert len(pipeline.merge.kept) == 116
        assert pipeline.merge.shape_adapted == ("conv_in.weight",)
        latents = torch.zeros(12, 8, 8, 8, dtype=torch.bfloat16)
        words = torch.zeros(12, 1, 768, dtype=torch.bfloat16)
        labels = torch.zeros(12, 10, dtype=torch.bfloat16)
        found = pipeline.unet(latents, 500, words, class_labels=labels).sample
    assert found.shape == (12, 4, 8, 8) and found.isfinite().all()


def test_a_triplane_is_made_of_a_picture(registry, tmp_path):
    model = SOLIDS["triposr"]
    folder = tmp_path / model.repository.name
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(layouts.TRIPOSR))
    with torch.device("meta"):
        network = TSR.from_config(layouts.TRIPOSR)
    weights = {
        key: torch.empty(weight.shape).normal_(0, 0.02)
        for key, weight in network.state_dict().items()
    }
    save_file(weights, folder / "model.safetensors")
    with registry.lease_solid("triposr") as network, torch.inference_mode():
        cutout = Image.new("RGBA", (64, 64), (200, 40, 40, 255))
        code = network.scene_codes(network.prepare(np.asarray(cutout)))
    assert code.shape == (1, 3, 40, 64, 64) and code.isfinite().all()
