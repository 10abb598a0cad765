"""Flower pots."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.parts import Paint, Part
from perflow_demo.training.toyworld.primitives import ellipsoid, lathe

SOIL = Paint((0.27, 0.18, 0.12))
RIM = 0.95  # height of a pot


def pot(rng: np.random.Generator, paint: Paint) -> list[Part]:
    """A flower pot RIM high, filled with soil; straight-sided or rounded."""
    side = [(0.62, 0.0), (0.82, 0.68)]
    if rng.random() < 0.4:
        side = [(0.55, 0.0), (0.8, 0.2), (0.88, 0.42), (0.8, 0.68)]
    profile = [
        *side,
        (0.95, 0.68),
        (0.98, 0.72),
        (0.98, 0.92),
        (0.95, 0.95),
        (0.84, 0.95),
        (0.82, 0.86),
    ]
    return [lathe(profile, paint, 40), ellipsoid(0.83, 0.12, 0.83, SOIL, 28).move(0, 0.85, 0)]
