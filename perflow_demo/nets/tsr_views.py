"""Rays of cameras around a TSR world (+Z up), and colours marched along them."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

INSET = 0.999  # of the box: its outermost rim is left out
SHORTEST = 0.01  # a ray's way inside the box, below which it sees only background


def orbit_rays(
    n_views: int, elevation_deg: float, distance: float, fovy_deg: float, height: int, width: int
) -> tuple[Tensor, Tensor]:
    """Origins V 3 and unit directions V H W 3 of cameras that look at the world's origin.

    Camera i stands at azimuth 360·i/V, 0 on +X, and rays run through pixel centres.
    """
    azimuth = torch.arange(n_views, dtype=torch.float64) * (2 * math.pi / n_views)
    elevation = torch.full_like(azimuth, math.radians(elevation_deg))
    backward = torch.stack(
        [elevation.cos() * azimuth.cos(), elevation.cos() * azimuth.sin(), elevation.sin()], 1
    )
    up = backward.new_tensor([0.0, 0.0, 1.0]).expand_as(backward)
    right = F.normalize(torch.linalg.cross(up, backward, dim=-1), dim=-1)
    up = torch.linalg.cross(backward, right, dim=-1)
    focal = 0.5 * height / math.tan(0.5 * math.radians(fovy_deg))
    x = (torch.arange(width, dtype=torch.float64) + 0.5 - width / 2) / focal
    y = (height / 2 - 0.5 - torch.arange(height, dtype=torch.float64)) / focal
    directions = (
        x[None, None, :, None] * right[:, None, None]
        + y[None, :, None, None] * up[:, None, None]
        - backward[:, None, None]
    )
    return (distance * backward).float(), F.normalize(directions, dim=-1).float()


def sample_rays(
    origins: Tensor, directions: Tensor, radius: float, samples: int
) -> tuple[Tensor, Tensor]:
    """Points N S 3 at the middles of equal parts of each ray's way through the box ±radius.

    Also N booleans: whether the ray goes through the box far enough to be marched.
    """
    reach = INSET * radius
    steep = torch.where(directions.abs() < 1e-6, torch.full_like(directions, 1e-6), directions)
    ends = torch.stack([(-reach - origins) / steep, (reach - origins) / steep])
    near = ends.amin(0).amax(-1).clamp(min=0)
    far = ends.amax(0).amin(-1)
    middles = (torch.arange(samples, device=origins.device) + 0.5) / samples
    ways = near[:, None] + (far - near)[:, None] * middles.to(origins)
    points = origins[:, None] + ways[..., None] * directions[:, None]
    return points, far - near > SHORTEST


def shade(density: Tensor, colours: Tensor) -> Tensor:
    """Colours N 3 on white of samples in order: density N S, colours N S 3.

    Volume rendering (Max 1995; NeRF, Mildenhall et al. 2020, eq. 3) with 1/S as the length of a
    step on every ray, which is how the published weights were trained.
    """
    alpha = 1 - torch.exp(-density / density.shape[-1])
    passed = torch.cumprod(1 - alpha + 1e-10, -1)
    weights = alpha * F.pad(passed[:, :-1], (1, 0), value=1.0)
    return (weights[..., None] * colours).sum(1) + 1 - weights.sum(1, keepdim=True)
