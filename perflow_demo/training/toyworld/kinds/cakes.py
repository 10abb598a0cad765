"""A cake: round, with candles, in tiers, or only a slice."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.surfaces import (
    TURN,
    around_y,
    drips,
    rounded_outline,
    rows,
    slab,
    turned,
)
from perflow_demo.training.toyworld.kinds.toppings import CREAM, cherry, dollop, mixed, strawberry
from perflow_demo.training.toyworld.palette import Look, lighter
from perflow_demo.training.toyworld.parts import Model, Paint, Part
from perflow_demo.training.toyworld.primitives import cylinder, lathe, sphere, torus

FLAME = Paint((1.0, 0.72, 0.22), "glowing")
PLATE = Paint((0.93, 0.93, 0.95), "glossy")


def cake(rng: np.random.Generator, look: Look) -> Model:
    """A round cake, with candles a birthday cake; a cake of two or three tiers; a slice."""
    style = rng.choice(["round", "birthday", "tiered", "slice"], p=[0.26, 0.3, 0.2, 0.24])
    if style == "slice":
        return _slice_of_cake(rng, look)
    parts, details = [], []
    radius, y = 1.0, 0.0
    if rng.random() < 0.35:
        parts, y = _stand(rng)
        details.append("a cake stand" if y > 0.3 else "a plate")
    tiers = int(rng.integers(2, 4)) if style == "tiered" else 1
    layered, piped = look.colourful or rng.random() < 0.5, rng.random() < 0.25
    for tier in range(tiers):
        height = rng.uniform(1.0, 1.3) if tiers == 1 else rng.uniform(0.66, 0.8)
        parts += _cake_body(rng, look, layered, radius, height, y)
        parts += _icing(rng, look.second, piped, radius, y + height)
        y += height + 0.05
        radius *= rng.uniform(0.7, 0.78) if tier < tiers - 1 else 1
    perch = None
    if style == "birthday":
        candles, words = _candles(rng, look, radius * 0.62, y)
        parts += candles
        details.append(words)
    elif rng.random() < 0.85:
        topping, words = _topping(rng, look, radius, y)
        parts += topping
        details.append(words)
    else:
        perch = (0.0, y, 0.0)
    noun = {"birthday": "birthday cake", "tiered": "tiered cake"}.get(style)
    noun = noun if rng.random() < 0.75 else None
    return Model(parts, noun=noun, details=tuple(details), perch=perch)


def _stand(rng: np.random.Generator) -> tuple[list[Part], float]:
    """A plate, or a stand with a foot; and the height of its top."""
    if rng.random() < 0.5:
        return [
            lathe([(0.8, 0), (0.95, 0.02), (1.28, 0.1), (1.28, 0.14), (0.9, 0.09)], PLATE)
        ], 0.08
    foot = [(0.6, 0), (0.6, 0.05), (0.2, 0.14), (0.14, 0.3), (0.3, 0.4), (1.25, 0.42), (1.25, 0.5)]
    return [lathe(foot, PLATE)], 0.5


def _cake_body(
    rng: np.random.Generator, look: Look, layered: bool, radius: float, height: float, y: float
) -> list[Part]:
    """Layers of sponge with cream between them, or smoothly frosted with beads around the foot."""
    if layered:
        return _layers(rng, look, radius, height, y)
    e = 0.06
    profile = [
        (radius, 0),
        (radius, height - e),
        (radius - e / 3, height - e / 3),
        (radius - e, height),
    ]
    parts = [lathe(profile, look.main)]
    beads = int(round(radius * rng.choice([18, 24])))
    size = TURN * radius / beads / 1.9
    parts += around_y(sphere(size, look.main, 10).stretch(y=0.85), beads, radius, size * 0.8)
    return [part.move(y=y) for part in parts]


def _layers(
    rng: np.random.Generator, look: Look, radius: float, height: float, y: float
) -> list[Part]:
    """Sponge with cream between; each layer in another colour when the look is colourful."""
    count, gap = 3 if look.colourful else int(rng.integers(2, 4)), 0.06
    paints = look.accents(rng, count) if look.colourful else [look.main] * count
    layer, r, e = (height - gap * (count - 1)) / count, radius * 0.985, 0.04
    low = [(r - e, 0), (r - e / 3, e / 3), (r, e)]
    sponge = [*low, *((x, layer - z) for x, z in low[::-1])]
    low = [(radius * 0.9, -0.02), (radius * 0.97, 0.0), (radius, gap / 2)]
    cream = [*low, *((x, gap - z) for x, z in low[1::-1])]
    parts = [lathe(sponge, paint).move(y=y + i * (layer + gap)) for i, paint in enumerate(paints)]
    return parts + [
        lathe(cream, CREAM).move(y=y + i * (layer + gap) - gap) for i in range(1, count)
    ]


def _icing(
    rng: np.random.Generator, paint: Paint, piped: bool, radius: float, top: float
) -> list[Part]:
    """A sheet over a cake's top that drips down its side; or a piped border round the top."""
    if piped:
        count = 12 + int(8 * radius)
        size = TURN * radius / count / 1.8
        bead = sphere(size, paint, 11).stretch(y=0.9)
        return around_y(bead, count, radius * 0.93, top + size * 0.5)
    around = 72
    drip = drips(rng, int(rng.integers(9, 14)), 0.04, rng.uniform(0.26, 0.44), around)
    rise, e = 0.055, 0.045
    share = np.linspace(0, 1, 9)[:, None]
    swell = np.sqrt(np.clip(1 - share**5, 0, 1))
    bend = np.radians(np.linspace(0, 90, 6))
    radii = [[0.3 * radius, 0.85 * radius], radius - e + 2 * e * np.sin(bend)]
    heights = [[rise, rise], rise - 2 * e * (1 - np.cos(bend))]
    radii += [radius + e * swell - 0.012, [0.9 * radius]]
    heights += [rise - 2 * e - drip * share, -0.9 * drip[None]]
    spread = (rows(blocks, around) for blocks in (radii, heights))
    return [turned(*spread, paint).move(y=top)]


