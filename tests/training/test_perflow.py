"""ΔW's loss is how far a student's lines end from where the teacher's solver ends."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from perflow_demo.training.objectives.perflow import PeRFlowObjective
from perflow_demo.training.objectives.teacher import teacher_schedule


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


@pytest.fixture
def objective(minilm):
    from perflow_demo.training.text import build_tokenizer

    teacher = SimpleNamespace(
        net=Pair(), schedule=teacher_schedule(), tokenizer=build_tokenizer(), dropout=0.1
    )
    return PeRFlowObjective(teacher, starts=1.0)


def loss(objective: PeRFlowObjective, count: int = 64) -> float:
    clean = torch.randn(count, 4, 2, 2, generator=torch.Generator().manual_seed(0))
    batch = clean, torch.ones(count, 3), torch.ones(count, 3)
    value, _ = objective.loss(objective.net, batch, torch.Generator().manual_seed(1))
    return value.item()


def test_a_student_whose_lines_end_where_the_solver_ends_has_no_loss(objective):
    assert loss(objective) < 1e-5
    objective.net.scale.data *= 1.1
    assert loss(objective) > 1e-4


def test_the_student_is_guided_as_the_teacher_is(objective):
    objective.net.empty.data += 0.1
    assert loss(objective) > 1e-4
    objective.guidance_scale = 1.0
    assert loss(objective) < 1e-5


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_share_of_the_rows_stands_where_windows_begin(objective, share):
    objective.starts = share
    objective.net.seen.clear()
    loss(objective, 400)
    (times,) = objective.net.seen
    assert np.isin(times.numpy(), [250, 500, 750, 1000]).mean() == pytest.approx(share, abs=0.08)
