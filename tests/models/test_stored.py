"""Weights packed in eight bits come back as they were, to rounding; faulty files are named."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from perflow_demo.errors import LoadError
from perflow_demo.models.stored import packed, place, read_shapes, read_tensors


@pytest.fixture
def tensors():
    generator = torch.Generator().manual_seed(0)
    sizes = torch.logspace(-8, 3, 64)[:, None]  # rows of very different length
    return {
        "linear.weight": sizes * torch.randn(64, 48, generator=generator),
        "linear.bias": torch.randn(64, generator=generator).half(),
        "conv.weight": torch.randn(8, 4, 3, 3, generator=generator),
    }


@pytest.fixture
def file(tensors, tmp_path):
    save_file(packed(tensors), tmp_path / "weights.safetensors")
    return tmp_path / "weights.safetensors"


def test_each_row_comes_back_within_two_hundredths_of_its_length(tensors, file):
    found = read_tensors(file, torch.float32)
    assert found.keys() == tensors.keys()
    for key in ("linear.weight", "conv.weight"):
        rows, lost = (t.flatten(1).norm(dim=1) for t in (tensors[key], found[key] - tensors[key]))
        assert (lost < 0.02 * rows).all()
    assert torch.equal(found["linear.bias"], tensors["linear.bias"].float())


def test_shapes_and_names_are_those_of_the_network(tensors, file):
    assert read_shapes(file) == {key: tuple(tensor.shape) for key, tensor in tensors.items()}


def test_a_file_that_is_gone_is_told_without_the_machine_s_folders(tmp_path):
    with pytest.raises(LoadError, match=r"No such file.*gone\.safetensors") as caught:
        read_shapes(tmp_path / "pocket" / "gone.safetensors")
    assert str(tmp_path) not in str(caught.value)


def test_a_row_of_zeros_stays_one(tmp_path):
    save_file(packed({"weight": torch.tensor([[0.0, 0.0], [1.0, -1.0]])}), tmp_path / "file")
    found = read_tensors(tmp_path / "file", torch.float32)["weight"]
    assert torch.equal(found, torch.tensor([[0.0, 0.0], [1.0, -1.0]]))


def test_a_packed_file_is_half_as_large_as_one_in_half_precision(tmp_path):
    weight = torch.randn(512, 512)
    save_file(packed({"weight": weight}), tmp_path / "packed")
    save_file({"weight": weight.half()}, tmp_path / "half")
    sizes = [(tmp_path / name).stat().st_size for name in ("packed", "half")]
    assert sizes[0] < 0.51 * sizes[1]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/srv/app/assets/pocket/unet/config.json", "pocket/unet/config.json"),
        (
            "/home/ann/hub/models--org--name/snapshots/0a1b/vae/config.json",
            "org/name/vae/config.json",
        ),
        ("/home/ann/models/deltas/mine.safetensors", "models/deltas/mine.safetensors"),
    ],
)
def test_a_file_is_told_by_its_place_in_its_family(path, told):
    assert place(Path(path)) == told


def test_a_file_cut_short_is_named(file):
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(LoadError, match=r"weights\.safetensors is no complete"):
        read_tensors(file, torch.float32)


@pytest.mark.parametrize(
    "broken",
    [
        lambda stored: stored.pop("conv.weight.scales"),
        lambda stored: stored.pop("conv.weight"),
        lambda stored: stored.update({"conv.weight.scales": torch.ones(3)}),
    ],
)
def test_a_packed_tensor_without_its_scales_is_refused_by_name(tensors, tmp_path, broken):
    stored = packed(tensors)
    broken(stored)
    save_file(stored, tmp_path / "weights.safetensors")
    with pytest.raises(LoadError, match=r"weights\.safetensors, conv\.weight"):
        read_tensors(tmp_path / "weights.safetensors", torch.float32)
