"""A gift: a wrapped box with ribbon and bow."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.palette import WHITE, Look
from perflow_demo.training.toyworld.parts import Model, Paint, Part
from perflow_demo.training.toyworld.primitives import box, ellipsoid, lathe, prism, tube


def gift(rng: np.random.Generator, look: Look) -> Model:
    """A wrapped box, square or round, with a lid, ribbon and bow; perhaps a smaller one on top."""
    style = rng.choice(["box", "round", "two"], p=[0.6, 0.2, 0.2])
    round_box = style == "round"
    wide, deep = rng.uniform(1.3, 1.8), rng.uniform(1.2, 1.7)
    tall = rng.uniform(0.55, 0.9) if style == "two" else rng.uniform(0.8, 1.6)
    parts = _wrapped(rng, look.main, look.second, wide, tall, deep, round_box)
    top, details = tall, []
    if style == "two":
        small, low = rng.uniform(0.62, 0.74), rng.uniform(0.5, 0.75)
        upper = _wrapped(rng, look.main, look.second, wide * small, low, deep * small, False)
        turn = rng.uniform(-25, 25)
        parts += [p.turn("y", turn).move(y=tall) for p in upper]
        top += low
        details.append("a smaller one on top")
    perch = None
    if style != "two" and rng.random() < 0.15:
        perch = (0.0, top + 0.03, 0.0)
    else:
        parts += [p.move(y=top) for p in _bow(rng, look.second)]
        details.append("a bow")
    if rng.random() < 0.25:
        parts += _tag(rng, wide, tall, deep, round_box)
        details.append("a tag")
    turn = rng.uniform(-30, 30)
    noun = "round gift box" if round_box else None
    return Model([p.turn("y", turn) for p in parts], noun=noun, details=tuple(details), perch=perch)


def _wrapped(
    rng: np.random.Generator,
    paint: Paint,
    ribbon: Paint,
    wide: float,
    tall: float,
    deep: float,
    round_box: bool,
) -> list[Part]:
    """A box with its ribbon, standing on y = 0; with or without a lid."""
    lid = min(0.34, tall * 0.3) if rng.random() < 0.6 else 0.0
    band, out = wide * rng.uniform(0.13, 0.19), 0.035
    blocks = [(0.0, tall - lid, 0.0)] + ([(tall - lid, lid, 0.07)] if lid else [])
    parts = []
    for low, height, over in blocks:
        if round_box:
            parts.append(_drum(wide / 2 + over, height, paint).move(y=low))
        else:
            parts.append(
                box(wide + 2 * over, height, deep + 2 * over, paint, 0.03).move(y=low + height / 2)
            )
        w, d = wide + 2 * (over + out), (wide if round_box else deep) + 2 * (over + out)
        strip = box(band, height + (out if low + height >= tall else 0), d, ribbon, 0.02)
        cross = box(w, height + (out if low + height >= tall else 0), band, ribbon, 0.02)
        middle = low + height / 2 + (out / 2 if low + height >= tall else 0)
        parts += [strip.move(y=middle), cross.move(y=middle)]
    return parts


def _drum(radius: float, height: float, paint: Paint) -> Part:
    e = 0.03
    side = [(radius - e, 0), (radius, e), (radius, height - e), (radius - e, height)]
    return lathe(side, paint, 60, 48)


def _bow(rng: np.random.Generator, paint: Paint) -> list[Part]:
    """Two big loops with hanging ends, or a rosette of loops; standing on y = 0."""
    loop = [(0.0, 0.08), (0.3, 0.34), (0.62, 0.42), (0.72, 0.22), (0.5, 0.08), (0.05, 0.04)]
    size = rng.uniform(0.75, 1.0)
    ribbon = tube([(x * size, y * size, 0) for x, y in loop], 0.042, paint, 14).stretch(
        z=rng.uniform(3.2, 4.2)
    )
    knot = ellipsoid(0.15, 0.13, 0.17, paint, 20).move(y=0.12)
    if rng.random() < 0.5:
        tail = [(0.02, 0.09, 0), (0.24, 0.12, 0), (0.46, 0.06, 0)]
        end = tube([(x * size, y, z) for x, y, z in tail], 0.035, paint, 12).stretch(z=3.5)
        return [
            *ribbon.pair(),
            knot,
            *(p.turn("y", a) for p, a in zip(end.pair(), (-38, 38), strict=True)),
        ]
    count = int(rng.choice([5, 6]))
    low = [ribbon.stretch(0.95, 0.85, 0.85).turn("y", 360 * i / count) for i in range(count)]
    high = [
        ribbon.stretch(0.62, 0.9, 0.7).turn("z", 32).turn("y", 360 * (i + 0.5) / 4).move(y=0.05)
        for i in range(4)
    ]
    return [*low, *high, knot.move(y=0.12)]


def _tag(
    rng: np.random.Generator, wide: float, tall: float, deep: float, round_box: bool
) -> list[Part]:
    """A paper label that hangs on the front."""
    outline = [
        (-0.17, -0.28),
        (0.17, -0.28),
        (0.17, 0.14),
        (0.08, 0.26),
        (-0.08, 0.26),
        (-0.17, 0.14),
    ]
    front = (wide if round_box else deep) / 2 + 0.09
    label = prism(outline, 0.04, WHITE).turn("z", rng.uniform(-20, 20))
    return [label.move(wide * 0.2, tall * 0.55, front if not round_box else front * 0.97)]
