"""TripoSR's published layout loads; a pickle is converted once, and one that runs code refused."""

import os
import pickle
import resource

import pytest
import torch
from safetensors.torch import load_file

from perflow_demo.errors import LoadError, MissingFile
from perflow_demo.models.conversion import place_of
from perflow_demo.models.loaders import load_network
from perflow_demo.models.sources import Folder
from perflow_demo.models.spec import Component
from perflow_demo.models.triposr import convert_checkpoint, load_tsr
from perflow_demo.nets import TSR
from tests.live_bytes import Peak
from tests.tsr_factory import arrays, facts, write_triposr

TOLD = facts("e_weights")
ENCODER = TOLD["image_encoder_config"]


@pytest.fixture
def folder(tmp_path):
    return write_triposr(tmp_path / "stabilityai" / "TripoSR", TOLD["config"], arrays("e_weights"))


def load(folder):
    return load_tsr(Folder(folder), image_encoder_config=ENCODER)


def test_the_published_layout_gives_the_reference_s_triplanes(folder):
    network = load(folder)
    assert not network.training
    golden = arrays("e_forward")
    found = network.scene_codes(golden["preprocessed"])
    assert (found - golden["scene_codes"]).abs().max() < 1e-4


def converted(folder, hub_folder):
    """What was made of the folder's pickle as it is now."""
    return list(hub_folder.glob(f"*/{place_of(folder / 'model.ckpt').name}.safetensors"))


def test_the_pickle_is_converted_once_for_each_of_its_states(folder, hub_folder):
    load(folder)
    (made,) = converted(folder, hub_folder)
    assert load_file(made).keys() == arrays("e_weights").keys()
    first = made.stat().st_ino
    load(folder)
    assert made.stat().st_ino == first
    torch.save(arrays("e_weights") | {"backbone.norm.bias": torch.zeros(3)}, folder / "model.ckpt")
    with pytest.raises(LoadError, match=r"backbone\.norm\.bias"):
        load(folder)


def test_a_conversion_holds_its_tensors_once(tmp_path, monkeypatch):
    """Those of a fine-tune in full precision are 3.4 GB."""
    torch.save({f"weight {i}": torch.zeros(10_000) for i in range(20)}, tmp_path / "model.bin")
    peak, clone = Peak(), torch.Tensor.clone
    monkeypatch.setattr(torch.Tensor, "clone", lambda *a, **o: [peak(), clone(*a, **o)][1])
    convert_checkpoint(tmp_path / "model.bin")
    assert 0 < peak.bytes < 1.3 * 20 * 40_000


def test_the_pickle_s_folder_is_only_read(folder):
    before = sorted(os.listdir(folder))
    load(folder)
    assert sorted(os.listdir(folder)) == before == ["config.yaml", "model.ckpt"]


def test_where_nothing_can_be_written_is_told(folder, tmp_path, monkeypatch):
    (tmp_path / "hub").write_text("a file where the hub's folder should be")
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path / "hub"))
    with pytest.raises(LoadError, match=r"model\.ckpt could not be converted.*HF_HOME"):
        load(folder)


