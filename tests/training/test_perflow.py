"""ΔW's loss is how far a student's lines end from where the teacher's solver ends."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from perflow_demo.training.objectives.perflow import PeRFlowObjective
from perflow_demo.training.objectives.teacher import teacher_schedule
from perflow_demo.training.ways import SHARD, UNGUIDED, Ways, solved


class NothingThere(nn.Module):
    """A network that takes whatever it is given for noise: its flow bends in no window.

    empty: what it adds where the prompt is empty.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.empty = nn.Parameter(torch.zeros(()))
        self.seen: list[torch.Tensor] = []

    def forward(self, sample, timesteps, context):
        self.seen.append(timesteps)
        alphas = teacher_schedule().alphas_cumprod[timesteps.long().clamp(0, 999)]
        ratio = (alphas / (1 - alphas)).sqrt().view(-1, 1, 1, 1)
        told = self.empty * (context == 0)[:, :, :, None]
        return SimpleNamespace(sample=self.scale * ratio * sample + told)


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.unet = NothingThere()

    def context(self, ids, mask):
        """1 for a prompt, 0 for none, of which only the frame of tokens is left."""
        return (mask.sum(1) > 2).float()[:, None, None]


class Coder:
    """Pictures are the first three of four channels, sixteen times larger."""

    config = SimpleNamespace(latent_channels=4)

    def decode(self, latents):
        return SimpleNamespace(sample=functional.interpolate(latents[:, :3], scale_factor=16))

    def encode(self, pixels):
        small = functional.avg_pool2d(pixels, 16)
        return SimpleNamespace(latents=torch.cat([small, small[:, :1]], 1))


@pytest.fixture
def teacher(minilm):
    from perflow_demo.training.text import build_tokenizer

    return SimpleNamespace(
        net=Pair(),
        schedule=teacher_schedule(),
        tokenizer=build_tokenizer(),
        autoencoder=Coder(),
    )


@pytest.fixture
def ways(teacher, tmp_path):
    return solved(teacher, tmp_path / "ways", seed=0, scenes=range(SHARD), side=2, larger=None)


@pytest.fixture
def objective(teacher, ways):
    return PeRFlowObjective(teacher, ways, pauses=0.0)


def loss(objective: PeRFlowObjective, **changes) -> float:
    batch = replace(objective.batch(np.random.default_rng(0), SHARD), **changes)
    value, _ = objective.loss(objective.net, batch, torch.Generator().manual_seed(1))
    return value.item()


def test_a_student_whose_lines_end_where_the_solver_ends_has_no_loss(objective):
    assert loss(objective) < 1e-5
    objective.net.scale.data *= 1.1
    assert loss(objective) > 1e-4


def test_the_student_is_guided_as_the_teacher_is(objective):
    objective.net.empty.data += 0.1
    assert loss(objective) > 1e-4
    assert loss(objective, guidance_scale=1.0) < 1e-5


def test_the_student_walks_on_from_where_its_own_line_ended(objective):
    """Twice as far off in each window: errors that single windows would not add up."""
    objective.net.scale.data *= 1.01
    _, figures = objective.loss(
        objective.net, objective.batch(np.random.default_rng(0), SHARD), torch.Generator()
    )
    errors = [figures[f"window_{k}"] for k in range(1, 5)]
    assert errors == sorted(errors) and errors[3] > 4 * errors[0]


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_share_of_the_windows_is_walked_with_a_pause(objective, share):
    objective.pauses = share
    objective.net.seen.clear()
    for seed in range(12):
        batch = objective.batch(np.random.default_rng(seed), 1)
        objective.loss(objective.net, batch, torch.Generator().manual_seed(seed))
    times = torch.cat(objective.net.seen).numpy()
    assert len(np.unique(times)) - 4 == pytest.approx(12 * 4 * share, abs=10)


def test_ways_are_solved_once_and_each_for_itself(teacher, ways, tmp_path):
    folder, kept = tmp_path / "ways", ways.take(np.random.default_rng(3), 8)
    teacher.net.unet.scale.data *= 2  # would solve others
    more = solved(teacher, folder, seed=0, scenes=range(SHARD + 5), side=2, larger=None)
    assert (len(ways), len(more)) == (SHARD, SHARD + 5)
    again = Ways(folder)
    shards = {len(again.take(np.random.default_rng(k), SHARD).captions) for k in range(20)}
    assert shards == {SHARD, 5}
    (folder / "0000032.json").unlink()
    same = Ways(folder).take(np.random.default_rng(3), 8)
    assert same.captions == kept.captions and torch.equal(same.states, kept.states)


def test_a_way_begins_with_noise_and_ends_where_the_solver_ends(teacher, ways):
    walks = ways.take(np.random.default_rng(0), SHARD)
    assert walks.states.shape == (5, SHARD, 4, 2, 2) and len(walks.captions) == SHARD
    assert walks.states[0].std() == pytest.approx(1, abs=0.1)
    seen = walks.states[1].flatten(1)
    again = ways.take(np.random.default_rng(1), SHARD).states[1].flatten(1)
    assert {tuple(row) for row in seen.tolist()} == {tuple(row) for row in again.tolist()}


def test_larger_ways_go_on_from_the_picture_in_the_middle(teacher, tmp_path):
    both = solved(teacher, tmp_path / "both", seed=0, scenes=range(SHARD), side=1, larger=2)
    walks = [both.take(np.random.default_rng(k), SHARD) for k in range(20)]
    small, large = (
        next(walk for walk in walks if walk.states.shape[-1] == side) for side in (1, 2)
    )
    assert (len(small.states), len(large.states)) == (5, 3)
    assert both.windows.num_windows == 4
    assert set(small.captions) == set(large.captions)
    signal = float(teacher.schedule.alphas_cumprod[499])
    order = [small.captions.index(caption) for caption in large.captions]
    ends = small.states[-1][order][:, :3].clamp(-1, 1).expand(-1, -1, 2, 2)
    noise = (large.states[0][:, :3] - signal**0.5 * ends) / (1 - signal) ** 0.5
    assert noise.std() == pytest.approx(1, abs=0.1) and abs(noise.mean()) < 0.15


def test_a_student_walks_the_last_windows_of_larger_ways(teacher, tmp_path):
    both = solved(teacher, tmp_path / "both", seed=0, scenes=range(SHARD), side=1, larger=2)
    objective = PeRFlowObjective(teacher, both, pauses=0.0)
    for seed in range(8):
        batch = objective.batch(np.random.default_rng(seed), 4)
        _, figures = objective.loss(objective.net, batch, torch.Generator())
        walked = range(1, 5) if batch.states.shape[-1] == 1 else range(3, 5)
        assert set(figures) == {f"window_{k}" for k in walked}


def test_some_ways_are_unguided_and_half_of_those_without_words(teacher, tmp_path):
    """Refiner and multiview draw so; a ΔW of guided ways alone served them badly."""
    folder = tmp_path / "many"
    many = solved(teacher, folder, seed=0, scenes=range(UNGUIDED * SHARD), side=1, larger=None)
    walks = [many.take(np.random.default_rng(k), SHARD) for k in range(40)]
    unguided = [walk for walk in walks if walk.guidance_scale == 1]
    assert len(unguided) / len(walks) == pytest.approx(1 / UNGUIDED, abs=0.15)
    wordless = np.mean([caption == "" for walk in unguided for caption in walk.captions])
    assert wordless == pytest.approx(0.5, abs=0.25)
    assert all(all(walk.captions) for walk in walks if walk.guidance_scale > 1)
