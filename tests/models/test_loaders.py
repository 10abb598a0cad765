"""Loading is strict: a faulty file is refused by name, a good one becomes exactly its numbers."""

import json

import pytest
import torch
from safetensors.torch import load_file

from perflow_demo.errors import LoadError, MissingFile
from perflow_demo.flow import expand_delta
from perflow_demo.models import loaders, merging, words
from perflow_demo.models.catalogue import POCKET
from perflow_demo.models.sources import Folder
from tests.pocket_factory import edit_weights

UNET = "unet/diffusion_pytorch_model.safetensors"
KEY = "conv_in.bias"


@pytest.fixture
def pocket(own_assets):
    return own_assets / "pocket"


def load_unet(pocket, deltas=(), dtype=torch.float32):
    source = Folder(pocket)
    additions = [merging.Addition(*delta, source) for delta in deltas]
    return merging.load_unet(POCKET.unet, additions, source, dtype)[0]


def test_a_loaded_network_has_the_numbers_of_its_file(pocket):
    module = loaders.load_network(POCKET.vae, Folder(pocket), torch.float32)
    stored = load_file(pocket / POCKET.vae.weights)
    loaded = module.state_dict()
    assert stored.keys() == loaded.keys()
    assert all(torch.equal(stored[key].float(), loaded[key]) for key in stored)
    assert not module.training
    assert not any(parameter.requires_grad for parameter in module.parameters())


def test_the_text_encoder_loads_in_the_dtype_asked_for(pocket):
    module = words.load_text_encoder(POCKET.text_encoder, Folder(pocket), torch.bfloat16)
    assert module.config.use_attention_mask
    assert {p.dtype for p in module.parameters()} == {torch.bfloat16}


def test_loading_leaves_other_threads_dtype_alone(pocket, monkeypatch):
    """torch has one default dtype for all threads; a run beside a load would draw other noise."""
    changes = []
    monkeypatch.setattr(torch, "set_default_dtype", changes.append)
    words.load_text_encoder(POCKET.text_encoder, Folder(pocket), torch.bfloat16)
    assert changes == []


@pytest.mark.parametrize("strength", [1.0, 0.25])
@pytest.mark.parametrize("style", ["cel", "pencil"])
def test_a_variant_is_base_plus_style_plus_its_share_of_delta(pocket, style, strength):
    deltas = [(POCKET.style(style).component, 1.0), (POCKET.delta, strength)]
    merged = load_unet(pocket, deltas).state_dict()
    base = load_file(pocket / UNET)
    delta = load_file(pocket / POCKET.delta.weights)
    stored = load_file(pocket / POCKET.style(style).component.weights)
    tuned = expand_delta({key: tensor.float() for key, tensor in stored.items()})
    for key, tensor in merged.items():
        expected = base[key].float() + tuned[key] + strength * delta[key].float()
        torch.testing.assert_close(tensor, expected, rtol=1e-5, atol=1e-6)


def test_the_sum_is_rounded_once(pocket):
    deltas = [(POCKET.delta, 0.5)]
    exact, rounded = load_unet(pocket, deltas), load_unet(pocket, deltas, torch.bfloat16)
    for ours, theirs in zip(exact.parameters(), rounded.parameters(), strict=True):
        assert torch.equal(ours.bfloat16(), theirs)


def test_progress_covers_the_files_read(pocket):
    counts = []
    source = Folder(pocket)
    additions = [merging.Addition(POCKET.delta, 1.0, source)]
    merging.load_unet(POCKET.unet, additions, source, torch.float32, counts.append)
    total = loaders.file_bytes([(POCKET.unet, source), (POCKET.delta, source)])
    assert 0.9 * total < sum(counts) <= total


