"""Vehicles of the sky and the sea: airplanes (built in planes.py), rockets, sailboats."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.hull import Hull, disc, loft, rounded
from perflow_demo.training.toyworld.kinds.kind import Kind
from perflow_demo.training.toyworld.kinds.planes import airplane
from perflow_demo.training.toyworld.palette import GLASS, STEEL, WOOD, Look
from perflow_demo.training.toyworld.parts import Model, Paint, Part
from perflow_demo.training.toyworld.primitives import (
    capsule,
    cylinder,
    ellipsoid,
    lathe,
    torus,
    tube,
)

FLAME = Paint((1.0, 0.62, 0.12), "glowing")


def rocket(rng: np.random.Generator, look: Look) -> Model:
    """A round-bellied toy rocket standing on its fins."""
    belly, height, fins = rng.uniform(0.52, 0.64), rng.uniform(2.2, 2.7), int(rng.integers(3, 5))
    line = np.array([(0.6, 0.0), (0.8, 0.18), (0.97, 0.42), (1.0, 0.55), (0.9, 0.8), (0.56, 1.08)])
    body = [(belly * r, 0.35 + 0.72 * height * t) for r, t in _dense(line)]
    nose_line = np.array([(0.6, 0.0), (0.5, 0.22), (0.3, 0.62), (0.13, 0.9), (0.0, 1.0)])
    base = 0.35 + 0.76 * height
    nose = [(belly * r, base + 0.2 * height * t) for r, t in _dense(nose_line)]
    nozzle = [(0.3 * belly, 0.14), (0.52 * belly, 0.16), (0.42 * belly, 0.4)]
    parts = [lathe(body, look.main), lathe(nose, look.second), lathe(nozzle, STEEL)]
    for i in range(fins):
        parts.append(
            _fin(belly, height, look.second).turn(
                "y", 45 + 360 * i / fins if fins == 4 else 60 + 120 * i
            )
        )
    window = rng.uniform(0.2, 0.25)
    count = 1 if rng.random() < 0.6 else 2
    for i in range(count):
        y = 0.35 + height * (0.46 - 0.2 * i)
        parts += _porthole(window * (1 - 0.25 * i), y, _radius_at(body, y))
    if rng.random() < 0.5:
        y = 0.35 + 0.13 * height
        parts.append(_hoop(body, y, look.third))
    parts.append(_hoop(body, base, STEEL))
    details = [
        "a round window" if count == 1 else "two round windows",
        f"{('three', 'four')[fins - 3]} fins",
    ]
    if rng.random() < 0.35:
        flame = [(0.0, -0.5), (0.2 * belly, -0.3), (0.42 * belly, 0.0), (0.36 * belly, 0.2)]
        parts.append(lathe(flame, FLAME, crease=60))
        details.append("a flame")
    return Model(parts, details=tuple(details))


def _dense(line: np.ndarray, count: int = 22) -> np.ndarray:
    """A smooth curve through few points: radius as a cubic through them over the height."""
    steps = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.linspace(0, steps[-1], count)
    curve = np.polynomial.polynomial.Polynomial
    fits = [curve.fit(steps, line[:, k], min(4, len(line) - 1)) for k in range(2)]
    dense = np.stack([fit(at) for fit in fits], -1)
    dense[[0, -1]] = line[[0, -1]]
    return np.maximum(dense, 0.0)


def _radius_at(profile: list[tuple[float, float]], y: float) -> float:
    radius, height = np.array(profile).T
    return float(np.interp(y, height, radius))


def _hoop(profile: list[tuple[float, float]], y: float, paint: Paint) -> Part:
    low, high = (_radius_at(profile, y + dy) + 0.02 for dy in (-0.06, 0.06))
    return lathe([(low, y - 0.06), (high, y + 0.06)], paint)


def _porthole(radius: float, y: float, wall: float) -> list[Part]:
    ring = torus(radius, 0.05, STEEL).turn("x", 90)
    glass = ellipsoid(radius, radius, 0.06, GLASS, 28)
    back = cylinder(radius + 0.02, 0.3, STEEL).turn("x", 90).move(z=-0.15)
    return [part.move(y=y, z=wall + 0.02) for part in (ring, glass, back)]


def _fin(belly: float, height: float, paint: Paint) -> Part:
    """A swept fin towards +Z with a round edge."""
    reach, top = 0.44, 0.35 + 0.32 * height
    outline = rounded(
        [(0.6 * belly, top), (belly + 0.16, 0.8 * top), (belly + reach, 0.4), (belly + reach, 0.0)]
        + [(belly + 0.5 * reach, 0.16), (0.5 * belly, 0.36)],
        0.2,
        44,
    )
    centre = outline.mean(0)
    rings = []
    for scale, half in (
        (0.3, -0.06),
        (0.9, -0.055),
        (0.97, -0.035),
        (1.0, 0),
        (0.97, 0.035),
        (0.9, 0.055),
        (0.3, 0.06),
    ):
        flat = centre + scale * (outline - centre)
        rings.append(np.stack([np.full(len(flat), half), flat[:, 1], flat[:, 0]], -1))
    return loft(np.array(rings), paint)


def sailboat(rng: np.random.Generator, look: Look) -> Model:
    """A tubby boat with one mast, a mainsail and a jib, the sails eased to one side."""
    beam, deck, side = rng.uniform(0.55, 0.66), 0.32, rng.choice([-1.0, 1.0])
    tall = rng.uniform(1.65, 1.95)
    hull = _boat(beam, deck, look.main)
    rail = tube(_sheer(beam, deck), 0.05, look.third, 12)
    planks = _deck(beam, deck)
    mast = capsule((0, deck - 0.1, 0.28), (0, deck + tall, 0.28), 0.05, WOOD, 0.035)
    ease = np.radians(rng.uniform(35, 55)) * side
    boom_end = np.array([np.sin(ease) * 1.15, deck + 0.4, 0.28 - np.cos(ease) * 1.15])
    mast_foot, mast_top = np.array([0, deck + 0.42, 0.28]), np.array([0, deck + tall - 0.08, 0.28])
    bow = np.array([0.0, deck + 0.3, 1.32])
    leeward = np.array([np.cos(ease), 0, np.sin(ease)]) * side
    jib_clew = np.array([0.62 * side, deck + 0.42, 0.42])
    parts = [hull, rail, rail.mirror(), planks, mast]
    parts += [_sail(mast_foot, mast_top, boom_end, 0.28 * leeward, look.second)]
    parts += [_sail(bow, mast_top * 0.95 + [0, 0, 0.02], jib_clew, 0.2 * leeward, look.second)]
    parts += [capsule(tuple(mast_foot - [0, 0.05, 0]), tuple(boom_end - [0, 0.05, 0]), 0.04, WOOD)]
    parts += [capsule((0, deck + 0.22, 1.25), tuple(bow), 0.035, STEEL)]
    details = []
    if rng.random() < 0.5:
        cabin = Hull.through(
            [(-0.6, 0.3, deck - 0.1, deck + 0.3), (0.2, 0.26, deck - 0.1, deck + 0.26)],
            4,
            0.15,
            0.02,
            0.1,
            8,
        )
        port = [cabin.panel("+x", disc(z, deck + 0.13, 0.075), GLASS) for z in (-0.42, -0.18, 0.04)]
        parts += [cabin.part(look.main), *(twin for p in port for twin in p.pair())]
        details.append("a cabin")
    if rng.random() < 0.6:
        tip = np.array([0.02, deck + tall + 0.02, 0.28])
        away = np.array([0.34 * side, -0.1, -0.25])
        parts.append(
            _sail(tip, tip + [0, 0.2, 0], tip + [0, 0.1, 0] + away, 0.03 * leeward, look.third)
        )
        details.append("a pennant")
    return Model(parts, details=tuple(details))


def _boat(beam: float, deck: float, paint: Paint) -> Part:
    """A hull with a raised bow and a flat stern; U-shaped sections closed by a deck."""
    along = np.linspace(0, 1, 26)
    turn = np.linspace(np.pi, 2 * np.pi, 25)
    rings = []
    for t in along:
        half, top, keel, z = _lines(t, beam, deck)
        x = half * np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** 0.7
        y = top + (top - keel) * np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** 0.8
        closing = np.linspace(half, -half, 7)[1:-1]
        x, y = np.concatenate([x, closing]), np.concatenate([y, np.full(5, top)])
        rings.append(np.stack([x, y, np.full(len(x), z) + 0.35 * t * t * (y - keel)], -1))
    return loft(np.array(rings), paint)


def _lines(t: float, beam: float, deck: float) -> tuple[float, float, float, float]:
    """Half breadth, rail and keel heights and z at the fraction t from stern to bow."""
    half = (
        beam * (0.74 + 0.26 * np.sin(np.pi * min(1.0, t / 0.9)))
        if t < 0.45
        else beam * np.sqrt(max(1 - ((t - 0.45) / 0.555) ** 2.2, 0))
    )
    return half, deck + 0.3 * max(0.0, t - 0.35) ** 2 * 2, -0.42 + 0.45 * t**5, -1.25 + 2.35 * t


def _sheer(beam: float, deck: float) -> list[tuple[float, float, float]]:
    points = []
    for t in np.linspace(0, 1, 12):
        half, top, keel, z = _lines(t, beam, deck)
        points.append((half, top, z + 0.35 * t * t * (top - keel)))
    return [(0.0, *points[0][1:]), *points]


def _deck(beam: float, deck: float) -> Part:
    """Wooden planks just below the rail."""
    rings = []
    for t in np.linspace(0.02, 0.985, 20):
        half, top, keel, z = _lines(t, beam, deck)
        forward = z + 0.35 * t * t * (top - keel)
        x = half * 0.97 * np.array([1, 0.5, 0, -0.5, -1, -1, 0, 1])
        y = top + np.array([0.02, 0.03, 0.035, 0.03, 0.02, -0.03, -0.03, -0.03])
        rings.append(np.stack([x, y, np.full(8, forward)], -1))
    return loft(np.array(rings), WOOD)


def _sail(a: np.ndarray, b: np.ndarray, c: np.ndarray, belly: np.ndarray, paint: Paint) -> Part:
    """A thin triangle a-b-c that bulges by the vector `belly`."""
    rows = 14
    across = np.cross(b - a, c - a)
    across = 0.014 * across / np.linalg.norm(across)
    rings = []
    for s in np.linspace(0.0, 0.985, rows):
        start, end = a + (b - a) * s, c + (b - c) * s
        t = np.linspace(0, 1, 10)[:, None]
        line = start + (end - start) * t
        line = line + belly * (4 * t * (1 - t)) ** 0.8 * (1 - s) ** 0.6 * min(1.0, 0.55 + 2 * s)
        rings.append(np.concatenate([line + across, line[::-1] - across]))
    return loft(np.array(rings), paint)


KINDS = (
    Kind(
        name="airplane",
        build=airplane,
        nouns=("airplane", "plane"),
        natural=(("red", "white"), ("white", "blue"), ("yellow", "blue"), ("blue", "yellow")),
        second_part="{colour} wings",
        never=("aircraft", "airliner", "jet"),
        finishes=("glossy", "metallic", "wooden", "striped"),
    ),
    Kind(
        name="rocket",
        build=rocket,
        nouns=("rocket",),
        natural=(("white", "red"), ("white", "blue"), ("red", "yellow"), ("gray", "orange")),
        second_part="{colour} fins",
        never=("spaceship", "spacecraft", "missile"),
        finishes=("glossy", "metallic", "striped", "dotted"),
        stretchable=True,
    ),
    Kind(
        name="sailboat",
        build=sailboat,
        nouns=("sailboat", "boat"),
        natural=(("red", "white"), ("blue", "white"), ("brown", "white"), ("green", "yellow")),
        second_part="{colour} sails",
        never=("yacht", "ship", "vessel"),
        finishes=("glossy", "wooden", "striped"),
    ),
)
