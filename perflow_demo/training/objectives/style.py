"""Style: a short fine-tune of the teacher on scenes drawn otherwise, in low rank (LoRA)."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from perflow_demo.flow import extract_delta, factorise_delta
from perflow_demo.training.objectives.teacher import TeacherObjective, TextToImage
from perflow_demo.training.publish import write_tensors

RANK = 32


class LowRank(nn.Module):
    """A weight plus a change of rank `rank`, at first none (arXiv 2106.09685)."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        rows, columns = weight.flatten(1).shape
        rank = min(rank, rows, columns)
        self.up = nn.Parameter(torch.zeros(rows, rank))
        self.down = nn.Parameter(nn.init.orthogonal_(torch.empty(rank, columns)))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + (self.up @ self.down).view(weight.shape)


class StyleObjective(TeacherObjective):
    """The teacher's own loss on drawn pictures; its matrices change in low rank only."""

    def __init__(self, teacher: TeacherObjective, name: str) -> None:
        self.__dict__.update(vars(teacher))
        self.name = name
        unet = self.net.unet
        self.base = {key: value.clone() for key, value in unet.state_dict().items()}
        for module in list(unet.modules()):
            if isinstance(module, nn.Conv2d | nn.Linear):
                change = LowRank(module.weight, RANK)
                module.weight.requires_grad_(False)
                parametrize.register_parametrization(module, "weight", change)

    def publish(self, net: TextToImage, folder: Path) -> dict[str, float]:
        """Saves style − base in factors of rank RANK, which lose nothing."""
        styled = deepcopy(net.unet)
        for module in list(styled.modules()):
            if parametrize.is_parametrized(module, "weight"):
                parametrize.remove_parametrizations(module, "weight")
        delta = extract_delta(styled.state_dict(), self.base)
        factors = factorise_delta(delta, rank=RANK)
        halves = {key: factor.half() for key, factor in factors.items()}
        write_tensors(halves, folder / "styles" / self.name / "delta.safetensors")
        return {"rank": RANK}
