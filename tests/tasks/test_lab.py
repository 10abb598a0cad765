"""The ΔW lab: equal seeds side by side, what changed where, and files that are what they say."""

import shutil
from dataclasses import replace

import pytest
import torch
from PIL import ImageChops
from safetensors.torch import load_file

from perflow_demo.errors import BadRequest, LoadError
from perflow_demo.models import catalogue
from perflow_demo.models.stable_diffusion import FAMILIES
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from perflow_demo.tasks import lab
from perflow_demo.tasks.lab import LabRequest
from perflow_demo.tasks.text_to_image import TextToImageRequest
from perflow_demo.tasks.text_to_image import run as draw
from tests.mirror_factory import write_delta, write_family

WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def registry(assets, tmp_path):
    (tmp_path / "deltas").mkdir()
    return Registry(Settings(assets=assets, device="cpu", checkpoints=tmp_path))


def ask(**values):
    return LabRequest(prompt="a red dog", seed=3, **values)


def test_base_and_accelerated_share_the_seed_and_are_measured(registry):
    result = lab.run(ask(style="cel", strength=0.5, steps=6), registry)
    base, fast = result.base, result.accelerated
    assert (base.request.steps, fast.request.steps) == (25, 6)
    assert base.seeds == fast.seeds == (3,)
    assert base.timings.denoise > 0 and fast.timings.denoise > 0
    assert ImageChops.difference(base.pictures[0], fast.pictures[0]).getbbox()
    alone = draw(fast.request, registry).pictures[0]
    assert not ImageChops.difference(alone, fast.pictures[0]).getbbox()
    assert [merge.report.strength for merge in result.merges] == [1.0, 0.5]


def test_a_random_seed_is_one_seed_for_both(registry):
    result = lab.run(LabRequest(prompt="a dog"), registry)
    assert result.base.seeds == result.accelerated.seeds


def test_changes_are_told_by_block(registry, assets):
    (merge,) = registry.merges("pocket")
    blocks = lab.block_changes(merge)
    passed = ["conv in", "down 0", "down 1", "mid", "up 0", "conv out"]
    assert [name for name in blocks if name in passed] == passed
    base = load_file(assets / "pocket/unet" / WEIGHTS)
    delta = load_file(assets / "pocket/delta" / WEIGHTS)
    largest = max(
        delta[key].float().norm().item() / base[key].float().norm().item()
        for key in base
        if key.startswith("down_blocks.1.") and base[key].any()
    )
    assert blocks["down 1"] == pytest.approx(largest, rel=1e-3)


def test_delta_comes_out_exactly(registry):
    found = lab.unmerge(ask(strength=1.5, style="pencil"), registry)
    assert found.exact and found.weights > 100
    assert 0 < found.largest_error < 1e-5


def test_the_merged_unet_is_a_checkpoint(registry, assets, tmp_path):
    """It can be chosen in place of the one it was made of, and draws the same pictures."""
    lab.export_merged(ask(strength=0.5), registry, tmp_path / "unet")
    base = load_file(assets / "pocket/unet" / WEIGHTS)
    delta = load_file(assets / "pocket/delta" / WEIGHTS)
    merged = load_file(tmp_path / "unet" / WEIGHTS)
    for key, weight in base.items():
        expected = (weight.float() + 0.5 * delta[key].float()).half()
        assert torch.equal(merged[key], expected), key
    assert (tmp_path / "unet/config.json").is_file()


def test_an_extracted_difference_is_plugged_in_by_name(registry, tmp_path):
    folder = tmp_path / "made"
    folder.mkdir()
    tuned = {"family": "pocket", "delta_strength": 1.0}
    base = {"family": "pocket", "delta_strength": 0.0}
    lab.export_difference(tuned, base, registry, folder)
    shutil.copy(folder / WEIGHTS, tmp_path / "deltas" / "mine.safetensors")
    assert registry.deltas() == ("mine",)
    (own,) = registry.merges("pocket", delta="mine")
    (usual,) = registry.merges("pocket")
    assert own.title == "ΔW mine" and own.report.merged == usual.report.merged
    result = draw(TextToImageRequest(prompt="a dog", delta="mine", seed=1), registry)
    same = draw(TextToImageRequest(prompt="a dog", seed=1), registry)
    extrema = ImageChops.difference(result.pictures[0], same.pictures[0]).getextrema()
    assert max(high for _, high in extrema) <= 8  # of 255: the difference was rounded to half


def test_another_network_s_difference_names_its_keys(registry, assets, tmp_path):
    shutil.copy(assets / "pocket/judge" / WEIGHTS, tmp_path / "deltas" / "judge.safetensors")
    with pytest.raises(LoadError, match="judge.safetensors lacks"):
        lab.run(ask(delta="judge"), registry)


@pytest.mark.parametrize("name", ["../mine", "/etc/passwd", "missing"])
def test_no_name_of_a_difference_is_a_path(registry, name):
    with pytest.raises(BadRequest, match="no ΔW"):
        lab.run(ask(delta=name), registry)


def test_a_checkpoint_with_delta_inside_is_refused(registry):
    with pytest.raises(BadRequest, match="has ΔW inside"):
        lab.run(ask(family="perflow-sd15-disney"), registry)


def test_a_delta_of_ones_own_is_plugged_into_one_with_delta_inside(assets, tmp_path, monkeypatch):
    """As text to image accepts it; the base beside it is drawn with what is inside."""
    inside = next(family for family in FAMILIES if family.name == "perflow-sd15-disney")
    small = replace(inside, sizes=(64,), defaults=replace(inside.defaults, size=64, steps=5))
    monkeypatch.setitem(catalogue.CATALOGUE, inside.name, small)
    write_family(tmp_path, inside.repository.name, "sd15")
    (published,) = write_delta(tmp_path).glob("*.safetensors")
    own = tmp_path / "own"
    (own / "deltas").mkdir(parents=True)
    shutil.move(published, own / "deltas" / "mine.safetensors")
    settings = Settings(assets=assets, device="cpu", mirror=tmp_path, offline=True, checkpoints=own)
    registry = Registry(settings)
    asked = ask(family=inside.name, delta="mine")
    result = lab.run(asked, registry)
    assert [merge.title for merge in result.merges] == ["ΔW mine"]
    assert "PeRFlow inside" in result.notes[0]
    base, fast = result.base, result.accelerated
    usual = TextToImageRequest(prompt=asked.prompt, family=inside.name, seed=asked.seed)
    assert not ImageChops.difference(base.pictures[0], draw(usual, registry).pictures[0]).getbbox()
    assert base.request.steps == 5 and base.request.acceleration == "perflow"
    assert ImageChops.difference(base.pictures[0], fast.pictures[0]).getbbox()
    assert lab.unmerge(asked, registry).exact
