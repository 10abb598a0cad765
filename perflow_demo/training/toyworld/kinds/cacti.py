"""Cacti: with arms, round, or with flat pads; in a pot."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.faces import Ball
from perflow_demo.training.toyworld.kinds.pots import RIM, pot
from perflow_demo.training.toyworld.palette import WHITE, Look
from perflow_demo.training.toyworld.parts import Model, Paint, Part, Point
from perflow_demo.training.toyworld.primitives import ellipsoid, sphere, tube

# Parts, words for the shape, and where flowers may sit.
Grown = tuple[list[Part], str, list[Point]]


def cactus(rng: np.random.Generator, look: Look) -> Model:
    """A potted cactus: a ribbed stem with arms, a ball, or flat pads; often in bloom."""
    in_pot = pot(rng, look.second)
    shape = rng.choice([0, 1, 2], p=[0.5, 0.25, 0.25])
    parts, words, tips = (_with_arms, _round, _with_pads)[shape](rng, look.main)
    details = [words]
    if rng.random() < 0.55:
        parts += [piece for place in tips for piece in _bloom(look.third, 0.3, place)]
        details.append("a flower on top" if len(tips) == 1 else "flowers")
    return Model([*in_pot, *parts], details=tuple(details))


def _with_arms(rng: np.random.Generator, paint: Paint) -> Grown:
    tall = rng.uniform(2.0, 2.6)
    stem = tube(
        [(0, RIM - 0.2, 0), (0, RIM + tall * 0.5, 0), (0, RIM + tall, 0)],
        [0.5, 0.54, 0.46],
        paint,
        60,
    )
    parts, blooms = [_ribbed(stem, 10, 0.06, 60)], [(0.0, RIM + tall + 0.43, 0.0)]
    count = int(rng.integers(1, 3))
    for side in (1, -1)[:count]:
        y = RIM + tall * rng.uniform(0.3, 0.5)
        path = [
            (0, y, 0),
            (0.75, y + 0.02, 0),
            (0.98, y + 0.35, 0),
            (1.0, y + rng.uniform(0.8, 1.1), 0),
        ]
        arm = _ribbed(tube(path, [0.27, 0.27, 0.29, 0.27], paint, 32), 8, 0.035, 32)
        parts.append(arm.stretch(x=side))
        blooms.append((side * path[-1][0], path[-1][1] + 0.27, 0.0))
    parts += _spines((0.0, RIM, 0.0), 0.55, tall)
    return parts, ("one arm", "two arms")[count - 1], blooms


def _round(rng: np.random.Generator, paint: Paint) -> Grown:
    wide, high = rng.uniform(1.05, 1.25), rng.uniform(0.95, 1.2)
    body = ellipsoid(1, 1, 1, paint, 72).warp(_ridged)
    parts = [body.stretch(wide, high, wide).move(0, RIM + high * 0.78, 0)]
    ball = Ball((0.0, RIM + high * 0.78, 0.0), (wide, high, wide))
    parts += [ball.stick(_spine(), 30 * i, lift, 1.04) for i in range(12) for lift in (-12, 22, 52)]
    return parts, "a round shape", [ball.at(0, 90, 1.01)]


def _with_pads(rng: np.random.Generator, paint: Paint) -> Grown:
    """A prickly pear."""
    parts, tips = [], []
    low = (0.0, RIM + 0.75, 0.0)
    pads = [(low, 0.72, 0.95, 0.0)]
    for side in (1, -1):
        pads.append(
            ((side * 0.72, RIM + rng.uniform(1.75, 2.0), side * 0.08), 0.5, 0.66, side * -32)
        )
    if rng.random() < 0.6:
        pads.append(((0.05, RIM + 2.3, -0.1), 0.5, 0.72, 4.0))
    for (x, y, z), wide, high, roll in pads:
        pad = ellipsoid(wide, high, 0.3, paint, 36).turn("z", roll)
        parts.append(pad.move(x, y, z))
        ball = Ball((0.0, 0.0, 0.0), (wide, high, 0.3))
        for turn in (-38, 0, 38, 142, 180, 218):
            for lift in (-35, 0, 38):
                parts.append(ball.stick(_spine(), turn, lift, 1.02).turn("z", roll).move(x, y, z))
        c, s = np.cos(np.radians(roll)), np.sin(np.radians(roll))
        tips.append((x - s * high * 0.95, y + c * high * 0.95, z))
    return parts, "flat pads", tips[1:]


def _ribbed(tubed: Part, ribs: int, depth: float, detail: int) -> Part:
    """A tube of `detail` segments with ribs along it."""
    turn = 2 * np.pi * (np.arange(len(tubed.vertices)) - 1) / detail
    wave = depth * np.cos(ribs * turn)[:, None] * tubed.normals
    wave[[0, -1]] = 0
    return tubed.warp(lambda v: v + wave)


def _ridged(v: np.ndarray) -> np.ndarray:
    wave = np.cos(12 * np.arctan2(v[:, 0], v[:, 2])) * np.sqrt(np.clip(1 - v[:, 1] ** 2, 0, 1))
    return v * (1 + 0.065 * wave)[:, None]


def _spine() -> Part:
    return ellipsoid(0.035, 0.035, 0.12, WHITE, 8)


def _spines(foot: Point, radius: float, tall: float) -> list[Part]:
    """Staggered rows of spines round an upright stem."""
    x, y, z = foot
    rows = np.arange(0.4, tall + 0.1, 0.42)
    return [
        _spine().move(0, y + height, radius * 1.04).turn("y", 36 * i + 36 * (row % 2)).move(x, 0, z)
        for row, height in enumerate(rows)
        for i in range(0, 10, 2)
    ]


def _bloom(paint: Paint, size: float, place: Point) -> list[Part]:
    """A little open flower that looks upward."""
    petal = ellipsoid(size * 0.42, size * 0.16, size * 0.62, paint, 16).turn("x", -42)
    parts = [
        petal.move(0, size * 0.34, size * 0.5).turn("y", 60 * i).move(*place) for i in range(6)
    ]
    return [
        *parts,
        sphere(size * 0.36, Paint((0.98, 0.83, 0.2)), 16).move(0, size * 0.3, 0).move(*place),
    ]
