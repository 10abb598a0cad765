"""A lamp: on a foot, with a bent arm, or like a mushroom."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.palette import GOLD, LAMP_LIGHT, STEEL, Look
from perflow_demo.training.toyworld.parts import Model, Paint, Part
from perflow_demo.training.toyworld.primitives import (
    box,
    cylinder,
    ellipsoid,
    lathe,
    sphere,
    torus,
    tube,
)


def lamp(rng: np.random.Generator, look: Look) -> Model:
    """A table lamp with a shade on a foot, a desk lamp with a bent arm, or a mushroom lamp."""
    style = rng.choice(["table", "desk", "mushroom"], p=[0.55, 0.25, 0.2])
    if style == "desk":
        return _desk_lamp(rng, look)
    if style == "mushroom":
        return _mushroom_lamp(rng, look)
    foot, top = _foot(rng, look.second)
    low, high, tall = rng.uniform(1.0, 1.2), rng.uniform(0.55, 1.0), rng.uniform(1.15, 1.45)
    shade = _shade(look.main, low, min(low, high), tall, bend=rng.choice([0.0, 0.14]))
    top += 0.24
    parts = [
        *foot,
        shade.move(y=top),
        ellipsoid(0.36, 0.34, 0.36, LAMP_LIGHT, 24).move(y=top + 0.04),
    ]
    parts.append(cylinder(0.14, 0.32, STEEL).move(y=top - 0.3))
    details = []
    if rng.random() < 0.4:
        parts.append(torus(low, 0.05, look.second, 48).move(y=top))
        parts.append(torus(min(low, high), 0.05, look.second, 48).move(y=top + tall))
        details.append("a trimmed shade")
    else:
        parts.append(sphere(0.1, look.second, 18).move(y=top + tall + 0.07))
    if rng.random() < 0.35:
        x = 0.55 * low
        parts.append(tube([(x, top + 0.2, 0.2), (x, top - 0.3, 0.2)], 0.03, GOLD, 8))
        parts.append(sphere(0.085, GOLD, 16).move(x, top - 0.36, 0.2))
        details.append("a pull chain")
    return Model(parts, noun="table lamp" if rng.random() < 0.5 else None, details=tuple(details))


def _shade(paint: Paint, low: float, high: float, tall: float, bend: float) -> Part:
    """A hollow frustum, open below, closed above; its wall drawn in by `bend`."""
    share = np.linspace(0, 1, 10)
    wall = low + (high - low) * share - bend * np.sin(np.pi * share)
    outside = list(zip(wall, share * tall, strict=True))
    inside = [(r - 0.07, min(y, tall - 0.08)) for r, y in outside[::-1]]
    return lathe([*inside, *outside], paint, 40, 48)


def _foot(rng: np.random.Generator, paint: Paint) -> tuple[list[Part], float]:
    """A vase, a turned column, a pile of balls or three legs; and its height."""
    style = rng.choice(["vase", "column", "balls", "tripod"])
    disc = lathe([(0.66, 0), (0.66, 0.07), (0.58, 0.14), (0.2, 0.2)], paint, 40, 48)
    tall = rng.uniform(0.95, 1.35)
    if style == "vase":
        share = np.linspace(0, 1, 18)
        swell = (
            0.24
            + rng.uniform(0.36, 0.5) * np.sin(np.pi * share**0.8) ** 1.4
            + 0.16 * (1 - share) ** 6
        )
        return [lathe(list(zip(swell, share * tall, strict=True)), paint, 50, 40)], tall
    if style == "column":
        stick = tube([(0, 0.1, 0), (0, tall, 0)], 0.11, paint)
        ring = ellipsoid(0.24, 0.14, 0.24, paint, 24)
        return [disc, stick, ring.move(y=0.35), ring.move(y=tall - 0.1)], tall
    if style == "balls":
        sizes, y, parts = [0.36, 0.3, 0.25], 0.12, [disc]
        for size in sizes:
            parts.append(ellipsoid(size, size * 0.85, size, paint, 28).move(y=y + size * 0.78))
            y += size * 1.5
        return parts, y
    leg = tube([(0, 0.1, 0.78), (0, tall, 0.08)], [0.085, 0.11], paint, 14)
    ring = torus(0.4, 0.05, paint).move(y=tall * 0.48)
    return [
        *(leg.turn("y", a) for a in (60, 180, 300)),
        ring,
        cylinder(0.2, 0.16, paint).move(y=tall),
    ], tall


def _desk_lamp(rng: np.random.Generator, look: Look) -> Model:
    """A foot, two arms with a joint, and a bell that shines to the front and down."""
    side = rng.choice([-1, 1])
    elbow = np.array([-side * rng.uniform(0.5, 0.7), rng.uniform(1.0, 1.25), -0.1])
    neck = np.array([side * rng.uniform(0.1, 0.3), rng.uniform(1.95, 2.2), 0.1])
    foot = lathe([(0.75, 0), (0.75, 0.1), (0.66, 0.18), (0.15, 0.22)], look.second, 40, 48)
    parts = [foot, tube([(0, 0.15, 0), tuple(elbow)], 0.095, look.second)]
    parts += [
        tube([tuple(elbow), tuple(neck)], 0.095, look.second),
        sphere(0.17, STEEL, 22).move(*elbow),
    ]
    wall = [
        (0.8, 0.0),
        (0.76, 0.3),
        (0.6, 0.58),
        (0.36, 0.74),
        (0.26, 0.82),
        (0.26, 1.05),
        (0.16, 1.14),
    ]
    inside = [(0.1, 0.62), (0.34, 0.62), (0.54, 0.5), (0.69, 0.28), (0.73, 0.0)]
    bell = lathe([*inside, *wall], look.main, 50, 48)
    bulb = ellipsoid(0.36, 0.4, 0.36, LAMP_LIGHT, 26).move(y=0.14)
    size = rng.uniform(1.1, 1.3)
    head = [p.stretch(size, size, size).move(y=-0.72 * size) for p in (bell, bulb)]
    tilt, turn = -rng.uniform(28, 48), side * rng.uniform(10, 40)
    parts += [p.turn("x", tilt).turn("y", turn).move(*neck) for p in head]
    return Model(parts, noun="desk lamp", details=("a bent arm",))


def _mushroom_lamp(rng: np.random.Generator, look: Look) -> Model:
    """A dome over a stem, light beneath it."""
    tall, radius, rise = rng.uniform(0.9, 1.2), rng.uniform(1.0, 1.2), rng.uniform(0.8, 1.05)
    angle = np.radians(np.linspace(0, 86, 14))
    inside = [(0.3, 0.1), (radius - 0.1, 0.1), (radius - 0.08, 0.0)]
    dome = lathe(
        [*inside, *((radius * np.cos(a), rise * np.sin(a)) for a in angle)], look.main, 50, 48
    )
    share = np.linspace(0, 1, 14)
    stem = 0.3 + 0.36 * (1 - share) ** rng.uniform(1.5, 4) + 0.05 * share**3
    foot = lathe(list(zip(stem, share * tall, strict=True)), look.second, 50, 40)
    light = ellipsoid(0.6 * radius, 0.36, 0.6 * radius, LAMP_LIGHT).move(y=tall + 0.1)
    tall += 0.16
    parts = [foot, light, dome.move(y=tall)]
    if rng.random() < 0.5:
        parts.append(sphere(0.13, look.second, 20).move(y=tall + rise + 0.06))
    if rng.random() < 0.4:
        parts.append(box(0.2, 0.12, 0.1, GOLD, 0.04).move(y=0.25, z=float(stem[3])))
    return Model(parts, details=("a round shade",))
