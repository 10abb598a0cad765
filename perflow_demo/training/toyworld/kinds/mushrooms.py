"""Mushrooms: a cap, often spotted, on a stout stem."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.palette import WHITE, Look, lighter
from perflow_demo.training.toyworld.parts import Model, Part
from perflow_demo.training.toyworld.primitives import ellipsoid, lathe, torus, tube


def mushroom(rng: np.random.Generator, look: Look) -> Model:
    """A spotted cap on a stout stem, alone or with a small one beside it."""
    shape = str(rng.choice(["round", "flat", "pointed"], p=[0.5, 0.25, 0.25]))
    spotted = (
        look.main.finish in ("matte", "glossy")
        and sum(look.main.colour) < 2.5
        and rng.random() < 0.75
    )
    parts, top = _toadstool(rng, look, shape, spotted)
    details = [f"a {shape} cap"]
    if spotted:
        details.append("white spots")
    if rng.random() < 0.35:
        small, _ = _toadstool(rng, look, shape, spotted)
        side, size = float(rng.choice([-1, 1])), rng.uniform(0.42, 0.52)
        parts += [part.stretch(size, size, size).move(side * 1.05, 0, 0.55) for part in small]
        details.append("a small mushroom beside it")
    return Model(parts, details=tuple(details), perch=(0.0, top - 0.04, 0.0))


def _toadstool(
    rng: np.random.Generator, look: Look, shape: str, spotted: bool
) -> tuple[list[Part], float]:
    """Parts of one mushroom on y = 0 and the height of its top."""
    tall, thick = rng.uniform(1.2, 1.6), rng.uniform(0.42, 0.56)
    wide, high, power = {
        "round": (1.45, 1.25, 0.5),
        "flat": (1.65, 0.8, 0.55),
        "pointed": (1.3, 1.75, 0.8),
    }[shape]
    wide *= rng.uniform(0.93, 1.07)
    steps = np.linspace(0, 1, 14)[1:]
    dome = [(wide * (1 - s**2) ** power if s < 1 else 0.0, tall + high * s) for s in steps]
    under = [
        (thick * 0.8, tall + 0.12),
        (wide * 0.8, tall - 0.06),
        (wide * 0.95, tall - 0.1),
        (wide * 1.01, tall - 0.02),
    ]
    cap = lathe([*under[1:], *dome], look.main, 60, detail=44)
    gills = lathe(
        [(thick * 0.8, tall - 0.16), (wide * 0.84, tall - 0.08), (wide * 0.8, tall + 0.02)],
        lighter(look.second, 0.35),
        50,
    )
    stem = tube(
        [(0, thick * 0.9, 0), (0, tall * 0.5, 0), (0, tall, 0)],
        [thick * 1.25, thick, thick * 0.85],
        look.second,
        32,
    )
    stem = stem.flattened(0.0)
    ring = torus(thick * 0.98, 0.11, lighter(look.second, 0.4), 30).move(0, tall * 0.72, 0)
    parts = [cap, gills, stem, ring]
    if spotted:
        parts += _cap_spots(rng, dome)
    return parts, tall + high


def _cap_spots(rng: np.random.Generator, dome: list[tuple[float, float]]) -> list[Part]:
    """White discs in three rings, lying on the cap's profile."""
    line, parts = np.array(dome), []
    for index, count, size in ((2, 7, 0.2), (6, 6, 0.25), (10, 4, 0.2)):
        (radius, y), along = line[index], line[index + 1] - line[index - 1]
        lift = np.degrees(np.arctan2(-along[0], along[1]))
        start = rng.uniform(0, 360)
        for i in range(count):
            spot = ellipsoid(*[size * rng.uniform(0.8, 1.15)] * 2, 0.07, WHITE, 18)
            parts.append(
                spot.turn("x", -lift).move(0, y, radius).turn("y", start + 360 * i / count)
            )
    return parts
