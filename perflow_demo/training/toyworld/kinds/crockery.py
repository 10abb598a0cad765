"""A mug and a teapot."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from perflow_demo.training.toyworld.palette import STEEL, WHITE, WOOD, Look, lighter
from perflow_demo.training.toyworld.parts import Model, Paint, Part
from perflow_demo.training.toyworld.primitives import cylinder, ellipsoid, lathe, torus, tube

COFFEE = Paint((0.24, 0.13, 0.07))
TEA = Paint((0.72, 0.36, 0.10))
COCOA = Paint((0.42, 0.24, 0.15))

Profile = Callable[[np.ndarray], np.ndarray]


def mug(rng: np.random.Generator, look: Look) -> Model:
    """A mug, or a teacup on its saucer: empty or full, with a band round it."""
    teacup = rng.random() < 0.25
    height = rng.uniform(1.05, 1.2) if teacup else rng.uniform(1.65, 2.1)
    radius = _cup_profile(rng, teacup)
    rise = np.linspace(0, height, 15)
    wall = radius(rise / height)
    outside = [(wall[0] * 0.9, 0.0), *zip(wall[1:], rise[1:], strict=True)]
    inside = [(r - 0.11, y) for r, y in outside[:1:-1]]
    lip = [(wall[-1] - 0.02, height + 0.035), (wall[-1] - 0.09, height + 0.035)]
    parts = [lathe([*outside, *lip, *inside, (inside[-1][0] * 0.9, 0.14)], look.main, 40, 48)]
    parts.append(_band(rng, radius, height, look.second))
    forward = rng.uniform(12, 42)  # so that it is not hidden behind
    turn = -forward if rng.random() < 0.75 else 180 + forward
    parts += [p.turn("y", turn) for p in _mug_handle(rng, look, radius, height)]
    details = []
    drink = rng.choice(["coffee", "tea", "hot chocolate", "none"], p=[0.35, 0.15, 0.2, 0.3])
    if drink != "none":
        paint = {"coffee": COFFEE, "tea": TEA, "hot chocolate": COCOA}[drink]
        level = height * 0.9
        surface = float(radius(np.array([0.9]))[0]) - 0.09
        parts.append(cylinder(surface, 0.1, paint).move(y=level))
        details.append(drink)
    if drink == "hot chocolate":
        parts += _marshmallows(rng, surface, level)
        details = ["marshmallows"]
    if teacup:
        parts += _saucer(look)
        details.append("a saucer")
    elif rng.random() < 0.15:
        parts += _spoon(height, wall[-1])
        details.append("a spoon")
    return Model(parts, noun="teacup" if teacup else None, details=tuple(details))


def _cup_profile(rng: np.random.Generator, teacup: bool) -> Profile:
    """Outer radius at the shares 0..1 of the height."""
    if teacup:
        foot, bow = rng.uniform(0.42, 0.5), rng.uniform(0.65, 0.9)
        return lambda s: foot + (1.02 - foot) * np.sin(np.pi / 2 * np.clip(s, 0, 1)) ** bow
    style = rng.choice(["straight", "flared", "belly", "tapered"])
    if style == "straight":
        return lambda s: 0.86 + 0 * s - 0.1 * np.exp(-s / 0.04)
    if style == "flared":
        return lambda s: 0.66 + 0.28 * s**1.3 - 0.08 * np.exp(-s / 0.04)
    if style == "belly":
        return lambda s: (
            0.78 + 0.2 * np.sin(np.pi * np.clip(s, 0, 1)) ** 0.9 - 0.06 * np.exp(-s / 0.05)
        )
    return lambda s: 0.96 - 0.16 * s - 0.1 * np.exp(-s / 0.04)


def _band(rng: np.random.Generator, radius: Profile, height: float, paint: Paint) -> Part:
    """A broad ring of paint that lies close round the wall."""
    middle, half = rng.uniform(0.36, 0.64), rng.uniform(0.1, 0.16)
    share = np.linspace(middle - half, middle + half, 9)
    ring = list(zip(radius(share) + 0.022, share * height, strict=True))
    hidden = [(float(radius(share[[i]])[0]) - 0.05, share[i] * height) for i in (0, -1)]
    return lathe([hidden[0], *ring, hidden[1]], paint, 40, 48)


def _mug_handle(rng: np.random.Generator, look: Look, radius: Profile, height: float) -> list[Part]:
    """A handle at +X."""
    high, low = rng.uniform(0.74, 0.84), rng.uniform(0.18, 0.3)
    start, end = (float(radius(np.array([s]))[0]) - 0.05 for s in (high, low))
    reach, top, bottom = max(start, end) + rng.uniform(0.5, 0.68), high * height, low * height
    style = rng.choice(["round", "ear", "square"])
    middle = (top + bottom) / 2
    if style == "round":
        path = [
            (start, top),
            (reach - 0.12, top - 0.02),
            (reach, middle),
            (reach - 0.12, bottom + 0.02),
            (end, bottom),
        ]
    elif style == "ear":
        path = [
            (start, top),
            (reach - 0.2, top + 0.12),
            (reach + 0.02, top - 0.25),
            (reach - 0.28, bottom + 0.18),
            (end, bottom),
        ]
    else:
        path = [
            (start, top),
            (reach - 0.08, top),
            (reach, top - 0.1),
            (reach, bottom + 0.1),
            (reach - 0.08, bottom),
            (end, bottom),
        ]
    thick = rng.uniform(0.11, 0.14)
    handle = tube(
        [(x, y, 0) for x, y in path], thick, look.main if rng.random() < 0.75 else look.second
    )
    return [handle.stretch(z=rng.uniform(1.0, 1.35))]


def _marshmallows(rng: np.random.Generator, radius: float, y: float) -> list[Part]:
    """Three or four soft cylinders that swim and show above the rim."""
    parts, count = [], int(rng.integers(3, 5))
    for i in range(count):
        soft = [(0.2, -0.15), (0.24, -0.12), (0.25, 0.12), (0.2, 0.17)]
        one = (
            lathe(soft, WHITE, 60, 20)
            .turn("x", rng.uniform(-30, 30))
            .turn("z", rng.uniform(-30, 30))
        )
        parts.append(
            one.move(y=y + 0.16, z=radius * 0.55).turn("y", 360 * i / count + rng.uniform(-12, 12))
        )
    return parts


def _saucer(look: Look) -> list[Part]:
    plate = [(0.55, -0.14), (0.7, -0.12), (1.4, 0.06), (1.42, 0.1), (0.75, -0.02), (0.55, 0.02)]
    return [lathe(plate, look.main, 35, 48), torus(1.41, 0.035, look.second, 48).move(y=0.085)]


def _spoon(height: float, radius: float) -> list[Part]:
    """A spoon that leans against the rim."""
    foot, top = (radius * 0.3, height * 0.3, -0.2), (-radius * 0.85, height * 1.34, -0.3)
    return [
        tube([foot, top], [0.05, 0.06], STEEL, 10),
        ellipsoid(0.1, 0.14, 0.06, STEEL, 16).turn("z", 30).move(*top),
    ]


def teapot(rng: np.random.Generator, look: Look) -> Model:
    """A teapot: round, squat, pear-shaped or tall; handle behind or over the top."""
    wide, tall, lean = {
        "round": (1.0, 1.55, 0.0),
        "squat": (1.18, 1.3, 0.0),
        "pear": (1.0, 1.75, 0.32),
        "tall": (0.82, 2.0, 0.2),
    }[rng.choice(["round", "squat", "pear", "tall"])]
    wide, tall = wide * rng.uniform(0.95, 1.05), tall * rng.uniform(0.95, 1.05)
    share = np.linspace(0.1, 0.93, 26)
    swell = np.sqrt(1 - (2 * share - 1) ** 2) * (1 - lean * (2 * share - 1))
    body = list(zip(swell * wide, share * tall, strict=True))
    foot = [(0.6 * wide, 0.03 * tall), (0.63 * wide, 0.07 * tall)]
    mouth, top = body[-1]
    lid, lid_top = _teapot_lid(rng, look, mouth, top)
    over = rng.random() < 0.3
    parts = [lathe([*foot, *body], look.main, 60, 48), *lid, *_spout(rng, look, wide, tall)]
    if over:
        parts.append(_arched_handle(rng, look, wide, top, lid_top))
    else:
        parts.append(_back_handle(rng, look, wide, tall))
    details = ["a handle on top"] if over else []
    if rng.random() < 0.35:
        parts += _painted_dots(rng, look, wide, tall, lean)
        details.append("painted dots")
    if rng.random() < 0.3:
        foot = ellipsoid(0.15, 0.17, 0.15, look.main, 16)
        parts += [foot.move(y=-0.02, z=0.5 * wide).turn("y", a) for a in (45, 135, 225, 315)]
        details.append("little feet")
    turn = rng.choice([0, 180], p=[0.7, 0.3]) + rng.uniform(-25, 10)
    return Model([p.turn("y", turn) for p in parts], details=tuple(details))


def _arched_handle(
    rng: np.random.Generator, look: Look, wide: float, low: float, lid_top: float
) -> Part:
    """A hoop over the lid, of wood or in the pot's own paint."""
    angle = np.linspace(-1.9, 1.9, 9)
    high = lid_top + rng.uniform(0.22, 0.35)
    foot = low - 0.22
    height = foot + (high - foot) * (np.cos(angle) - np.cos(1.9)) / (1 - np.cos(1.9))
    path = np.stack([0.8 * wide * np.sin(angle), height, 0 * angle], 1)
    paint = WOOD if rng.random() < 0.4 else look.main
    return tube([tuple(p) for p in path], 0.095, paint).stretch(z=1.3)


