"""The split of time: golden lookups and timesteps, and what must hold for any split."""

import itertools
import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from perflow_demo.flow import TimeWindows

GOLDEN = Path(__file__).parents[1] / "golden"
LOOKUPS = json.loads((GOLDEN / "a_window_lookup.json").read_text())["rows"]
ALPHAS = load_file(GOLDEN / "a_add_noise.safetensors")["alphas_cumprod"]
TRAJECTORIES = load_file(GOLDEN / "a_scheduler_trajectories.safetensors")

splits = st.builds(TimeWindows, st.integers(1, 12))


def lookup(row):
    time = torch.tensor([row["timepoint"]], dtype=getattr(torch, row["dtype"]))
    window = TimeWindows(row["num_time_windows"]).lookup(time, ALPHAS)
    return time, window


@pytest.mark.parametrize("row", [row for row in LOOKUPS if "error" not in row], ids=str)
def test_golden_lookup(row):
    time, window = lookup(row)
    assert window.start.item() == pytest.approx(row["start"], abs=1e-6)
    assert window.end.item() == pytest.approx(row["end"], abs=1e-6)
    assert (window.end - window.start).item() == pytest.approx(row["window_length"], abs=1e-6)
    assert (time - window.start).item() == pytest.approx(row["interval"], abs=1e-6)
    assert window.alpha_start.item() == pytest.approx(row["alpha_start"], abs=1e-6)
    assert window.alpha_end.item() == pytest.approx(row["alpha_end"], abs=1e-6)
    gamma = (window.alpha_start / window.alpha_end).sqrt().item()
    assert gamma == pytest.approx(row["gamma_s_e"], abs=1e-6)


@pytest.mark.parametrize("row", [row for row in LOOKUPS if "error" in row], ids=str)
def test_golden_lookup_below_the_last_window(row):
    with pytest.raises(ValueError, match="time points must lie in"):
        lookup(row)


@pytest.mark.parametrize("key", [key for key in TRAJECTORIES if key.startswith("timesteps/")])
def test_golden_timesteps(key):
    windows, steps = (int(part[1:]) for part in key.split("/")[1:])
    expected = TRAJECTORIES[key].tolist()
    assert TimeWindows(windows).timesteps(max(steps, windows)) == expected


@given(splits)
def test_windows_partition_the_time_axis(windows):
    bounds = windows.boundaries
    assert (bounds[0], bounds[-1]) == (1.0, 0.0)
    lengths = [a - b for a, b in itertools.pairwise(bounds)]
    assert lengths == pytest.approx([1 / windows.num_windows] * windows.num_windows)


@given(splits, st.floats(2e-4, 1.0))
def test_a_time_lies_in_its_window(windows, time):
    window = windows.lookup(torch.tensor(time, dtype=torch.float64), ALPHAS)
    assert window.start > window.end
    assert window.end + 1e-4 < time + 1e-9
    assert time <= window.start + 1e-4 + 1e-9
    assert 0 < window.alpha_start < window.alpha_end < 1


@given(splits, st.lists(st.floats(2**-10, 1.0, width=32), min_size=1, max_size=5))
def test_a_batch_of_times_is_looked_up_one_by_one(windows, times):
    batch = windows.lookup(torch.tensor(times), ALPHAS)
    single = [windows.lookup(torch.tensor(time), ALPHAS).end for time in times]
    assert torch.equal(batch.end, torch.stack(single))


@given(splits, st.integers(0, 40))
def test_timesteps_fall_and_serve_every_window(windows, extra):
    steps = windows.timesteps(windows.num_windows + extra)
    assert len(steps) == windows.num_windows + extra
    assert steps[0] == 1000
    assert all(a > b >= 1 for a, b in itertools.pairwise(steps))
    times = torch.tensor(steps, dtype=torch.float64) / 1000
    starts = windows.lookup(times, ALPHAS).start
    assert len(set(starts.tolist())) == windows.num_windows


def test_part_of_the_time_axis_can_be_split():
    windows = TimeWindows(2, t_noise=0.8, t_clean=0.2)
    assert windows.boundaries == pytest.approx([0.8, 0.5, 0.2])
    assert windows.timesteps(4) == [800, 650, 500, 350]


@pytest.mark.parametrize("arguments", [(0,), (4, 0.2, 0.8), (4, 1.1, 0.0), (4, 1.0, -0.1)])
def test_impossible_splits_are_refused(arguments):
    with pytest.raises(ValueError, match="num_windows|t_noise"):
        TimeWindows(*arguments)


def test_more_steps_than_timesteps_are_refused():
    assert len(TimeWindows(4).timesteps(500)) == 500
    with pytest.raises(ValueError, match="too many"):
        TimeWindows(4).timesteps(1001)