def test_a_disk_that_fills_up_leaves_nothing_half_written(folder, hub_folder):
    """No file may grow as large as that, since no disk of a test's own can be filled."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(LoadError, match=r"model\.ckpt could not be converted.*make room"):
            load(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert converted(folder, hub_folder) == []


def test_a_saved_network_loads_like_any_of_the_family(folder):
    load(folder).save_pretrained(folder / "triplane")
    component = Component(
        "TSR", "triplane/config.json", "triplane/diffusion_pytorch_model.safetensors"
    )
    network = load_network(component, Folder(folder), torch.float32)
    golden = arrays("e_forward")
    found = network.scene_codes(golden["preprocessed"])
    assert network.state_dict().keys() == arrays("e_weights").keys()
    assert (found - golden["scene_codes"]).abs().max() < 1e-4


def test_half_precision_is_kept_to(folder):
    network = load_tsr(Folder(folder), torch.bfloat16, ENCODER)
    assert {p.dtype for p in network.parameters()} == {torch.bfloat16}
    assert network.scene_codes(arrays("e_forward")["preprocessed"].bfloat16()).isfinite().all()


def test_in_half_precision_points_keep_their_digits(folder):
    golden = arrays("e_forward")
    whole, narrowed = load(folder), load(folder).narrow(torch.float16)
    assert narrowed.decoder.layers[0].weight.dtype == torch.float32
    assert narrowed.backbone.proj_in.weight.dtype == torch.float16
    codes = narrowed.scene_codes(golden["preprocessed"])
    assert codes.dtype == torch.float32
    expected = whole.scene_codes(golden["preprocessed"])
    assert (codes - expected).norm() < 5e-3 * expected.norm()


class Code:
    """Runs a command when it is unpickled."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.mkdir, (str(self.file),)


def test_a_pickle_that_runs_code_is_refused_and_not_run(folder, tmp_path, hub_folder):
    torch.save({"tokenizer.embeddings": Code(tmp_path / "ran")}, folder / "model.ckpt")
    with pytest.raises(LoadError, match=r"model\.ckpt.*refused"):
        load(folder)
    (folder / "model.ckpt").write_bytes(pickle.dumps(Code(tmp_path / "ran")))
    with pytest.raises(LoadError, match=r"model\.ckpt"):
        load(folder)
    assert not (tmp_path / "ran").exists()
    assert converted(folder, hub_folder) == []


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 cut off"])
def test_a_damaged_checkpoint_is_refused_by_name(folder, content):
    (folder / "model.ckpt").write_bytes(content)
    with pytest.raises(LoadError, match=r"model\.ckpt"):
        load(folder)


@pytest.mark.parametrize(
    ("name", "reader"), [("model.ckpt", "torch.load"), ("config.yaml", "yaml.safe_load")]
)
def test_a_file_that_cannot_be_read_is_told_without_the_machine_s_folders(
    folder, monkeypatch, name, reader
):
    def refuse(*given, **options):
        raise PermissionError(13, "Permission denied", str(folder / name))

    monkeypatch.setattr(reader, refuse)
    with pytest.raises(LoadError, match=r"TripoSR/.*\(Permission denied\)") as caught:
        load(folder)
    assert str(folder.parent.parent) not in str(caught.value)


def test_more_than_tensors_is_refused(folder):
    torch.save({"step": 7}, folder / "model.ckpt")
    with pytest.raises(LoadError, match="more than named tensors"):
        load(folder)


def test_a_missing_key_is_named(folder):
    weights = arrays("e_weights")
    del weights["backbone.norm.bias"]
    torch.save(weights, folder / "model.ckpt")
    with pytest.raises(LoadError, match=r"backbone\.norm\.bias"):
        load(folder)


def test_a_wrong_configuration_is_named(folder):
    (folder / "config.yaml").write_text("cond_image_size: 64")
    with pytest.raises(LoadError, match=r"config\.yaml.*backbone"):
        load(folder)


def test_an_empty_folder_says_what_is_missing(tmp_path):
    with pytest.raises(MissingFile, match=r"config\.yaml"):
        load(tmp_path)


@pytest.mark.slow
def test_the_full_size_loads_from_random_weights(tmp_path):
    config = facts("e_full_keys")["config"]
    network = TSR.from_config(config)
    golden = network.state_dict()
    write_triposr(tmp_path, config, golden)
    network = load_tsr(Folder(tmp_path), torch.bfloat16)
    assert network.state_dict().keys() == golden.keys()
    with torch.no_grad():
        code = network.scene_codes(torch.rand(1, 512, 512, 3).bfloat16())
    assert code.shape == (1, 3, 40, 64, 64)
    assert code.isfinite().all()
