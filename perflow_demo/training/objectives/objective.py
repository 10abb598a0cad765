"""The contract between an objective and the training loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn


class Objective(Protocol):
    """One thing to learn.

    net: what the optimizer changes and the EMA follows.
    A step is `loss(net, batch(rng, count), generator)`, a pure function of the net and the two
    random states, so a run resumes exactly.
    """

    net: nn.Module

    def batch(self, rng: np.random.Generator, count: int) -> Any:
        """`count` training examples drawn with `rng`."""

    def loss(
        self, net: nn.Module, batch: Any, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        """A scalar to minimise, and figures for the log."""

    def sheet(self, net: nn.Module) -> Image.Image:
        """A picture of what `net` makes now, always from the same inputs."""

    def publish(self, net: nn.Module, folder: Path) -> dict[str, float]:
        """Writes `net` into the asset folder of the family; returns measures for the card."""
