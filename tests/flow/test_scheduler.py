"""The sampler against golden trajectories, and its manners as a diffusers scheduler."""

import itertools
import json
import logging
from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler, PNDMScheduler
from safetensors.torch import load_file

from perflow_demo.flow import PeRFlowScheduler

GOLDEN = Path(__file__).parents[1] / "golden"
META = json.loads((GOLDEN / "a_scheduler_trajectories.json").read_text())
DATA = load_file(GOLDEN / "a_scheduler_trajectories.safetensors")
NOISING = load_file(GOLDEN / "a_add_noise.safetensors")
CASES = list(
    itertools.product(
        ("diff_eps", "ddim_eps", "velocity", "epsilon"),
        META["num_time_windows"],
        META["num_inference_steps"],
    )
)


def run(scheduler, steps):
    scheduler.set_timesteps(steps)
    sample = DATA["init_sample"]
    for output, timestep in zip(DATA["model_outputs"], scheduler.timesteps, strict=False):
        result = scheduler.step(output, timestep, sample)
        sample = result.prev_sample
        yield result


@pytest.mark.parametrize(("kind", "windows", "steps"), CASES)
def test_golden_trajectory(kind, windows, steps):
    scheduler = PeRFlowScheduler(
        **META["scheduler_config"], prediction_type=kind, num_time_windows=windows
    )
    results = list(run(scheduler, steps))
    samples = torch.stack([result.prev_sample for result in results])
    assert torch.equal(scheduler.timesteps, DATA[f"timesteps/w{windows}/n{steps}"])
    expected = DATA[f"{kind}/w{windows}/n{steps}/prev_samples"]
    torch.testing.assert_close(samples, expected, rtol=1e-5, atol=1e-5)


def test_golden_add_noise():
    scheduler = PeRFlowScheduler()
    torch.testing.assert_close(
        scheduler.alphas_cumprod, NOISING["alphas_cumprod"], rtol=0, atol=1e-6
    )
    valid = NOISING["timesteps"] > 0
    noisy = scheduler.add_noise(
        *(NOISING[name][valid] for name in ("original", "noise", "timesteps"))
    )
    torch.testing.assert_close(noisy, NOISING["noisy"][valid], rtol=0, atol=1e-6)


@pytest.mark.parametrize("timestep", [0, 1001])
def test_add_noise_refuses_timesteps_outside_the_table(timestep):
    sample = torch.zeros(1, 4, 2, 2)
    with pytest.raises(ValueError, match="from 1 to 1000"):
        PeRFlowScheduler().add_noise(sample, sample, torch.tensor([timestep]))


@pytest.mark.parametrize("case", META["raised_steps"], ids=str)
def test_too_few_steps_are_raised_with_one_warning(case, caplog):
    scheduler = PeRFlowScheduler(num_time_windows=case["num_time_windows"])
    with caplog.at_level(logging.WARNING):
        scheduler.set_timesteps(case["requested"])
    assert scheduler.num_inference_steps == case["actual"] == len(scheduler.timesteps)
    assert len(caplog.records) == 1
    assert str(case["actual"]) in caplog.text


def test_enough_steps_raise_no_warning(caplog):
    scheduler = PeRFlowScheduler()
    assert scheduler.num_inference_steps is None
    scheduler.set_timesteps(6)
    assert scheduler.num_inference_steps == 6
    assert not caplog.records


def test_plain_numbers_serve_as_timesteps():
    by_tensor, by_int = PeRFlowScheduler(), PeRFlowScheduler()
    by_tensor.set_timesteps(5)
    by_int.set_timesteps(5)
    a = b = DATA["init_sample"]
    for output, timestep in zip(DATA["model_outputs"], by_tensor.timesteps, strict=False):
        a = by_tensor.step(output, timestep, a, return_dict=False)[0]
        b = by_int.step(output, int(timestep), b, return_dict=False)[0]
    assert torch.equal(a, b)


def test_every_step_tells_window_end_and_clean_estimate():
    scheduler = PeRFlowScheduler()
    results = list(run(scheduler, 8))
    # The second step of each window lands on the window's end.
    for result in results[1::2]:
        torch.testing.assert_close(result.pred_window_end, result.prev_sample)
    torch.testing.assert_close(results[-1].pred_original_sample, results[-1].prev_sample)
    assert not torch.allclose(results[0].pred_original_sample, results[0].pred_window_end)


def test_the_preview_is_the_latest_clean_estimate():
    scheduler = PeRFlowScheduler()
    assert scheduler.preview is None
    for result in run(scheduler, 4):
        assert scheduler.preview is result.pred_original_sample
    scheduler.set_timesteps(4)
    assert scheduler.preview is None


