"""Sampler and loss read a student's output alike, and a straight flow is followed exactly."""

import dataclasses

import pytest
import torch
from diffusers import DDIMScheduler
from hypothesis import given
from hypothesis import strategies as st

from perflow_demo.flow import (
    PeRFlowScheduler,
    TimeWindows,
    Window,
    add_noise,
    clean_estimate,
    interpolate,
    training_target,
    velocity,
    window_end_estimate,
)

KINDS = ("diff_eps", "ddim_eps", "ddim_v", "velocity")
ALPHAS = PeRFlowScheduler().alphas_cumprod.double()

kinds = st.sampled_from(KINDS)
seeds = st.integers(0, 2**32 - 1)
# Window ends on whole timesteps, so that truncated timesteps meet the corners of the path.
splits = st.builds(TimeWindows, st.sampled_from([1, 2, 4, 5, 8]))
fractions = st.floats(0, 0.95)


def random_lines(seed, windows, fraction):
    """Lines in random windows of a batch of three, and a point on each."""
    generator = torch.Generator().manual_seed(seed)
    picked = torch.randint(windows.num_windows, (3,), generator=generator)
    bounds = torch.tensor(windows.boundaries, dtype=torch.float64)
    t = bounds[picked] + fraction * (bounds[picked + 1] - bounds[picked])
    window = windows.lookup(t, ALPHAS)
    start, end = torch.randn(2, 3, 2, 2, 2, generator=generator, dtype=torch.float64)
    return start, end, t, window


@given(kinds, seeds, splits, fractions)
def test_the_target_leads_from_any_point_of_the_line_to_its_end(kind, seed, windows, fraction):
    start, end, t, window = random_lines(seed, windows, fraction)
    sample = interpolate(start, end, t, window)
    target = training_target(kind, start, end, window, t)
    torch.testing.assert_close(window_end_estimate(kind, target, sample, t, window), end)
    slope = (end - start) / (window.end - window.start).reshape(3, 1, 1, 1)
    torch.testing.assert_close(velocity(kind, target, sample, t, window), slope)


@given(kinds, seeds, splits, st.integers(0, 9))
def test_a_straight_flow_is_exact_in_any_number_of_steps(kind, seed, windows, extra):
    """A perfect student: its output is the target of the window's line."""
    count = windows.num_windows
    scheduler = PeRFlowScheduler(prediction_type=kind, num_time_windows=count)
    scheduler.set_timesteps(count + extra)
    generator = torch.Generator().manual_seed(seed)
    corners = torch.randn(count + 1, 1, 2, 2, 2, generator=generator)
    sample = corners[0]
    for index, timestep in enumerate(scheduler.timesteps):
        k = windows.boundaries.index(scheduler.window_interval(index)[0])
        t = timestep / 1000
        window = windows.lookup(t, ALPHAS)
        output = training_target(kind, corners[k], corners[k + 1], window, t)
        sample = scheduler.step(output, timestep, sample).prev_sample
    torch.testing.assert_close(sample, corners[-1], rtol=1e-4, atol=1e-4)


@given(kinds, seeds, splits, fractions)
def test_the_clean_estimate_is_exact_where_the_picture_is_known(kind, seed, windows, fraction):
    """With one possible picture, picture and noise are constant along the diffusion."""
    clean, noise, t, window = random_lines(seed, windows, fraction)
    start = add_noise(clean, noise, table_timestep(window.start), ALPHAS)
    end = add_noise(clean, noise, table_timestep(window.end), ALPHAS)
    sample = interpolate(start, end, t, window)
    output = training_target(kind, start, end, window, t)
    estimate = clean_estimate(velocity(kind, output, sample, t, window), sample, t, window)
    is_last = (window.end == 0).reshape(3, 1, 1, 1)
    torch.testing.assert_close(estimate, torch.where(is_last, end, clean))


def table_timestep(boundary):
    return (1000 * boundary).round().long().clamp(min=1)


def test_one_window_for_all_equals_one_window_each():
    start, end, t, window = random_lines(0, TimeWindows(4), 0.3)
    alone = Window(*(field[1].item() for field in dataclasses.astuple(window)))
    together = training_target("ddim_eps", start, end, window)
    torch.testing.assert_close(
        training_target("ddim_eps", start[1:2], end[1:2], alone), together[1:2]
    )
    torch.testing.assert_close(
        interpolate(start[1], end[1], t[1].item(), alone), interpolate(start, end, t, window)[1]
    )


def test_unknown_prediction_types_are_refused():
    start, end, _, window = random_lines(0, TimeWindows(4), 0.3)
    with pytest.raises(ValueError, match="unknown prediction type"):
        training_target("epsilon", start, end, window)


@pytest.mark.parametrize(("kind", "output"), [("ddim_v", "v_prediction"), ("ddim_eps", "epsilon")])
def test_an_unchanged_teacher_makes_a_ddim_step_in_each_window(kind, output):
    student = PeRFlowScheduler(prediction_type=kind)
    teacher = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
        set_alpha_to_one=False, timestep_spacing="trailing", prediction_type=output,
    )  # fmt: skip
    drawn = []
    for scheduler in (student, teacher):
        scheduler.set_timesteps(4)
        sample = torch.randn(1, 2, 3, 3, generator=torch.Generator().manual_seed(0))
        for timestep in scheduler.timesteps:
            sample = scheduler.step(torch.sin(3 * sample), timestep, sample).prev_sample
        drawn.append(sample)
    torch.testing.assert_close(*drawn, rtol=1e-4, atol=1e-4)
