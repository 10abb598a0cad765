"""Weights are merged one tensor at a time: base and differences are never held whole."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from perflow_demo.errors import BadRequest, LoadError
from perflow_demo.models import merging
from perflow_demo.models.catalogue import POCKET, POCKET_VIEWS
from perflow_demo.models.sources import Folder
from perflow_demo.models.stable_diffusion import SD15
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from perflow_demo.tasks import lab
from tests.live_bytes import Peak
from tests.mirror_factory import write_delta, write_family


def numbers(assets, weights):
    return sum(tensor.numel() for tensor in load_file(assets / "pocket" / weights).values())


def pocket_unet(source, read):
    styled = merging.Addition(POCKET.style("cel").component, 1.0, source)
    added = (styled, merging.Addition(POCKET.delta, 1.0, source))
    return merging.load_unet(POCKET.unet, added, source, torch.bfloat16, read)


def views_unet(source, read):
    delta = merging.Addition(POCKET.delta, 1.0, source)
    return merging.load_multiview_unet(POCKET_VIEWS.unet, source, torch.bfloat16, delta, read)


@pytest.mark.parametrize(
    ("load", "network"), [(pocket_unet, POCKET.unet), (views_unet, POCKET_VIEWS.unet)]
)
def test_a_load_holds_the_result_and_little_more(assets, load, network):
    peak = Peak(every=20)
    merged = load(Folder(assets / "pocket"), peak)
    assert merged[0] is not None
    # What is added to lies in memory in half precision; a few tensors come beside it.
    assert 0 < peak.bytes < 1.3 * 2 * numbers(assets, network.weights)


def test_delta_comes_out_again_with_a_tensor_of_each_unet_in_memory(assets, monkeypatch):
    peak, equal = Peak(every=20), torch.equal
    monkeypatch.setattr(torch, "equal", lambda *pair: [peak(), equal(*pair)][1])
    registry = Registry(Settings(assets=assets, device="cpu"))
    asked = lab.LabRequest(prompt="a dog", style="cel")
    assert lab.unmerge(asked, registry).exact
    assert 0 < peak.bytes < 0.3 * 4 * numbers(assets, POCKET.unet.weights)


def test_factors_that_do_not_pair_are_refused_before_anything_is_read(own_assets):
    path = own_assets / "pocket" / POCKET.delta.weights
    tensors = load_file(path)
    weight = tensors.pop("conv_in.weight")
    save_file(tensors | {"conv_in.weight.up": torch.zeros(len(weight), 2)}, path)
    source = Folder(own_assets / "pocket")
    delta = merging.Addition(POCKET.delta, 1.0, source)
    with pytest.raises(LoadError, match="factors that do not pair"):
        merging.load_unet(POCKET.unet, [delta], source, torch.float32)


def test_no_difference_is_made_of_two_different_networks(assets, tmp_path):
    write_family(tmp_path, SD15.repository.name, "sd15")
    write_delta(tmp_path)
    registry = Registry(Settings(assets=assets, device="cpu", mirror=tmp_path, offline=True))
    tuned, base = ({"family": name, "delta_strength": 0.0} for name in (SD15.name, "pocket"))
    with pytest.raises(BadRequest, match="different networks: .* more weights"):
        lab.export_difference(tuned, base, registry, tmp_path / "made")
