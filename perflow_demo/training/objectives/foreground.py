"""Foreground: which pixels are the things', whatever they stand before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from perflow_demo.evaluation.metrics import iou
from perflow_demo.nets import ForegroundNet
from perflow_demo.training.objectives.autoencoder import grid, to_tensor
from perflow_demo.training.objectives.backgrounds import backgrounds, window, without_backdrop
from perflow_demo.training.publish import write_module
from perflow_demo.training.toyworld.shards import Pictures


class ForegroundObjective:
    """Cross-entropy of alpha, and the overlap of what is found with what is there.

    Of the pictures, 40 % stay in the place that they were rendered in, with its shadows; the others
    are cut out and put elsewhere, smaller, larger and off the middle, cut by the edge at times.
    alphas: shards of ALPHA of the first of the `pictures`. The last `held_out` of those are never
    trained on; `sheet` and the card's figures come from them.
    """

    def __init__(self, pictures: Path, alphas: Path, held_out: int = 400, **config) -> None:
        self.net = ForegroundNet(**config)
        self.pictures, self.alphas = Pictures(pictures), Pictures(alphas)
        self.held_out = held_out

    def batch(self, rng: np.random.Generator, count: int) -> tuple[Tensor, Tensor]:
        """Pictures B 3 H W in [−1, 1] and their alpha B 1 H W in [0, 1]."""
        rows = rng.integers(len(self.alphas) - self.held_out, size=count)
        pixels, alpha = self._placed(rows, rng, elsewhere=0.6)
        return _worse(pixels, rng), alpha

    def loss(
        self, net: ForegroundNet, batch, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        pixels, alpha = batch
        logits = net(pixels.contiguous(memory_format=torch.channels_last)).float()
        found = logits.sigmoid()
        both = (found * alpha).sum((1, 2, 3))
        either = (found + alpha - found * alpha).sum((1, 2, 3))
        overlap = ((both + 1) / (either + 1)).mean()
        entropy = F.binary_cross_entropy_with_logits(logits, alpha)
        return entropy + (1 - overlap), {"iou": _mean_iou(logits.detach(), alpha)}

    @torch.no_grad()
    def sheet(self, net: ForegroundNet) -> Image.Image:
        """Held-out pictures in place and elsewhere, and below each row what is found, on white."""
        rows, rng, shown = self._last(12), np.random.default_rng(0), []
        columns = len(rows) // 2
        for elsewhere in (0.0, 1.0):
            pixels, _ = self._placed(rows[:columns], rng, elsewhere)
            alpha = net(pixels).float().sigmoid()
            shown += [pixels, pixels * alpha + (1 - alpha)]
            rows = rows[columns:]
        return grid(torch.cat(shown), columns)

    @torch.no_grad()
    def publish(self, net: ForegroundNet, folder: Path) -> dict[str, float]:
        """Saves it, fp16; returns the mean overlap on held-out pictures, in place and elsewhere."""
        write_module(net, folder / "foreground")
        rng, figures = np.random.default_rng(0), {}
        for name, elsewhere in (("iou_in_place", 0.0), ("iou_elsewhere", 1.0)):
            found = []
            for rows in np.array_split(self._last(self.held_out), max(1, self.held_out // 25)):
                pixels, alpha = self._placed(rows, rng, elsewhere)
                found.append(_mean_iou(net(pixels), alpha) * len(rows))
            figures[name] = sum(found) / self.held_out
        return figures

    def _last(self, count: int) -> np.ndarray:
        return np.arange(len(self.alphas))[-self.held_out :][:count]

    def _placed(
        self, rows: np.ndarray, rng: np.random.Generator, elsewhere: float
    ) -> tuple[Tensor, Tensor]:
        """Those pictures, a share of them elsewhere: B 3 H W and alpha B 1 H W."""
        pixels = to_tensor(np.stack([self.pictures[row] for row in rows]))
        alpha = torch.from_numpy(np.stack([self.alphas[row] for row in rows])).unsqueeze(1) / 255
        moved = rng.random(len(rows)) < elsewhere
        # A window inside the picture in place, where nothing is beyond its edges; any elsewhere.
        sides = np.where(moved, rng.uniform(0.8, 1.7, len(rows)), rng.uniform(0.75, 1, len(rows)))
        reach = np.where(moved, 0.4 * sides, 1 - sides)
        centres = reach[:, None] * rng.uniform(-1, 1, (len(rows), 2))
        mirrored = rng.choice([-1, 1], len(rows))
        view = np.column_stack([sides * mirrored, sides]), centres
        things = without_backdrop(pixels, alpha) * alpha
        kept, things, seen = window(torch.cat([pixels, things, alpha], 1), *view).split(
            (3, 3, 1), 1
        )
        put = things + (1 - seen) * backgrounds(pixels, rng)
        return torch.where(torch.from_numpy(moved).view(-1, 1, 1, 1), put, kept), seen


def _worse(pixels: Tensor, rng: np.random.Generator) -> Tensor:
    """Under other light, at times blurred and noisy, as drawn and photographed pictures are."""
    count = len(pixels)

    def random(low: float, high: float, *shape: int) -> Tensor:
        values = rng.uniform(low, high, (count, *shape)).astype(np.float32)
        return torch.from_numpy(values).view(count, -1, 1, 1)

    grey = pixels.mean(1, keepdim=True)
    pixels = torch.lerp(grey, pixels, random(0.6, 1.3))
    pixels = pixels * random(0.7, 1.15, 3) + random(-0.15, 0.15)
    if rng.random() < 0.6:
        size = pixels.shape[-2:]
        small = F.avg_pool2d(pixels, int(rng.choice((2, 4, 8))))
        pixels = F.interpolate(small, size, mode="bilinear")
    noise = rng.normal(0, rng.uniform(0, 0.05), pixels.shape).astype(np.float32)
    return (pixels + torch.from_numpy(noise)).clamp(-1, 1)


def _mean_iou(logits: Tensor, alpha: Tensor) -> float:
    pairs = zip((logits > 0).numpy(), (alpha > 0.5).numpy(), strict=True)
    return float(np.mean([iou(found, there) for found, there in pairs]))