def _candles(
    rng: np.random.Generator, look: Look, radius: float, y: float
) -> tuple[list[Part], str]:
    """One to eight burning candles on a cake's top, and their words."""
    count = int(rng.choice([1, 3, 4, 5, 6, 8]))
    height, thick = rng.uniform(0.42, 0.6), rng.uniform(0.06, 0.075)
    parts = []
    look, adjective = mixed(rng, look)
    for i, paint in enumerate(look.accents(rng, count)):
        candle = [
            cylinder(thick, height, paint).move(y=height / 2),
            torus(thick * 0.85, thick * 0.3, lighter(paint, 0.6), 16).move(y=height * 0.3),
            torus(thick * 0.85, thick * 0.3, lighter(paint, 0.6), 16).move(y=height * 0.7),
            _flame().stretch(thick * 1.25, thick * 2.4, thick * 1.25).move(y=height + thick * 1.9),
        ]
        reach = 0.0 if count == 1 else radius
        parts += [p.move(y=y, z=reach).turn("y", 360 * (i + 0.5) / count) for p in candle]
    return parts, "a candle" if count == 1 else adjective + "candles"


def _flame() -> Part:
    def bend(v: np.ndarray) -> np.ndarray:
        return v * np.stack([1 - 0.45 * v[:, 1], 1 + 0 * v[:, 1], 1 - 0.45 * v[:, 1]], 1)

    return sphere(1, FLAME, 14).warp(bend)


