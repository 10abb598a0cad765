"""Pictures larger than a model's own begin in that, and are what their seeds say all the same."""

import numpy as np
import pytest
import torch

from perflow_demo.registry import Registry
from perflow_demo.registry.placement import Placement
from perflow_demo.settings import Settings
from perflow_demo.tasks import sampling
from perflow_demo.tasks.drawing import grown
from perflow_demo.tasks.text_to_image import TextToImageRequest, run

SMALL, LARGE = 16, 32  # latents along the side of Pocket's sizes


@pytest.fixture
def registry(assets):
    """Lends in float32, where a batch and a single picture agree to rounding."""
    registry = Registry(Settings(assets=assets, device="cpu"))
    registry.placement = Placement(torch.device("cpu"), torch.float32)
    return registry


def ask(**values) -> TextToImageRequest:
    usual = {"prompt": "a red dog", "seed": 7, "size": 512, "guidance_scale": 1}
    return TextToImageRequest(**usual | values)


@pytest.mark.parametrize(
    ("values", "sides"),
    [
        ({"steps": 4}, [SMALL] * 2 + [LARGE] * 2),
        ({"steps": 6}, [SMALL] * 4 + [LARGE] * 2),  # the first two windows have two steps each
        ({"steps": 2, "windows": 2}, [SMALL, LARGE]),
        ({"steps": 2, "windows": 1}, [LARGE] * 2),  # there is no window to begin anew in
        ({"steps": 8, "acceleration": "teacher"}, [SMALL] * 4 + [LARGE] * 4),
        ({"steps": 1, "acceleration": "teacher"}, [LARGE]),
        ({"steps": 4, "size": 256}, [SMALL] * 4),
    ],
)
def test_a_large_picture_begins_small_and_ends_in_its_size(registry, values, sides):
    asked, seen = ask(**values), []
    strength = 1.0 if asked.acceleration == "perflow" else 0.0
    with registry.lease("pocket", None, strength) as pipeline:
        hook = pipeline.unet.register_forward_pre_hook(
            lambda _, given: seen.append(given[0].shape[-1])
        )
        result = run(asked, registry)
        hook.remove()
    assert seen == sides
    assert result.pictures[0].size == (asked.size, asked.size)


def test_a_seed_draws_the_same_large_picture_in_any_batch(registry):
    batch = run(ask(count=2), registry)
    for index, picture in enumerate(batch.pictures):
        alone = run(batch.recipe(index), registry).pictures[0]
        apart = np.asarray(picture).astype(int) - np.asarray(alone)
        assert np.abs(apart).max() <= 1


def test_what_goes_on_is_the_picture_enlarged():
    with Registry(Settings(device="cpu")).lease() as pipeline:
        generator = torch.Generator().manual_seed(1)
        soft = torch.rand(1, 3, 8, 8, generator=generator) * 2 - 1
        pixels = torch.nn.functional.interpolate(soft, (256, 256), mode="bicubic").clamp(-1, 1)
        with torch.inference_mode():
            latents = sampling.coded(pipeline.vae, pixels.to(pipeline.vae.dtype))
            larger = sampling.decoded(pipeline.vae, grown(pipeline, latents, 512)).float()
        wanted = torch.nn.functional.interpolate(soft, (512, 512), mode="bicubic").clamp(-1, 1)
    assert (larger - wanted).square().mean() < 0.004
