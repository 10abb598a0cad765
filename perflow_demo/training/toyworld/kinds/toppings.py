"""What crowns a cake or an ice cream: cherries, strawberries, cream, sprinkles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from perflow_demo.training.toyworld.kinds.surfaces import TURN, turned
from perflow_demo.training.toyworld.palette import LEAF, Look
from perflow_demo.training.toyworld.parts import Paint, Part
from perflow_demo.training.toyworld.primitives import ellipsoid, sphere, tube

CREAM = Paint((0.99, 0.95, 0.86))
CHERRY = Paint((0.78, 0.06, 0.12), "glossy")


def cherry(size: float) -> list[Part]:
    """A cherry whose middle is at `size` above the origin, with its stalk."""
    stalk = [(0, size * 1.7, 0), (size * 0.15, size * 2.6, 0), (size * 0.7, size * 3.3, 0)]
    return [sphere(size, CHERRY, 16).move(y=size * 0.9), tube(stalk, size * 0.13, LEAF, 8)]


def strawberry(size: float) -> list[Part]:
    """A strawberry that stands upside down on the origin, its leaves hidden below."""

    def bend(v: np.ndarray) -> np.ndarray:
        return v * np.stack([1 - 0.4 * v[:, 1], 1 + 0 * v[:, 1], 1 - 0.4 * v[:, 1]], 1)

    berry = (
        sphere(1, CHERRY, 20).warp(bend).stretch(size * 0.75, size, size * 0.75).move(y=size * 0.7)
    )
    return [berry, ellipsoid(size * 0.95, size * 0.16, size * 0.95, LEAF, 14).move(y=size * 0.1)]


def dollop(size: float) -> Part:
    """A star-shaped swirl of cream standing on the origin."""
    around, steps = 30, 12
    turn, rise = TURN * np.arange(around) / around, np.linspace(0, 1, steps)[:, None]
    star = 1 + 0.13 * np.cos(6 * turn + 5 * rise)
    radius = size * star * (1.02 - (1 - rise)) ** 0.75 * (1 - 0.25 * rise**6)
    return turned(np.maximum(radius, 0.02 * size), size * 1.25 * (1 - rise) + 0 * turn, CREAM)


def sprinkle(at: np.ndarray, along: np.ndarray, paint: Paint, size: float = 0.05) -> Part:
    reach = 1.5 * size * along / np.linalg.norm(along)
    return tube([tuple(at - reach), tuple(at + reach)], size, paint, 8)


def mixed(rng: np.random.Generator, look: Look) -> tuple[Look, str]:
    """The look of sprinkles, sweets or candles, and its words: half the time of all colours."""
    if look.colourful or rng.random() < 0.5:
        return replace(look, colourful=True), "colorful "
    return look, ""
