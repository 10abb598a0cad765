"""A chair: of wood, rocking, upholstered, or a stool."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.surfaces import TURN
from perflow_demo.training.toyworld.palette import WOOD, Look
from perflow_demo.training.toyworld.parts import Model, Paint, Part
from perflow_demo.training.toyworld.primitives import box, ellipsoid, lathe, prism, torus, tube


def chair(rng: np.random.Generator, look: Look) -> Model:
    """A wooden chair, a rocking chair, an armchair or a stool, each with a cushion."""
    style = rng.choice(["chair", "rocking", "armchair", "stool"], p=[0.36, 0.14, 0.3, 0.2])
    if style == "armchair":
        return _armchair(rng, look)
    if style == "stool":
        return _stool(rng, look)
    rocking = style == "rocking"
    height, wide = (0.85 if rocking else rng.uniform(0.95, 1.15)), rng.uniform(1.25, 1.45)
    deep, back = wide * rng.uniform(0.9, 1.0), rng.uniform(1.2, 1.55)
    x, z = wide / 2 - 0.13, deep / 2 - 0.13
    parts = [box(wide, 0.16, deep, look.main, 0.06).move(y=height)]
    splay = rng.uniform(0, 0.12)
    for side in (-1, 1):
        for end in (-1, 1):
            foot = (side * (x + splay), 0.1, end * (z + splay))
            parts.append(tube([foot, (side * x, height, end * z)], [0.095, 0.12], look.main, 14))
    if not rocking and rng.random() < 0.6:
        parts += [
            tube([(s * x, height * 0.45, -z), (s * x, height * 0.45, z)], 0.06, look.main, 10)
            for s in (-1, 1)
        ]
        parts.append(tube([(-x, height * 0.62, z), (x, height * 0.62, z)], 0.06, look.main, 10))
    rest, words = _chair_back(rng, look, x, back)
    lean = rng.uniform(4, 10)
    parts += [p.turn("x", -lean).move(y=height, z=-z) for p in rest]
    details = [words]
    if rocking:
        bow = [(0.12 + 0.16 * t * t, t * (deep / 2 + 0.42)) for t in np.linspace(-1, 1, 7)]
        parts += [
            tube([(s * (x + splay), y, w) for y, w in bow], 0.1, look.main, 14) for s in (-1, 1)
        ]
        details = ["rockers"]
    if rng.random() < (0.6 if rocking else 0.18):
        parts += _arms(look, x, z, height)
        details.append("armrests")
    cushion = box(wide * 0.88, 0.2, deep * 0.86, look.second, 0.09).move(y=height + 0.16, z=0.03)
    noun = "rocking chair" if rocking else None
    return Model(
        [*parts, cushion], noun=noun, details=tuple(details), perch=(0.0, height + 0.26, 0.1)
    )


def _chair_back(
    rng: np.random.Generator, look: Look, x: float, height: float
) -> tuple[list[Part], str]:
    """A backrest standing on y = 0 across X, and its words."""
    paint = look.main
    posts = [tube([(s * x, -0.1, 0), (s * x, height, 0)], 0.11, paint, 14) for s in (-1, 1)]
    style = rng.choice(["slats", "bars", "panel", "round", "heart"])
    if style == "panel":
        return [
            *posts,
            box(2 * x, height * 0.62, 0.12, paint, 0.05).move(y=height * 0.62),
        ], "a high back"
    if style == "slats":
        count = int(rng.integers(2, 4))
        slat = box(2 * x, height * 0.52 / count, 0.11, paint, 0.05)
        at = np.linspace(0.42, 0.9, count) * height
        return posts + [slat.move(y=float(y)) for y in at], "a slatted back"
    if style == "bars":
        rail = box(2 * x + 0.28, 0.26, 0.18, paint, 0.08).move(y=height)
        bars = [
            tube([(s * x, 0, 0), (s * x, height, 0)], 0.075, paint, 12) for s in (-0.5, 0.0, 0.5)
        ]
        return [*posts, rail, *bars], "a back with bars"
    if style == "heart":
        parts = [*posts, box(2 * x, height * 0.62, 0.12, paint, 0.05).move(y=height * 0.62)]
        return parts + [_heart(0.24, 0.2, look.second).move(y=height * 0.6)], "a heart on its back"
    arch = [(x * np.cos(a), height * 0.6 + x * np.sin(a), 0) for a in np.linspace(0, np.pi, 9)]
    frame = tube([(x, -0.1, 0), *arch, (-x, -0.1, 0)], 0.11, paint, 14)
    panel = ellipsoid(x * 0.98, x * 1.0, 0.08, paint).move(y=height * 0.6)
    return [frame, panel], "a round back"


def _heart(size: float, depth: float, paint: Paint) -> Part:
    turn = TURN * np.arange(28) / 28
    y = 0.78 * np.cos(turn) + 0.45 * np.sqrt(np.sin(turn) ** 2 + 0.01)
    return prism(list(zip(size * np.sin(turn), size * y, strict=True)), depth, paint)


def _arms(look: Look, x: float, z: float, height: float) -> list[Part]:
    parts = []
    for s in (-1, 1):
        parts.append(
            tube(
                [(s * x, height + 0.55, -z - 0.05), (s * x, height + 0.52, z)], 0.09, look.main, 12
            )
        )
        parts.append(
            tube([(s * x, height, z - 0.05), (s * x, height + 0.52, z - 0.05)], 0.07, look.main, 12)
        )
    return parts


def _armchair(rng: np.random.Generator, look: Look) -> Model:
    """An upholstered chair on short legs."""
    wide, deep, seat = rng.uniform(1.15, 1.4), rng.uniform(1.25, 1.45), rng.uniform(0.5, 0.6)
    arm, back, thick = rng.uniform(0.34, 0.44), rng.uniform(1.15, 1.6), rng.uniform(0.4, 0.5)
    style = rng.choice(["square", "round", "wing"])
    full = wide + 2 * arm
    parts = [box(full - 0.1, 0.42, deep, look.main, 0.1).move(y=0.42)]
    tall = seat + rng.uniform(0.38, 0.5)
    if style == "round":
        for s in (-1, 1):
            x = s * (wide / 2 + arm / 2)
            roll = tube(
                [(x, tall, -deep / 2 + 0.25), (x, tall, deep / 2 - 0.18)], arm * 0.62, look.main
            )
            parts += [
                roll,
                box(arm * 0.9, tall - 0.2, deep - 0.06, look.main, 0.1).move(x, (tall + 0.2) / 2),
            ]
        rest = ellipsoid(full / 2 - 0.02, back * 0.75, thick * 0.62, look.main)
        rest = rest.move(y=seat + back * 0.42)
    else:
        arms = box(arm, tall - 0.15, deep, look.main, 0.14)
        parts += [arms.move(s * (wide / 2 + arm / 2), 0.25 + (tall - 0.15) / 2) for s in (-1, 1)]
        rest = box(full - 0.04, back + 0.3, thick, look.main, 0.19).move(y=seat + back / 2 - 0.1)
    parts.append(rest.turn("x", -rng.uniform(4, 9)).move(z=-deep / 2 + thick * 0.35))
    if style == "wing":
        wing = box(0.24, back * 0.75, 0.62, look.main, 0.11)
        parts += [
            wing.move(s * (full / 2 - 0.12), seat + back * 0.62, -deep / 2 + 0.48) for s in (-1, 1)
        ]
    parts.append(
        box(wide, 0.3, deep - thick * 0.5, look.second, 0.13).move(y=seat + 0.17, z=thick * 0.36)
    )
    if rng.random() < 0.5:
        pillow = ellipsoid(0.44, 0.44, 0.19, look.second).warp(_squared)
        sway, behind = rng.uniform(-0.15, 0.15), -deep / 2 + thick + 0.16
        parts.append(pillow.turn("x", -16).move(sway, seat + 0.68, behind))
    leg = tube([(0, 0.05, 0), (0, 0.3, 0)], [0.08, 0.11], WOOD, 14)
    parts += [
        leg.move(s * (full / 2 - 0.2), 0, e * (deep / 2 - 0.18)) for s in (-1, 1) for e in (-1, 1)
    ]
    details = {"wing": ("wings",), "round": ("round arms",)}.get(style, ())
    return Model(parts, noun="armchair", details=details, perch=(0.0, seat + 0.32, 0.25))


def _squared(v: np.ndarray) -> np.ndarray:
    """A round pillow drawn out to four corners."""
    corner = np.sin(2 * np.arctan2(v[:, 1], v[:, 0])) ** 2
    return v * np.stack([1 + 0.2 * corner, 1 + 0.2 * corner, 1 - 0.35 * corner], 1)


def _stool(rng: np.random.Generator, look: Look) -> Model:
    """A round seat on three or four legs."""
    height, radius = rng.uniform(0.9, 1.5), rng.uniform(0.62, 0.75)
    legs, spread = int(rng.choice([3, 4])), rng.uniform(0.0, 0.25)
    edge = [(radius - 0.07, -0.16), (radius, -0.1), (radius, 0.1), (radius - 0.06, 0.16)]
    parts = [lathe(edge, look.main, 60).move(y=height)]
    leg = tube(
        [(0, 0.12, radius * 0.72 + spread), (0, height - 0.05, radius * 0.66)],
        [0.1, 0.13],
        look.main,
    )
    parts += [leg.turn("y", 360 * (i + 0.5) / legs) for i in range(legs)]
    if rng.random() < 0.7:
        ring = radius * 0.69 + spread * 0.62
        parts.append(torus(ring, 0.065, look.main).move(y=height * 0.4))
    soft = [
        (radius * 0.9, 0.0),
        (radius * 1.0, 0.06),
        (radius * 1.0, 0.12),
        (radius * 0.92, 0.2),
        (radius * 0.6, 0.23),
    ]
    parts.append(lathe(soft, look.second, 60).move(y=height + 0.12))
    words = "three legs" if legs == 3 else "four legs"
    return Model(parts, noun="stool", details=(words,), perch=(0.0, height + 0.34, 0.0))
