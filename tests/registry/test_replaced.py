"""A file of one's own that was replaced by another of its name is read anew."""

import pytest
import torch

from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from tests.mirror_factory import write_family
from tests.pocket_factory import edit_weights

WEIGHTS = "diffusion_pytorch_model.safetensors"
HALF = "diffusion_pytorch_model.fp16.safetensors"


def double(path):
    edit_weights(path, lambda tensors: tensors.update({k: 2 * t for k, t in tensors.items()}))


@pytest.fixture
def settings(own_assets):
    pocket, own = own_assets / "pocket", own_assets / "own"
    for folder in ("deltas", "loras"):
        (own / folder).mkdir(parents=True)
        (own / folder / "mine.safetensors").write_bytes((pocket / "delta" / WEIGHTS).read_bytes())
    edit_weights(own / "loras" / "mine.safetensors", as_lora)
    write_family(own, "mine", "sd15")
    return Settings(assets=own_assets, checkpoints=own, device="cpu", memory_budget=10**10)


def as_lora(tensors):
    weight = tensors["conv_in.weight"]
    tensors.clear()
    tensors["unet.conv_in.lora_B.weight"] = torch.ones(len(weight), 1, 1, 1)
    tensors["unet.conv_in.lora_A.weight"] = torch.ones_like(weight[:1])


@pytest.mark.parametrize(
    ("chosen", "file", "part"),
    [
        ({"delta": "mine"}, "deltas/mine.safetensors", "unet"),
        ({"loras": "mine"}, "loras/mine.safetensors", "unet"),
        ({"family": "mine", "delta_strength": 0.0}, f"mine/unet/{HALF}", "unet"),
        ({"family": "mine", "delta_strength": 0.0}, f"mine/vae/{HALF}", "vae"),
    ],
)
def test_a_pipeline_has_the_weights_that_are_there_now(settings, chosen, file, part):
    registry = Registry(settings)

    def lent():
        with registry.lease(**chosen) as pipeline:
            return getattr(pipeline, part)

    first = lent()
    assert lent() is first
    double(settings.checkpoints / file)
    second = lent()
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    assert not all(torch.equal(*pair) for pair in pairs)
    assert lent() is second


def test_views_have_the_weights_that_are_there_now(settings):
    registry = Registry(settings)
    with registry.lease_multiview(delta_strength=0.0) as pipeline:
        first = pipeline.unet
    double(settings.assets / "pocket" / "multiview" / "unet" / WEIGHTS)
    with registry.lease_multiview(delta_strength=0.0) as pipeline:
        assert pipeline.unet is not first
