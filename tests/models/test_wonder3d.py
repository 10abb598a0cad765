"""Wonder3D's published layout from a folder: without its code, strictly, and ΔW with a report."""

import json

import pytest
import torch
from safetensors.torch import load_file

from perflow_demo.errors import LoadError, MissingFile
from perflow_demo.models import loaders, merging
from perflow_demo.models.catalogue import WONDER3D
from perflow_demo.models.sources import Folder
from perflow_demo.models.spec import Component
from perflow_demo.models.wonder3d import PICKLES, Converted
from tests.pocket_factory import edit_weights
from tests.wonder3d_factory import GOLDEN, random_delta, write_wonder3d

PARTS = {
    "unet": loaders.load_network,
    "vae": loaders.load_network,
    "image_encoder": loaders.load_image_encoder,
}
DELTA = Component("PeRFlow ΔW", weights="delta.safetensors")


@pytest.fixture
def mirror(tmp_path):
    return write_wonder3d(tmp_path)


def load(mirror, part):
    return PARTS[part](getattr(WONDER3D, part), Folder(mirror), torch.float32)


@pytest.mark.parametrize("part", PARTS)
def test_every_network_has_the_numbers_of_the_mirror(mirror, part):
    loaded = load(mirror, part).state_dict()
    golden = load_file(GOLDEN / f"d_{part}.safetensors")  # under today's names
    assert loaded.keys() == golden.keys()
    assert all(torch.equal(loaded[key], golden[key].float()) for key in golden)


@pytest.mark.parametrize("part", PARTS)
def test_a_missing_weight_is_named(mirror, part):
    path = mirror / getattr(WONDER3D, part).weights
    key = next(key for key in load_file(path) if key.endswith(".bias"))
    edit_weights(path, lambda weights: weights.pop(key))
    with pytest.raises(LoadError) as caught:
        load(mirror, part)
    assert f"{mirror.name}/{getattr(WONDER3D, part).weights}" in str(caught.value)
    assert "lacks" in str(caught.value)
    assert key.rsplit(".", 2)[0] in str(caught.value)


@pytest.mark.parametrize("name", ["config", "weights"])
@pytest.mark.parametrize("part", PARTS)
def test_a_missing_file_is_named(mirror, part, name):
    (mirror / getattr(getattr(WONDER3D, part), name)).unlink()
    with pytest.raises(MissingFile, match="wonder3d-v1.0"):
        load(mirror, part)


@pytest.mark.parametrize("part", PARTS)
def test_pickled_weights_are_converted_once(mirror, part):
    component = getattr(WONDER3D, part)
    path = mirror / component.weights
    weights = load_file(path)
    path.unlink()
    torch.save(weights, mirror / PICKLES[component.weights])
    source = Converted(Folder(mirror))
    assert source.has(component.weights)
    loaded = PARTS[part](component, source, torch.float32).state_dict()
    golden = load_file(GOLDEN / f"d_{part}.safetensors")
    assert all(torch.equal(loaded[key], golden[key].float()) for key in golden)
    assert source.file(component.weights) == source.file(component.weights)


class Payload:
    """Leaves a file behind when it is unpickled by a loader that runs what it reads."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return (type(self.trace).touch, (self.trace,))


def test_a_pickle_that_runs_code_is_refused_and_not_run(mirror, tmp_path):
    (mirror / WONDER3D.unet.weights).unlink()
    path = mirror / PICKLES[WONDER3D.unet.weights]
    torch.save({"conv_in.bias": Payload(tmp_path / "ran")}, path)
    with pytest.raises(LoadError, match=r"diffusion_pytorch_model\.bin"):
        loaders.load_network(WONDER3D.unet, Converted(Folder(mirror)), torch.float32)
    assert not (tmp_path / "ran").exists()


def test_another_image_encoder_is_refused(mirror):
    path = mirror / WONDER3D.image_encoder.config
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_type": "dinov2"}))
    with pytest.raises(LoadError, match="image_encoder"):
        load(mirror, "image_encoder")


@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_delta_is_plugged_in_and_reported(mirror, tmp_path, strength):
    delta = random_delta(tmp_path / DELTA.weights)
    base, nothing = merging.load_multiview_unet(WONDER3D.unet, Folder(mirror), torch.float32)
    unet, report = merging.load_multiview_unet(
        WONDER3D.unet,
        Folder(mirror),
        torch.float32,
        merging.Addition(DELTA, strength, Folder(tmp_path)),
    )
    assert nothing is None
    assert report.shape_adapted == ("conv_in.weight",)
    assert set(report.merged) == delta.keys() - {"conv_in.weight"}
    for key, before in base.state_dict().items():
        change = strength * delta[key] if key in report.merged else 0
        torch.testing.assert_close(unet.state_dict()[key], before + change)


def test_a_delta_of_another_network_is_refused(mirror, tmp_path):
    random_delta(tmp_path / DELTA.weights)
    edit_weights(tmp_path / DELTA.weights, lambda w: w.update({"mid_block.extra": torch.ones(1)}))
    with pytest.raises(LoadError, match=r"delta.safetensors.*mid_block.extra"):
        merging.load_multiview_unet(
            WONDER3D.unet,
            Folder(mirror),
            torch.float32,
            merging.Addition(DELTA, 1.0, Folder(tmp_path)),
        )


@pytest.mark.parametrize("part", PARTS)
def test_the_size_in_memory_is_known_before_loading(mirror, part):
    component = getattr(WONDER3D, part)
    expected = loaders.resident_bytes(component, Folder(mirror), torch.float32)
    assert expected == sum(4 * p.numel() for p in load(mirror, part).parameters())


@pytest.mark.parametrize("part", ["vae", "image_encoder"])
def test_the_full_sizes_have_the_published_keys(part):
    manifest = json.loads((GOLDEN / f"d_full_{part}_keys.json").read_text())
    with torch.device("meta"):
        if part == "vae":
            module = loaders.NETWORKS["AutoencoderKL"].from_config(manifest["config"])
        else:
            config = loaders.CLIPVisionConfig(**manifest["config"])
            module = loaders.CLIPVisionModelWithProjection(config)
    assert {key: list(v.shape) for key, v in module.state_dict().items()} == {
        key: shape for key, shape in manifest["keys"].items() if not key.endswith("position_ids")
    }