@pytest.mark.parametrize("name", ["config", "weights"])
@pytest.mark.parametrize("part", ["tokenizer", "text_encoder", "vae", "unet"])
def test_a_missing_file_is_named(pocket, part, name):
    component = getattr(POCKET, part)
    missing = pocket / getattr(component, name)
    missing.unlink()
    load = {
        "tokenizer": lambda: words.load_tokenizer(component, Folder(pocket)),
        "text_encoder": lambda: words.load_text_encoder(component, Folder(pocket), torch.float32),
    }.get(part, lambda: loaders.load_network(component, Folder(pocket), torch.float32))
    with pytest.raises(MissingFile) as caught:
        load()
    assert f"{pocket.name}/{getattr(component, name)} is missing" in str(caught.value)
    assert str(pocket.parent) not in str(caught.value)  # the sentence may reach a visitor


def test_a_tokenizer_file_that_describes_none_is_named(pocket):
    (pocket / POCKET.tokenizer.weights).write_text('{"version": "1.0"}')
    with pytest.raises(LoadError, match="tokenizer.json describes no tokenizer"):
        words.load_tokenizer(POCKET.tokenizer, Folder(pocket))


@pytest.mark.parametrize(
    "fault", [{"block_out_channels": 3}, {"down_block_types": ["Nonsense", "DownBlock2D"]}]
)
def test_a_configuration_that_builds_no_network_is_named(pocket, fault):
    path = pocket / POCKET.unet.config
    path.write_text(json.dumps(json.loads(path.read_text()) | fault))
    with pytest.raises(LoadError, match="config.json describes no UNet2DConditionModel"):
        load_unet(pocket, [])


def shorten(path):
    path.write_bytes(path.read_bytes()[:-1000])


def cut_in_the_header(path):
    path.write_bytes(path.read_bytes()[:40])


@pytest.mark.parametrize("damage", [shorten, cut_in_the_header])
@pytest.mark.parametrize("weights", [UNET, POCKET.delta.weights])
def test_a_truncated_file_is_named(pocket, weights, damage):
    damage(pocket / weights)
    with pytest.raises(LoadError) as caught:
        load_unet(pocket, [(POCKET.delta, 1.0)])
    assert weights in str(caught.value)
    assert str(pocket.parent) not in str(caught.value)  # the sentence may reach a visitor


def drop(tensors):
    del tensors[KEY]


def add(tensors):
    tensors["conv_in.extra"] = torch.zeros(2)


def reshape(tensors):
    tensors[KEY] = torch.zeros(3)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (drop, f"lacks {KEY};"),
        (add, "unexpected conv_in.extra;"),
        (reshape, f"wrong shape for {KEY} (3,) instead of (16,);"),
    ],
)
@pytest.mark.parametrize("weights", [UNET, POCKET.delta.weights, "styles/cel/delta.safetensors"])
def test_wrong_keys_name_file_and_keys(pocket, weights, fault, words):
    edit_weights(pocket / weights, fault)
    with pytest.raises(LoadError) as caught:
        load_unet(pocket, [(POCKET.style("cel").component, 1.0), (POCKET.delta, 1.0)])
    assert weights in str(caught.value)
    assert str(pocket.parent) not in str(caught.value)  # the sentence may reach a visitor
    assert words in str(caught.value)


def test_half_of_a_low_rank_pair_is_refused(pocket):
    path = pocket / "styles/pencil/delta.safetensors"
    edit_weights(path, lambda tensors: tensors.pop(next(k for k in tensors if k.endswith(".up"))))
    with pytest.raises(LoadError, match="pencil"):
        load_unet(pocket, [(POCKET.style("pencil").component, 1.0)])


def test_a_configuration_cannot_name_a_class_of_its_own(pocket):
    path = pocket / "vae/config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"_class_name": "os.system"}))
    with pytest.raises(LoadError, match="os.system"):
        loaders.load_network(POCKET.vae, Folder(pocket), torch.float32)


@pytest.mark.parametrize("content", ["{", "[1]", ""])
def test_a_broken_configuration_is_named(pocket, content):
    (pocket / "unet/config.json").write_text(content)
    with pytest.raises(LoadError, match=r"unet.config\.json"):
        load_unet(pocket)


def test_the_size_in_memory_is_known_before_loading(pocket):
    expected = loaders.resident_bytes(POCKET.unet, Folder(pocket), torch.float32)
    assert expected == sum(4 * p.numel() for p in load_unet(pocket).state_dict().values())
