"""A mirror folder becomes the reference's pictures: loaded without its code, step by step."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler
from PIL import Image
from safetensors.torch import load_file

from perflow_demo.flow import PeRFlowScheduler
from perflow_demo.registry import Registry
from perflow_demo.registry.placement import Placement
from perflow_demo.settings import Settings
from perflow_demo.tasks import multiview_sampling, sampling
from tests.wonder3d_factory import write_wonder3d

GOLDEN = load_file(Path(__file__).parents[1] / "golden" / "d_pipeline.safetensors")
PICTURE = Image.fromarray(GOLDEN["image"].numpy())
FIRST = ("unet_input_first", "encoder_hidden_states", "class_labels", "noise_pred_first")


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    assets = write_wonder3d(tmp_path_factory.mktemp("assets")).parent
    registry = Registry(Settings(assets=assets, device="cpu"))
    registry.placement = Placement(torch.device("cpu"), torch.float32)
    with registry.lease_multiview("wonder3d", delta_strength=0.0) as pipeline:
        yield pipeline


def pipeline_of(parts, prediction_type, windows, steps):
    schedule = dict(parts.scheduler.config) | {"prediction_type": prediction_type}
    pipeline = replace(parts, scheduler=PeRFlowScheduler.from_config(schedule))
    sampling.prepare(pipeline, steps, windows)
    return pipeline


def assert_close(found, reference, tolerance):
    assert found.shape == reference.shape
    assert ((found - reference).abs() / (1 + reference.abs())).max() <= tolerance


def test_golden_conditions(parts):
    conditions = multiview_sampling.condition(parts, PICTURE, 1.0)
    assert_close(conditions.tokens[0], GOLDEN["image_embeds"], 1e-4)
    assert_close(conditions.image_latents[:1], GOLDEN["image_latents"], 1e-4)
    pixels = parts.image_processor(PICTURE, return_tensors="pt").pixel_values
    assert (pixels - GOLDEN["clip_pixel_values"]).abs().max() <= 0.02


@pytest.mark.parametrize(
    ("case", "kind", "windows", "steps", "guidance"),
    [
        ("diff_eps_w4_n4_g1", "diff_eps", 4, 4, 1.0),
        ("diff_eps_w4_n4_g1", "diff_eps", 4, 1, 1.0),
        ("diff_eps_w1_n1_g1", "diff_eps", 1, 1, 1.0),
        ("ddim_eps_w4_n6_g1", "ddim_eps", 4, 6, 1.0),
        ("diff_eps_w4_n4_g3_new", "diff_eps", 4, 4, 3.0),
    ],
)
def test_golden_runs(parts, case, kind, windows, steps, guidance):
    """With as many calls of the network as the scheduler says: a single one needs one window."""
    golden = {k.removeprefix(f"{case}/"): v for k, v in GOLDEN.items() if k.startswith(f"{case}/")}
    pipeline = pipeline_of(parts, kind, windows, steps)
    assert pipeline.scheduler.timesteps.tolist() == golden["timesteps"].tolist()
    conditions = multiview_sampling.condition(pipeline, PICTURE, guidance)
    calls = []
    hook = parts.unet.register_forward_hook(lambda _, args, output: calls.append((*args, output)))
    run = multiview_sampling.denoise(pipeline, GOLDEN["initial_latents"], conditions)
    latents = torch.stack([latents for latents, _ in run])
    hook.remove()
    assert len(calls) == len(golden["timesteps"])
    assert_close(latents, golden["latents"], 1e-3)
    for name, seen in zip(FIRST, (calls[0][0], *calls[0][2:4], calls[0][4][0]), strict=True):
        if name in golden:
            assert_close(seen, golden[name], 1e-4)
    if "images" in golden:
        assert_golden_pictures(multiview_sampling.decode(pipeline, latents[-1]), golden["images"])


def assert_golden_pictures(pictures, reference):
    found = np.stack([np.asarray(p) for domain in ("normals", "colours") for p in pictures[domain]])
    difference = np.abs(found.transpose(0, 3, 1, 2).astype(int) - reference.numpy())
    assert difference.max() <= 1
    assert (difference == 0).mean() >= 0.995


def test_without_delta_it_is_ddim(parts):
    """Denoising diffusion implicit models (arXiv 2010.02502), equation 12 without noise."""
    pipeline = replace(parts, scheduler=DDIMScheduler.from_config(parts.scheduler.config))
    sampling.prepare(pipeline, 3, None)
    conditions = multiview_sampling.condition(pipeline, PICTURE, 2.0)
    latents = multiview_sampling.noise(pipeline, 7, 64)
    alphas, expected = pipeline.scheduler.alphas_cumprod, latents
    run = list(multiview_sampling.denoise(pipeline, latents, conditions))
    assert pipeline.scheduler.timesteps.tolist() == [667, 334, 1]
    for timestep, (after, clean) in zip(pipeline.scheduler.timesteps, run, strict=True):
        with torch.inference_mode():
            noise = multiview_sampling.predict(parts.unet, expected, timestep, conditions)
        alpha, alpha_next = alphas[timestep], alphas[max(timestep - 333, 0)]
        estimate = (expected - (1 - alpha).sqrt() * noise) / alpha.sqrt()
        expected = alpha_next.sqrt() * estimate + (1 - alpha_next).sqrt() * noise
        assert_close(clean, estimate, 1e-4)
        assert_close(after, expected, 1e-4)


def test_noise_is_the_seeds_own(parts):
    first, again = (multiview_sampling.noise(parts, 3, 64) for _ in range(2))
    assert torch.equal(first, again)
    assert first.shape == (12, 4, 16, 16)
    assert not torch.equal(first, multiview_sampling.noise(parts, 4, 64))


def test_the_less_variety_the_quieter_the_noise(parts):
    whole, half, none = (multiview_sampling.noise(parts, 3, 64, v) for v in (1, 0.5, 0))
    assert_close(half, whole / 2, 1e-6)
    assert not none.any()