def test_steps_know_their_windows():
    scheduler = PeRFlowScheduler()
    scheduler.set_timesteps(6)
    intervals = [scheduler.window_interval(index) for index in range(6)]
    first, second, third, fourth = (1, 0.75), (0.75, 0.5), (0.5, 0.25), (0.25, 0)
    assert intervals == [first, first, second, second, third, fourth]


def test_a_run_can_begin_late():
    scheduler, late = PeRFlowScheduler(), PeRFlowScheduler()
    *_, before, last = run(scheduler, 4)
    late.set_timesteps(4)
    late.set_begin_index(3)
    assert late.begin_index == late.step_index == 3
    result = late.step(DATA["model_outputs"][3], 250, before.prev_sample)
    assert torch.equal(result.prev_sample, last.prev_sample)


def test_the_counter_is_guarded():
    scheduler = PeRFlowScheduler()
    sample = DATA["init_sample"]
    with pytest.raises(ValueError, match="call set_timesteps"):
        scheduler.step(sample, 1000, sample)
    scheduler.set_timesteps(4)
    with pytest.raises(ValueError, match="timestep 1000 is due, got 750"):
        scheduler.step(sample, 750, sample)
    list(run(scheduler, 4))
    with pytest.raises(ValueError, match="no step is left"):
        scheduler.step(sample, 250, sample)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(dtype):
    exact, half = PeRFlowScheduler(), PeRFlowScheduler()
    exact.set_timesteps(4)
    half.set_timesteps(4)
    sample, output = DATA["init_sample"].to(dtype), DATA["model_outputs"][0].to(dtype)
    result = half.step(output, 1000, sample)
    expected = exact.step(output.float(), 1000, sample.float())
    for name in ("prev_sample", "pred_window_end", "pred_original_sample"):
        assert torch.equal(result[name], expected[name].to(dtype))


@pytest.mark.parametrize("source", [DDIMScheduler, PNDMScheduler, EulerDiscreteScheduler])
def test_a_stable_diffusion_config_is_read(source):
    config = source(
        beta_start=0.00085, beta_end=0.0125, beta_schedule="scaled_linear", steps_offset=1
    ).config
    scheduler = PeRFlowScheduler.from_config(config)
    assert scheduler.config.prediction_type == "diff_eps"
    assert scheduler.config.beta_end == 0.0125
    assert PeRFlowScheduler.from_config(config, prediction_type="ddim_eps", num_time_windows=2)
    other = source.from_config(scheduler.config, prediction_type="epsilon")
    torch.testing.assert_close(other.alphas_cumprod, scheduler.alphas_cumprod)


def test_a_v_prediction_config_asks_for_the_type():
    config = DDIMScheduler(prediction_type="v_prediction").config
    with pytest.raises(ValueError, match="'velocity'.*'ddim_eps'.*'diff_eps'"):
        PeRFlowScheduler.from_config(config)
    scheduler = PeRFlowScheduler.from_config(config, prediction_type="velocity")
    assert scheduler.config.prediction_type == "velocity"


@pytest.mark.parametrize("kind", ["epsilon", "diff_eps", "ddim_eps"])
def test_a_schedule_without_signal_is_refused_for_noise(kind):
    config = DDIMScheduler(rescale_betas_zero_snr=True).config
    with pytest.raises(ValueError, match="rescale_betas_zero_snr"):
        PeRFlowScheduler.from_config(config, prediction_type=kind)


@pytest.mark.parametrize("kind", ["velocity", "ddim_v"])
def test_a_schedule_without_signal_is_kept_to(kind):
    schedule = {"beta_start": 0.001, "beta_end": 0.013, "beta_schedule": "scaled_linear"}
    teacher = DDIMScheduler(**schedule, rescale_betas_zero_snr=True)
    scheduler = PeRFlowScheduler.from_config(teacher.config, prediction_type=kind)
    assert torch.equal(scheduler.alphas_cumprod, teacher.alphas_cumprod)
    assert scheduler.alphas_cumprod[-1] == 0
    assert all(result.pred_original_sample.isfinite().all() for result in run(scheduler, 4))


def test_the_config_survives_saving(tmp_path):
    scheduler = PeRFlowScheduler(prediction_type="ddim_eps", num_time_windows=2, t_clean=0.1)
    scheduler.save_pretrained(tmp_path)
    loaded = PeRFlowScheduler.from_pretrained(tmp_path)
    public = [key for key in scheduler.config if not key.startswith("_")]
    assert len(public) == 11
    assert all(loaded.config[key] == scheduler.config[key] for key in public)


@pytest.mark.parametrize("steps", [0, -1, 1001])
def test_impossible_step_counts_are_refused(steps):
    with pytest.raises(ValueError, match="at least 1|too many"):
        PeRFlowScheduler().set_timesteps(steps)
