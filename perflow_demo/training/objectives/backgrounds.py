"""Pictures put before something else: plain colours, gradients, noise, pieces of other pictures."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW = (0.15, 0.4)  # side of the piece of another picture, in sides of the picture
GRAINS = (4, 8, 16, 64)  # cells of noise along a side


def backgrounds(pixels: Tensor, rng: np.random.Generator) -> Tensor:
    """One background for each picture, of its size: B 3 H W in [−1, 1].

    pixels: the pictures, of which pieces may be taken.
    """
    kinds = (_plain, _gradient, _noise, _piece)
    made = [kinds[rng.integers(len(kinds))](pixels[rng.integers(len(pixels))], rng) for _ in pixels]
    return torch.stack(made).clamp(-1, 1)


def without_backdrop(pixels: Tensor, alpha: Tensor) -> Tensor:
    """The things' own colours: where alpha is partial, those of the opaque pixels around.

    pixels: B 3 H W. alpha: B 1 H W in [0, 1]. Else the old backdrop would give the rim away.
    """
    opaque = (alpha == 1).float()
    weight = F.avg_pool2d(opaque, 3, 1, 1)
    around = F.avg_pool2d(pixels * opaque, 3, 1, 1) / weight.clamp(min=1e-6)
    return torch.where((opaque == 0) & (weight > 0), around, pixels)


def window(pixels: Tensor, sides: np.ndarray, centres: np.ndarray) -> Tensor:
    """What a square window of each picture shows, at the picture's own size; zero beyond its edges.

    pixels: B C H W. sides: B×2, width and height of the window in those of the picture; a negative
    width mirrors it. centres: B×2, x and y in −1…1.
    """
    theta = np.zeros((len(pixels), 2, 3), np.float32)
    theta[:, 0, 0], theta[:, 1, 1] = sides.T
    theta[:, :, 2] = centres
    grid = F.affine_grid(torch.from_numpy(theta), list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, align_corners=False)


def _colour(rng: np.random.Generator) -> Tensor:
    """3 1 1, often near white or grey, as the backgrounds of pictures of products are."""
    values = rng.uniform(-1, 1, 3)
    if rng.random() < 0.4:
        values = rng.choice([1.0, 1.0, 0.8, 0.0, -0.9]) + rng.normal(0, 0.03, 3)
    return torch.from_numpy(values.astype(np.float32)).view(3, 1, 1)


def _plain(picture: Tensor, rng: np.random.Generator) -> Tensor:
    return _colour(rng).expand_as(picture)


def _gradient(picture: Tensor, rng: np.random.Generator) -> Tensor:
    angle = rng.uniform(0, 2 * np.pi)
    y, x = (torch.linspace(-0.5, 0.5, side) for side in picture.shape[-2:])
    share = (0.5 + np.cos(angle) * x + np.sin(angle) * y.unsqueeze(1)).clamp(0, 1)
    return torch.lerp(_colour(rng), _colour(rng), share.to(picture))


def _noise(picture: Tensor, rng: np.random.Generator) -> Tensor:
    grain = int(rng.choice(GRAINS))
    cells = torch.from_numpy(rng.normal(0, rng.uniform(0.1, 0.6), (1, 3, grain, grain)))
    smooth = F.interpolate(cells.float(), picture.shape[-2:], mode="bilinear")
    return _colour(rng) + smooth[0]


def _piece(picture: Tensor, rng: np.random.Generator) -> Tensor:
    side = rng.uniform(*WINDOW)
    centre = rng.uniform(side - 1, 1 - side, (1, 2))
    return window(picture.unsqueeze(0), np.full((1, 2), side), centre)[0]