def _topping(
    rng: np.random.Generator, look: Look, radius: float, y: float
) -> tuple[list[Part], str]:
    """What lies on a cake's top, and its words."""
    style = rng.choice(["cherry", "cherries", "strawberries", "cream", "balls"])
    if style == "cherry":
        return [dollop(0.3).move(y=y), *(p.move(y=y + 0.3) for p in cherry(0.2))], "a cherry on top"
    count = int(np.clip(round(radius * rng.choice([7, 9])), 5, 9))
    if style == "cherries":
        small = [*cherry(0.13), dollop(0.17).move(y=-0.12)]
        return [
            q for p in small for q in around_y(p, count, radius * 0.7, y + 0.1)
        ], "cherries on top"
    if style == "strawberries":
        return [
            q for p in strawberry(0.2) for q in around_y(p, count, radius * 0.68, y)
        ], "strawberries on top"
    if style == "cream":
        return around_y(dollop(0.2), count, radius * 0.72, y), "whipped cream"
    look, adjective = mixed(rng, look)
    balls = [sphere(0.13, paint, 16) for paint in look.accents(rng, count)]
    return [
        ball.move(y=y + 0.1, z=radius * 0.74).turn("y", 360 * i / count)
        for i, ball in enumerate(balls)
    ], adjective + "candy balls on top"


def _slice_of_cake(rng: np.random.Generator, look: Look) -> Model:
    """A wedge with its point towards the front: layers, filling, icing on the top and the back."""
    half, length = np.radians(rng.uniform(20, 27)), rng.uniform(1.9, 2.2)
    count, gap = int(rng.integers(2, 4)), rng.uniform(0.05, 0.07)
    layer = rng.uniform(1.15, 1.4) / count - gap
    rim = np.linspace(-half, half, 15)
    arc = length * np.stack([np.sin(rim), -np.cos(rim)], 1)
    wedge = rounded_outline(np.concatenate([[[0.0, 0.0]], arc[::-1]]) + [0, length * 0.6], 0.05)
    filling = look.second if rng.random() < 0.5 else CREAM
    sponge = look.accents(rng, count) if look.colourful else [look.main] * count
    parts, y = [], 0.0
    for i in range(count):
        parts.append(slab(wedge, layer, sponge[i]).move(y=y))
        y += layer
        if i < count - 1:
            parts.append(slab(wedge * 0.985, gap + 0.02, filling).move(y=y - 0.01))
            y += gap
    parts.append(slab(wedge * 1.03, 0.12, look.second).move(y=y - 0.02))
    back = rounded_outline(
        np.concatenate([arc[::-1] * 1.06, arc * 0.92]) * [1.02, 1] + [0, length * 0.6], 0.05
    )
    parts.append(slab(back, y + 0.1, look.second))
    y += 0.1
    topping, details = _slice_topping(rng, y, -0.22 * length)
    parts += topping
    if filling is CREAM and count == 2:
        details.append("a layer of cream")
    if rng.random() < 0.5:
        parts = [p.move(y=0.08) for p in parts]
        parts.append(lathe([(0.9, 0), (1.05, 0.02), (1.4, 0.1), (1.4, 0.14), (1.0, 0.09)], PLATE))
        details.append("a plate")
    spin = rng.choice([-1, 1]) * rng.uniform(18, 40)
    return Model([p.turn("y", spin) for p in parts], noun="slice of cake", details=tuple(details))


def _slice_topping(rng: np.random.Generator, y: float, z: float) -> tuple[list[Part], list[str]]:
    """What lies on a slice at height `y`, towards its back, and its words."""
    style = rng.choice(["cherry", "strawberry", "cream", "none"])
    if style == "cherry":
        fruit = [dollop(0.26), *(p.move(y=0.22) for p in cherry(0.2))]
        return [p.move(y=y, z=z) for p in fruit], ["a cherry on top"]
    if style == "strawberry":
        return [p.move(y=y, z=z) for p in strawberry(0.32)], ["a strawberry on top"]
    if style == "cream":
        return [dollop(0.32).move(y=y, z=z)], ["whipped cream"]
    return [], []
