"""Checkpoints of one's own: by name in the folder meant for them, one file or a whole folder."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from perflow_demo.errors import BadRequest, LoadError
from perflow_demo.models import loaders, words
from perflow_demo.models.bases import checkpoints, family_named
from perflow_demo.models.single_file import SingleFile
from perflow_demo.models.sources import Folder
from perflow_demo.models.stable_diffusion import SD15
from perflow_demo.settings import Settings
from tests.mirror_factory import write_family
from tests.single_file_factory import SMALL, write_single_file


@pytest.fixture
def settings(tmp_path):
    folder = tmp_path / "checkpoints"
    write_family(folder, "mine", "sd15")
    (folder / "other.safetensors").write_bytes(b"")
    (folder / "notes.txt").write_text("nothing to draw with")
    (tmp_path / "outside.safetensors").write_bytes(b"")
    return Settings(checkpoints=folder)


def test_checkpoints_are_known_by_their_names(settings):
    assert [path.name for path in checkpoints(settings)] == ["mine", "other.safetensors"]
    family = family_named("mine", settings)
    assert family.delta == SD15.delta and family.delta_repository == SD15.delta_repository
    assert family.owner == "mine"
    assert checkpoints(Settings()) == ()


@pytest.mark.parametrize(
    "name",
    ["../outside.safetensors", "notes.txt", "/etc", "..", "mine/../mine", "a/b/c", "", "./mine"],
)
def test_no_path_leads_out_of_the_folder(settings, name):
    with pytest.raises(BadRequest, match="no family.*mine or other.safetensors"):
        family_named(name, settings)


def test_a_repository_is_the_owner_s_to_name(settings):
    family = family_named("someone/fine-tune-1.5", settings)
    assert family.repository.name == "someone/fine-tune-1.5"
    with pytest.raises(BadRequest, match="own machine"):
        family_named("someone/fine-tune-1.5", Settings(host="0.0.0.0"))


def test_a_single_file_is_converted_once_to_its_own_numbers(tmp_path):
    path = tmp_path / "shared.safetensors"
    unet, vae, text = write_single_file(path)
    source = SingleFile(path, Folder(tmp_path), SMALL, tmp_path / "cache")
    loaded = {
        "unet": loaders.load_network(SD15.unet, source, torch.float32),
        "vae": loaders.load_network(SD15.vae, source, torch.float32),
        "text_encoder": words.load_text_encoder(SD15.text_encoder, source, torch.float32),
    }
    for network, weights in zip(loaded.values(), (unet, vae, text), strict=True):
        found = network.state_dict()
        assert found.keys() == weights.keys()
        assert all(torch.equal(found[key], weights[key].float()) for key in weights)
    assert len(list((tmp_path / "cache").iterdir())) == 1


@pytest.mark.parametrize("content", [b"no safetensors at all", None])
def test_a_file_that_is_no_checkpoint_is_named_and_leaves_nothing(tmp_path, content):
    path = tmp_path / "other.safetensors"
    if content is None:
        save_file({"lora.up": torch.zeros(2, 2)}, path)
    else:
        path.write_bytes(content)
    source = SingleFile(path, Folder(tmp_path), SMALL, tmp_path / "cache")
    with pytest.raises(LoadError, match="other.safetensors is no checkpoint"):
        source.file(SD15.unet.weights)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_single_file_that_lacks_a_weight_is_refused(tmp_path):
    """Which is accelerate's doing: without it diffusers would leave that weight random."""
    path = tmp_path / "cut.safetensors"
    write_single_file(path)
    weights = load_file(path)
    del weights["model.diffusion_model.out.2.bias"]
    save_file(weights, path)
    source = SingleFile(path, Folder(tmp_path), SMALL, tmp_path / "cache")
    with pytest.raises(LoadError, match="cut.safetensors is no checkpoint"):
        source.file(SD15.unet.weights)
