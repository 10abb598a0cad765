"""The registry lends 3D networks in either layout, in float32, and knows what room is left."""

import shutil
from dataclasses import replace

import psutil
import pytest
import torch

from perflow_demo.errors import BadRequest, LoadError, MissingFile
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from perflow_demo.tasks.table import TASKS
from tests.tsr_factory import arrays, facts, write_triposr


def names(registry: Registry) -> list[str]:
    return [model.name for model in registry.solids()]


def test_the_network_is_lent_in_float32_and_shared(assets):
    registry = Registry(Settings(assets=assets, device="cpu"))
    with registry.lease_solid() as first, registry.lease_solid() as second:
        assert first is second and not first.training
        assert {p.dtype for p in first.parameters()} == {torch.float32}


def test_only_models_whose_files_are_here_are_offered(own_assets):
    registry = Registry(Settings(assets=own_assets, device="cpu"))
    assert names(registry) == ["pocket"] and TASKS["to_3d"].ready(registry)
    write_triposr(own_assets / "TripoSR", facts("e_weights")["config"], arrays("e_weights"))
    assert names(registry) == ["pocket", "triposr"]
    shutil.rmtree(own_assets / "pocket" / "tsr")
    assert names(registry) == ["triposr"]
    (own_assets / "TripoSR" / "model.ckpt").unlink()
    assert names(registry) == [] and not TASKS["to_3d"].ready(registry)
    with pytest.raises(MissingFile, match="tsr/"), registry.lease_solid():
        pass


def test_a_published_checkpoint_is_converted_and_loaded_strictly(own_assets):
    """The golden network sees with a smaller encoder than the published one: its keys are named."""
    folder = own_assets / "TripoSR"
    write_triposr(folder, facts("e_weights")["config"], arrays("e_weights"))
    registry = Registry(Settings(assets=own_assets, device="cpu"))
    with (
        pytest.raises(LoadError, match=r"model-\w+\.safetensors .*image_tokenizer"),
        registry.lease_solid("triposr"),
    ):
        pass


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_published_checkpoint_is_lent_and_sees_as_the_reference_does(
    own_assets, tmp_path, monkeypatch, mirrored
):
    """With the golden network's encoder in place of the published one's, all else being as it is
    with the real files."""
    told, golden = facts("e_weights"), arrays("e_forward")
    monkeypatch.setattr("perflow_demo.nets.tsr.DINO_VIT_B16", told["image_encoder_config"])
    mirror = tmp_path / "mirror" if mirrored else None
    folder = mirror / "stabilityai" / "TripoSR" if mirror else own_assets / "TripoSR"
    write_triposr(folder, told["config"], arrays("e_weights"))
    registry = Registry(Settings(assets=own_assets, mirror=mirror, offline=True, device="cpu"))
    with registry.lease_solid("triposr") as network:
        found = network.scene_codes(golden["preprocessed"])
    assert (found - golden["scene_codes"]).abs().max() < 1e-4


def test_an_unknown_model_is_refused(assets):
    registry = Registry(Settings(assets=assets, device="cpu"))
    with pytest.raises(BadRequest, match="pocket or triposr"), registry.lease_solid("wizard"):
        pass


def test_the_room_is_what_leased_models_leave(assets):
    registry = Registry(Settings(assets=assets, device="cpu", memory_budget=10**9))
    assert registry.main_room() == 10**9
    with registry.lease_solid() as network:
        taken = sum(p.numel() * 4 for p in network.parameters())
        assert registry.main_room() == pytest.approx(10**9 - taken, abs=10_000)
    assert registry.main_room() == 10**9


def test_the_room_beside_a_gpu_is_that_of_main_memory(assets):
    """Whatever the budget says of the GPU's."""
    registry = Registry(Settings(assets=assets, device="cpu", memory_budget=10**6))
    registry.placement = replace(registry.placement, device=torch.device("cuda"))
    free = psutil.virtual_memory().available
    assert registry.main_room() == pytest.approx(free, rel=0.2)
