"""Trees: leafy, cloud-like, pine and palm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from perflow_demo.training.toyworld.kinds.faces import Ball
from perflow_demo.training.toyworld.palette import GOLD, Look, lighter
from perflow_demo.training.toyworld.parts import Colour, Model, Paint, Part, Point
from perflow_demo.training.toyworld.primitives import ellipsoid, lathe, prism, sphere, torus, tube

FRUITS: dict[str, Colour] = {
    "red apples": (0.84, 0.11, 0.12),
    "oranges": (0.98, 0.55, 0.08),
    "yellow lemons": (0.98, 0.86, 0.20),
    "pink blossoms": (0.98, 0.62, 0.76),
}


def tree(rng: np.random.Generator, look: Look) -> Model:
    build = (_leafy, _cloudy, _pine, _palm)[rng.integers(4)]
    return (_cloudy if look.colourful and build is _leafy else build)(rng, look)


def _leafy(rng: np.random.Generator, look: Look) -> Model:
    """One big crown of leaf clumps on a straight trunk."""
    tall = rng.uniform(1.3, 1.8)
    crown = Ball((0.0, tall + 1.15, 0.0), (rng.uniform(1.3, 1.55), rng.uniform(1.3, 1.6), 1.4))
    parts = _trunk(rng, look.second, tall + 0.6)
    foliage = ellipsoid(1, 1, 1, look.main, 60).warp(_clumps(rng))
    parts.append(foliage.stretch(*crown.radii).move(*crown.centre))
    details = ["a round crown"]
    fruit = _fruit(rng, look, [crown])
    if fruit:
        parts += fruit[1]
        details.append(fruit[0])
    top = max(float(part.vertices[:, 1].max()) for part in parts)
    return Model(parts, details=tuple(details), perch=(0.0, top - 0.12, 0.0))


def _clumps(rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """Round bumps, evenly spread, on the unit ball."""
    count, index = 24, np.arange(24) + 0.5
    y, turn = 1 - 2 * index / count, 2.399963 * index + rng.uniform(0, 6)
    flat = np.sqrt(1 - y * y)
    centres = np.stack([flat * np.sin(turn), y, flat * np.cos(turn)], -1)

    def bend(v: np.ndarray) -> np.ndarray:
        nearest = ((v[:, None] - centres) ** 2).sum(-1).min(1)
        return v * (0.84 + 0.42 * np.sqrt(np.maximum(0.36 - nearest, 0.0)))[:, None]

    return bend


def _cloudy(rng: np.random.Generator, look: Look) -> Model:
    """A crown of many overlapping balls on a forked trunk."""
    tall = rng.uniform(1.2, 1.6)
    parts = _trunk(rng, look.second, tall + 0.4)
    fork = tube(
        [(0, tall * 0.75, 0), (0.5, tall + 0.3, 0.05), (0.75, tall + 0.8, 0)],
        [0.2, 0.16, 0.12],
        look.second,
    )
    parts += fork.pair()
    size = rng.uniform(0.78, 0.95)
    balls = [Ball((0.0, tall + 1.75, 0.0), (size * 1.1,) * 3)]
    count = int(rng.integers(5, 7))
    start = rng.uniform(0, 360)
    for i in range(count):
        angle = np.radians(start + 360 * i / count)
        radius = size * rng.uniform(0.82, 1.05)
        centre = (0.95 * np.sin(angle), tall + rng.uniform(0.75, 1.2), 0.85 * np.cos(angle))
        balls.append(Ball(centre, (radius, radius * 0.92, radius)))
    shades = (0.0, 0.1, -0.07)
    tones = [lighter(look.main, shades[i % 3]) for i in range(len(balls))]
    if look.colourful:
        tones = look.accents(rng, len(balls))
    parts += [ball.part(tone, 32) for ball, tone in zip(balls, tones, strict=True)]
    details = ["a forked trunk"]
    fruit = _fruit(rng, look, balls)
    if fruit:
        parts += fruit[1]
        details.append(fruit[0])
    return Model(parts, details=tuple(details), perch=(0.0, balls[0].at(0, 90)[1] - 0.05, 0.0))


def _trunk(rng: np.random.Generator, paint: Paint, top: float) -> list[Part]:
    """A slightly bent trunk from y = 0 to `top` with three roots."""
    lean, thick = rng.uniform(-0.15, 0.15), rng.uniform(0.24, 0.34)
    path = [(0.0, 0.12, 0.0), (lean, top * 0.45, 0.0), (0.0, top, 0.0)]
    parts = [tube(path, [thick * 1.35, thick, thick * 0.9], paint, 24)]
    for turn in (10, 130, 250):
        root = tube(
            [(0, 0.4, 0.1), (0, 0.16, thick * 1.3), (0, 0.07, thick * 2.2)],
            [0.17, 0.15, 0.08],
            paint,
            14,
        )
        parts.append(root.turn("y", turn))
    return parts


def _fruit(
    rng: np.random.Generator, look: Look, balls: list[Ball]
) -> tuple[str, list[Part]] | None:
    """A name and fruit all round the crown, in a colour that shows on it; or None."""
    if rng.random() < 0.55:
        return None
    crown = np.array(look.main.colour)
    fitting = [name for name, colour in FRUITS.items() if np.linalg.norm(crown - colour) > 0.45]
    if not fitting:
        return None
    name = str(rng.choice(fitting))
    paint, parts = Paint(FRUITS[name], "glossy"), []
    count = 18 // len(balls) + 3
    for k, ball in enumerate(balls):
        for i in range(count):
            lift = float(np.degrees(np.arcsin(0.75 - 1.2 * (i + 0.5) / count)))
            place = ball.at(i * 137.5 + 60 * k, lift, 1.02)
            if all(_outside(place, other) for other in balls if other is not ball):
                parts.append(sphere(0.15, paint, 16).move(*place))
    return name, parts


def _outside(place: Point, ball: Ball) -> bool:
    offset = (np.array(place) - np.array(ball.centre)) / np.array(ball.radii)
    return bool(np.linalg.norm(offset) > 1.08)


def _pine(rng: np.random.Generator, look: Look) -> Model:
    """Stacked skirts; sometimes with baubles and a star."""
    tiers = int(rng.integers(3, 5))
    low, high, wide = rng.uniform(0.55, 0.85), rng.uniform(3.0, 3.6), rng.uniform(1.2, 1.45)
    trunk = lathe([(0.36, 0.0), (0.26, 0.15), (0.24, low + 0.4)], look.second)
    parts, rims = [trunk], []
    for i in range(tiers):
        bottom = low + high * i / tiers * 0.86
        radius = wide * (1 - 0.72 * i / tiers)
        top = min(bottom + high * 0.58, low + high) if i < tiers - 1 else low + high
        skirt = _skirt(radius, bottom, top, lighter(look.main, 0.06 * i))
        parts.append(skirt.warp(_scalloped(9 - i, bottom)))
        rims.append((radius, bottom))
    tip = low + high
    perch = (0.0, tip - 0.1, 0.0)
    if not look.colourful and rng.random() > 0.35:
        return Model(
            parts, noun="pine tree", details=(f"{('three', 'four')[tiers - 3]} tiers",), perch=perch
        )
    for i, (radius, bottom) in enumerate(rims):
        for k, paint in enumerate(look.accents(rng, 7)):
            bauble = sphere(0.15, Paint(paint.colour, "glossy"), 16)
            parts.append(
                bauble.move(0, bottom + 0.1, radius * 0.98).turn("y", 360 * k / 7 + 26 * i)
            )
    parts.append(_star(0.36, GOLD).move(0, tip + 0.2, 0))
    return Model(
        parts,
        noun="christmas tree",
        details=("a star on top", "baubles"),
        perch=(0.0, tip + 0.5, 0.0),
    )


def _skirt(radius: float, bottom: float, top: float, paint: Paint) -> Part:
    """One tier of a pine, hollow below."""
    rim = [(radius * 0.8, bottom + 0.1), (radius * 0.97, bottom), (radius, bottom + 0.1)]
    slope = [
        (radius * (1 - s) ** 0.85 + 0.05 * (1 - s), bottom + 0.1 + (top - bottom - 0.1) * s)
        for s in np.linspace(0, 1, 7)[1:]
    ]
    return lathe([*rim, *slope], paint, 60, detail=48)


def _scalloped(count: int, bottom: float) -> Callable[[np.ndarray], np.ndarray]:
    """Waves on the lowest 0.3 of a skirt."""

    def bend(v: np.ndarray) -> np.ndarray:
        near = np.clip(1 - (v[:, 1] - bottom) / 0.35, 0, 1)
        near *= np.hypot(v[:, 0], v[:, 2]) > 0  # the axis has no angle
        wave = np.cos(count * np.arctan2(v[:, 0], v[:, 2])) * near
        v[:, [0, 2]] *= (1 + 0.06 * wave)[:, None]
        v[:, 1] -= 0.07 * wave
        return v

    return bend


def _star(radius: float, paint: Paint) -> Part:
    turns = np.pi / 2 + np.pi * np.arange(10) / 5
    reach = np.where(np.arange(10) % 2 == 0, radius, radius * 0.48)
    return prism(
        list(zip(reach * np.cos(turns), reach * np.sin(turns), strict=True)), radius * 0.5, paint
    )


def _palm(rng: np.random.Generator, look: Look) -> Model:
    """A leaning ringed trunk, arching fronds, coconuts."""
    tall, lean = rng.uniform(2.0, 2.5), rng.choice([-1, 1]) * rng.uniform(0.3, 0.8)
    path = [(0.0, 0.1, 0.0), (-0.15 * lean, tall * 0.5, 0.0), (lean * 0.6, tall, 0.0)]
    parts = [tube(path, [0.28, 0.2, 0.17], look.second, 24)]
    curve = np.array(path)
    for t in np.linspace(0.12, 0.92, 7):
        a, b, c = (1 - t) * (1 - 2 * t), 4 * t * (1 - t), t * (2 * t - 1)
        place = a * curve[0] + b * curve[1] + c * curve[2]
        width = np.interp(t, [0, 0.5, 1], [0.28, 0.2, 0.17])
        parts.append(
            torus(width, 0.045, lighter(look.second, -0.25), 24).turn("z", -8 * lean).move(*place)
        )
    x, y, z = path[-1]
    count = int(rng.integers(8, 10))
    paints = (
        look.accents(rng, count) if look.colourful else [look.main, lighter(look.main, -0.12)] * 5
    )
    start = rng.uniform(0, 40)
    for i in range(count):
        leaf = _frond(
            rng.uniform(1.6, 1.9), rng.uniform(0.35, 0.7), paints[i], start + 360 * i / count
        )
        parts.append(leaf.move(x, y + 0.1, z))
    for i in range(3):
        leaf = _frond(1.05, 1.6, lighter(look.main, 0.12), start + 20 + 120 * i)
        parts.append(leaf.move(x, y + 0.1, z))
    nuts = rng.random() < 0.6
    if nuts:
        nut = sphere(0.22, Paint((0.33, 0.2, 0.11)), 20)
        parts += [
            nut.move(0, 0, 0.28).turn("y", turn).move(x, y - 0.1, z) for turn in (20, 140, 260)
        ]
    parts.append(sphere(0.3, look.main, 24).move(x, y + 0.12, z))
    details = ("coconuts",) if nuts else ("arching leaves",)
    return Model(parts, noun="palm tree", details=details, perch=(x, y + 0.5, z))


def _frond(length: float, rise: float, paint: Paint, turn: float) -> Part:
    """A feathered leaf from the origin: up by `rise`, over, and down; `turn` about the trunk."""
    blade = tube([(0, 0, 0), (0, 0, length * 0.5), (0, 0, length)], [0.12, 0.5, 0.06], paint, 16)

    def arch(v: np.ndarray) -> np.ndarray:
        x, y, z = v.T
        t = np.clip(z / length, 0, 1.1)
        comb = 1 + 0.14 * np.sin(26 * t) * (t > 0.12)
        height = rise * 1.6 * t - (1.15 + rise) * t**2
        fold = -0.5 * np.abs(x)
        return np.stack([x * comb, 0.22 * y + height + fold, z * (1 - 0.25 * t**2)], -1)

    return blade.warp(arch).turn("y", turn)