def _back_handle(rng: np.random.Generator, look: Look, wide: float, tall: float) -> Part:
    """An ear at -X."""
    x, reach = 0.8 * wide, wide + rng.uniform(0.5, 0.65)
    path = [
        (-x * 0.95, tall * 0.78, 0),
        (-reach + 0.12, tall * 0.86, 0),
        (-reach, tall * 0.6, 0),
        (-reach + 0.22, tall * 0.32, 0),
        (-x * 1.05, tall * 0.24, 0),
    ]
    return tube(path, rng.uniform(0.1, 0.13), look.main).stretch(z=1.25)


def _teapot_lid(
    rng: np.random.Generator, look: Look, mouth: float, top: float
) -> tuple[list[Part], float]:
    """A domed lid with a knob, and the height of its top."""
    r, rise = mouth + rng.uniform(0.08, 0.2), rng.uniform(0.24, 0.42)
    angle = np.radians(np.linspace(8, 88, 9))
    dome = [(r * np.cos(a), 0.06 + rise * np.sin(a)) for a in angle]
    lid = lathe([(r * 0.9, -0.06), (r, -0.04), (r * 1.02, 0.0), *dome], look.second, 50, 48)
    size = rng.uniform(0.13, 0.17)
    knob = ellipsoid(size, size * rng.uniform(0.8, 1.1), size, look.second, 20)
    neck = cylinder(size * 0.55, 0.12, look.second).move(y=top + rise + 0.06)
    parts = [lid.move(y=top), neck, knob.move(y=top + rise + 0.06 + size)]
    return parts, top + rise + 0.06 + 2 * size


