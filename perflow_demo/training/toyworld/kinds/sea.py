"""Swimming toys: fish."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perflow_demo.training.toyworld.kinds.birds import feather
from perflow_demo.training.toyworld.kinds.faces import Ball, eyes
from perflow_demo.training.toyworld.kinds.kind import Kind
from perflow_demo.training.toyworld.palette import TONGUE, Look, lighter
from perflow_demo.training.toyworld.parts import Model, Paint, Part
from perflow_demo.training.toyworld.primitives import ellipsoid, lathe, torus


def fish(rng: np.random.Generator, look: Look) -> Model:
    tall = rng.random() < 0.4
    radii = (0.58, rng.uniform(1.0, 1.12), 1.12) if tall else (0.76, rng.uniform(0.78, 0.88), 1.15)
    body = Ball((0.0, 0.0, 0.0), radii)
    bright = look.accents(rng, 14) if look.colourful else [look.second] * 14
    parts = [body.part(look.main, 44)]
    belly = bright[12] if look.colourful else lighter(look.main, 0.5)
    parts.append(
        ellipsoid(radii[0] * 0.86, radii[1] * 0.7, 0.95, belly).move(0, -radii[1] * 0.34, 0.08)
    )
    long = rng.random() < 0.5
    swing = rng.choice([-1, 1]) * rng.uniform(22, 38)
    parts += _tail(bright[0:5], 1.15 if long else 0.85, swing, radii[2])
    parts += _back_fin(bright[5:9], radii, 0.62 if tall else 0.5)
    for i, roll in enumerate((118, 140)):
        blade = feather(0.68 - 0.1 * i, 0.19, bright[9 + i]).turn("z", -roll).turn("y", 48)
        parts += blade.move(radii[0] * 0.82, -0.12, 0.32).pair()
    blade = (
        feather(0.55, 0.2, bright[11])
        .stretch(z=0.8)
        .turn("y", 90)
        .turn("x", 180 + 40)
        .turn("z", 18)
    )
    parts += blade.move(0.16, -radii[1] * 0.75, 0.0).pair()
    details = ["a long tail" if long else "a short tail"]
    if rng.random() < 0.4:
        stripe = bright[13] if look.colourful else look.second
        parts += [_band(radii, low, low + 0.18, stripe) for low in (-0.5, 0.12)]
        details.append("stripes")
    parts += eyes(body, 42, 14, 0.26, 0.72)
    lips = torus(0.15, 0.08, TONGUE, 20).turn("x", 90).stretch(1.2)
    parts.append(body.stick(lips, 0, -12, 0.99))
    parts.append(body.stick(ellipsoid(0.15, 0.12, 0.04, lighter(TONGUE, -0.6), 14), 0, -12, 1.0))
    details += ["a tall body"] if tall else ["a round belly"]
    return Model(parts, details=tuple(details))


def _tail(paints: Sequence[Paint], length: float, swing: float, end: float) -> list[Part]:
    """A fan of five blades behind, swung aside so that the front view shows it."""
    parts = []
    for roll, paint in zip((-58, -30, 0, 30, 58), paints, strict=True):
        reach = length * (0.72 + 0.28 * abs(roll) / 58)
        blade = (
            feather(reach, 0.25, paint).stretch(z=0.9).turn("z", roll).turn("y", 90).turn("x", -90)
        )
        parts.append(blade.turn("y", swing).move(0, 0, -end * 0.93))
    return parts


def _back_fin(paints: Sequence[Paint], radii: Sequence[float], height: float) -> list[Part]:
    parts = []
    for i, paint in enumerate(paints):
        along = 0.42 - 0.3 * i
        y = radii[1] * np.sqrt(1 - (along / radii[2]) ** 2) - 0.15
        blade = feather(height * (0.85, 1.0, 0.95, 0.75)[i] + 0.1, 0.24, paint).turn("y", 90)
        parts.append(blade.turn("x", -28 - 10 * i).move(0, y, along))
    return parts


def _band(radii: Sequence[float], low: float, high: float, paint: Paint) -> Part:
    """A stripe around the body between two places along it."""
    z = np.linspace(low, high, 9) / radii[2]
    ring = np.sqrt(1 - z**2) * 1.012
    profile = list(zip(ring, z, strict=True))
    return lathe(profile, paint, detail=44).turn("x", 90).stretch(*radii)


KINDS = (
    Kind(
        name="fish",
        build=fish,
        nouns=("fish",),
        natural=(("orange", "white"), ("blue", "yellow"), ("yellow", "blue"), ("red", "orange")),
        second_part="{colour} fins",
        never=("goldfish", "carp"),
        finishes=("glossy", "dotted", "metallic"),
        colourful=True,
    ),
)
