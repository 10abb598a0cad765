"""Ice cream: scoops or a soft swirl, in a waffle cone or a paper cup."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.surfaces import TURN, drips, toward, turned
from perflow_demo.training.toyworld.kinds.toppings import cherry, mixed, sprinkle
from perflow_demo.training.toyworld.palette import WHITE, Look, lighter
from perflow_demo.training.toyworld.parts import Model, Paint, Part
from perflow_demo.training.toyworld.primitives import ellipsoid, lathe, torus, tube

WAFFLE = Paint((0.86, 0.60, 0.30))


def ice_cream(rng: np.random.Generator, look: Look) -> Model:
    """One to three scoops, or a soft swirl, in a waffle cone or a paper cup, with sauce."""
    cup = rng.random() < 0.35
    parts, y, width = (_paper_cup if cup else _waffle_cone)(rng, look)
    if not look.colourful and rng.random() < 0.28:
        swirl, top, size = _swirl(rng, look, width * (1.0 if cup else 1.2), y)
        parts, details, peaked = parts + swirl, ["a swirl"], True
    else:
        scoops, top, size, details = _scoops(rng, look, width, y, cup)
        parts, peaked = parts + scoops, "two scoops" in details and cup
    extra = rng.choice(["cherry", "wafer", "none"], p=[0.3, 0.35, 0.35])
    if extra == "cherry" and not peaked:
        parts += [p.move(y=top - 0.03) for p in cherry(0.2)]
        details.append("a cherry on top")
    elif extra == "wafer":
        side = rng.choice([-1, 1])
        roll = tube([(0, 0, 0), (0, 1.0, 0)], 0.12, WAFFLE, 14).turn("x", -14)
        parts.append(roll.turn("z", -24 * side).move(side * size * 0.45, top - 0.75 * size, -0.25))
        details.append("a wafer")
    noun = "cup of ice cream" if cup else "ice cream cone"
    return Model(parts, noun=noun if rng.random() < 0.6 else None, details=tuple(details))


def _scoops(
    rng: np.random.Generator, look: Look, width: float, y: float, cup: bool
) -> tuple[list[Part], float, float, list[str]]:
    """Balls with sauce, perhaps sprinkles, on a mouth at `y`: parts, top, radius, words."""
    places, size = _scoop_places(rng, width, cup, at_least=2 if look.colourful else 1)
    places = [(x, y + up, z) for x, up, z in places]
    flavours = look.accents(rng, 3) if look.colourful else [look.main] * 3
    parts = []
    for place, paint in zip(places, flavours, strict=False):
        lip = 0.04 if cup and place[1] < y + size else 0.15
        parts.append(_scoop(rng, size, lip, paint).move(*place))
    level = len(places) == 2 and cup
    for place in places if level else places[-1:]:
        parts.append(_sauce(rng, size, look.second).move(*place))
    details = [("one scoop", "two scoops", "three scoops")[len(places) - 1]]
    if not level and rng.random() < 0.4:
        sweets, adjective = mixed(rng, look)
        parts += _sprinkled_ball(rng, sweets, size * 1.06, places[-1])
        details.append(adjective + "sprinkles")
    return parts, places[-1][1] + size, size, details


def _waffle_cone(rng: np.random.Generator, look: Look) -> tuple[list[Part], float, float]:
    """A cone with a waffle pattern and a rim: parts, height of its mouth and radius there."""
    width, height, around = rng.uniform(0.62, 0.74), rng.uniform(1.35, 1.65), 84
    turn, rise = TURN * np.arange(around) / around, np.linspace(1, 0.035, 30)[:, None]
    lines = np.abs(np.sin(6 * turn + 9 * rise) * np.sin(6 * turn - 9 * rise))
    radius = width * rise * (1 + 0.06 * np.minimum(1, 2.2 * lines))
    parts = [turned(radius, height * rise + 0 * turn, WAFFLE)]
    if rng.random() < 0.5:
        parts.append(torus(width * 1.0, 0.09, lighter(WAFFLE, -0.08)).stretch(y=1.3).move(y=height))
    else:
        band = [
            (width * 0.86, -0.4),
            (width * 1.12, -0.36),
            (width * 1.2, 0.04),
            (width * 1.12, 0.07),
            (width, 0.0),
        ]
        parts.append(lathe(band, lighter(WAFFLE, -0.08)).move(y=height))
    return parts, height, width


def _paper_cup(rng: np.random.Generator, look: Look) -> tuple[list[Part], float, float]:
    """A flared paper cup in the third paint: parts, height of its mouth and radius there."""
    width, height = rng.uniform(0.85, 0.98), rng.uniform(0.42, 0.58)
    low = width * rng.uniform(0.6, 0.75)
    paint = look.third if rng.random() < 0.6 else WHITE
    body = [(low, 0), (width, height), (width - 0.05, height), (width - 0.1, height - 0.12)]
    rim = torus(width, 0.05, lighter(paint, 0.4)).move(y=height)
    fill = ellipsoid(width - 0.08, 0.2, width - 0.08, look.main).move(y=height - 0.14)
    return [lathe(body, paint), rim, fill], height - 0.06, width - 0.1


def _scoop_places(
    rng: np.random.Generator, width: float, cup: bool, at_least: int
) -> tuple[list[tuple[float, float, float]], float]:
    """Centres of the scoops above the mouth, the highest last, and their radius."""
    count = max(at_least, int(rng.choice([1, 2, 3], p=[0.4, 0.35, 0.25])))
    if count == 1:
        size = width * (1.0 if cup else rng.uniform(1.25, 1.4))
        return [(0.0, size * (0.45 if cup else 0.55), 0.0)], size
    if cup:
        size = width * (0.7 if count == 2 else 0.66)
        places = [(-0.5 * width, 0.7 * size, 0.0), (0.5 * width, 0.7 * size, 0.0)]
        return places + [(0.0, 1.75 * size, 0.0)][: count - 2], size
    if count == 2 or rng.random() < 0.4:
        size = width * rng.uniform(1.12, 1.24)
        sway = rng.uniform(-0.08, 0.08) * (count - 1)
        return [(sway * (i % 2), size * (0.5 + 1.22 * i), 0.0) for i in range(count)], size
    size = width * 1.02
    return [
        (-0.78 * size, 0.6 * size, 0.0),
        (0.78 * size, 0.6 * size, 0.0),
        (0.0, 1.8 * size, 0.0),
    ], size


def _scoop(rng: np.random.Generator, size: float, lip: float, paint: Paint) -> Part:
    """A ball of ice cream, a little uneven; `lip` is how far its ragged skirt stands out."""
    around, rings = 54, 28
    polar = np.linspace(0.04, np.pi - 0.04, rings)[:, None]
    turn = TURN * np.arange(around) / around
    rough = sum(
        rng.uniform(0.3, 1) * np.cos(k * turn + rng.uniform(0, TURN)) for k in (5, 7, 8, 11)
    )
    skirt = lip * (1 + 0.23 * rough) * np.exp(-(((polar - 1.95 - 0.03 * rough) / 0.17) ** 2))
    dent = 0.012 * np.sin(5 * polar + 2 * turn) + 0.012 * np.cos(4 * polar - 3 * turn + rough)
    r = size * (1 + skirt + dent * np.sin(polar))
    return turned(r * np.sin(polar), r * np.cos(polar), paint)


def _sauce(rng: np.random.Generator, size: float, paint: Paint) -> Part:
    """Sauce that runs down a scoop of radius `size` from its top."""
    around = 72
    edge = 0.62 + drips(rng, int(rng.integers(6, 9)), 0.0, 0.75, around)
    share = np.concatenate([np.linspace(0.03, 1, 20), [0.98, 0.9, 0.5, 0.1]])[:, None]
    swell = np.concatenate(
        [1.07 - 0.0 * share[:14], 1.0 + 0.07 * np.sqrt(1 - np.linspace(0.1, 1, 6)[:, None] ** 2)]
    )
    swell = np.concatenate([swell, np.full((4, 1), 0.94)])
    polar = edge * share
    return turned(size * swell * np.sin(polar), size * swell * np.cos(polar), paint)


def _swirl(
    rng: np.random.Generator, look: Look, width: float, y: float
) -> tuple[list[Part], float, float]:
    """Soft ice cream wound up to a tip, a ribbon of sauce along it: parts, top and radius."""
    turns, height = rng.uniform(3.0, 3.6), width * rng.uniform(2.3, 2.7)
    share = np.linspace(0, 1, 26)
    angle = share * turns * TURN + rng.uniform(0, TURN)
    reach = width * 0.78 * (1 - share) ** 0.8
    thick = width * (0.44 * (1 - share) ** 0.7 + 0.07)
    rise = y + thick[0] * 0.5 + height * share**1.05 * (1 - 0.12 * share)
    path = np.stack([reach * np.sin(angle), rise, reach * np.cos(angle)], 1)
    outward = np.stack([np.sin(angle), 0.9 + 0 * angle, np.cos(angle)], 1) / 1.35
    ribbon = path + outward * thick[:, None] * 0.8
    core = lathe(
        [(width * 0.85, y - 0.05), (width * 0.5, y + height * 0.4), (0.0, y + height * 0.85)],
        look.main,
    )
    parts = [
        tube([tuple(p) for p in path], thick, look.main, 18),
        tube([tuple(p) for p in ribbon[:-1]], thick[:-1] * 0.27, look.second, 10),
        core,
    ]
    return parts, float(rise[-1]), width


def _sprinkled_ball(
    rng: np.random.Generator, look: Look, radius: float, centre: tuple[float, float, float]
) -> list[Part]:
    """Sprinkles on the upper part of a ball."""
    parts = []
    for i, paint in enumerate(look.accents(rng, 22)):
        out = toward(rng.uniform(8, 75), 137.5 * i + rng.uniform(-20, 20))
        along = np.cross(out, rng.normal(size=3))
        parts.append(sprinkle(np.array(centre) + radius * out, along, paint))
    return parts