def _spout(rng: np.random.Generator, look: Look, wide: float, tall: float) -> list[Part]:
    """A curved spout at +X with a dark mouth."""
    rise, reach = tall * rng.uniform(0.82, 0.98), wide + rng.uniform(0.52, 0.7)
    path = [
        (wide * 0.7, tall * 0.34, 0),
        (wide + 0.12, tall * 0.4, 0),
        (wide + 0.32, tall * 0.66, 0),
        (reach, rise, 0),
    ]
    spout = tube(path, [0.34, 0.26, 0.16, 0.13], look.main)
    hole = ellipsoid(0.09, 0.05, 0.09, lighter(look.main, -0.75), 14)
    return [spout, hole.turn("z", -35).move(reach + 0.06, rise + 0.105)]


def _painted_dots(
    rng: np.random.Generator, look: Look, wide: float, tall: float, lean: float
) -> list[Part]:
    """A row of flat spots round the belly."""
    share, parts = 0.5, []
    radius = wide * (1 - lean * (2 * share - 1))
    slope = np.degrees(np.arctan2(2 * lean * wide, tall))
    size = rng.uniform(0.13, 0.18)
    for i, paint in enumerate(look.accents(rng, 9)):
        spot = ellipsoid(size, size, 0.05, paint, 18).turn("x", -slope)
        parts.append(spot.move(y=share * tall, z=radius - 0.005).turn("y", 40 * i))
    return parts
