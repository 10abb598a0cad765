"""What grows: tree, cactus, flower, mushroom."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.faces import Ball
from perflow_demo.training.toyworld.kinds.kind import Kind
from perflow_demo.training.toyworld.kinds.trees import tree
from perflow_demo.training.toyworld.palette import LEAF, WHITE, Look, lighter
from perflow_demo.training.toyworld.parts import Model, Paint, Part, Point
from perflow_demo.training.toyworld.primitives import ellipsoid, lathe, sphere, torus, tube

SOIL = Paint((0.27, 0.18, 0.12))


def cactus(rng: np.random.Generator, look: Look) -> Model:
    parts = _pot(rng, look.second)
    rim = 0.95
    shape = str(rng.choice(["arms", "ball", "paddles"], p=[0.5, 0.25, 0.25]))
    details, blooms = [], []
    if shape == "arms":
        tall = rng.uniform(2.0, 2.6)
        stem = tube(
            [(0, rim - 0.2, 0), (0, rim + tall * 0.5, 0), (0, rim + tall, 0)],
            [0.5, 0.54, 0.46],
            look.main,
            60,
        )
        parts += [_ribbed(stem, 10, 0.06, 60)]
        count = int(rng.integers(1, 3))
        for side in (1, -1)[:count]:
            y = rim + tall * rng.uniform(0.3, 0.5)
            path = [
                (0, y, 0),
                (0.75, y + 0.02, 0),
                (0.98, y + 0.35, 0),
                (1.0, y + rng.uniform(0.8, 1.1), 0),
            ]
            arm = _ribbed(tube(path, [0.27, 0.27, 0.29, 0.27], look.main, 32), 8, 0.035, 32)
            parts.append(arm.stretch(x=side))
            blooms.append((side * path[-1][0], path[-1][1] + 0.27, 0.0))
        parts += _spines((0.0, rim, 0.0), 0.55, tall)
        details.append(("one arm", "two arms")[count - 1])
        blooms = [(0.0, rim + tall + 0.43, 0.0), *blooms]
    elif shape == "ball":
        wide, high = rng.uniform(1.05, 1.25), rng.uniform(0.95, 1.2)
        body = ellipsoid(1, 1, 1, look.main, 72).warp(_ridged)
        parts.append(body.stretch(wide, high, wide).move(0, rim + high * 0.78, 0))
        ball = Ball((0.0, rim + high * 0.78, 0.0), (wide, high, wide))
        parts += [
            ball.stick(_spine(), 30 * i, lift, 1.04) for i in range(12) for lift in (-12, 22, 52)
        ]
        blooms = [ball.at(0, 90, 1.01)]
        details.append("a round shape")
    else:
        blooms = _paddles(rng, look.main, rim, parts)
        details.append("flat pads")
    if rng.random() < 0.55:
        parts += [piece for place in blooms for piece in _bloom(look.third, 0.3, place)]
        details.append("a flower on top" if len(blooms) == 1 else "flowers")
    return Model(parts, details=tuple(details))


def _paddles(rng: np.random.Generator, paint: Paint, rim: float, parts: list[Part]) -> list[Point]:
    """Prickly-pear pads added to `parts`; returns where flowers sit."""
    tips = []
    low = (0.0, rim + 0.75, 0.0)
    pads = [(low, 0.72, 0.95, 0.0)]
    for side in (1, -1):
        pads.append(
            ((side * 0.72, rim + rng.uniform(1.75, 2.0), side * 0.08), 0.5, 0.66, side * -32)
        )
    if rng.random() < 0.6:
        pads.append(((0.05, rim + 2.3, -0.1), 0.5, 0.72, 4.0))
    for (x, y, z), wide, high, roll in pads:
        pad = ellipsoid(wide, high, 0.3, paint, 36).turn("z", roll)
        parts.append(pad.move(x, y, z))
        ball = Ball((0.0, 0.0, 0.0), (wide, high, 0.3))
        for turn in (-38, 0, 38, 142, 180, 218):
            for lift in (-35, 0, 38):
                parts.append(ball.stick(_spine(), turn, lift, 1.02).turn("z", roll).move(x, y, z))
        c, s = np.cos(np.radians(roll)), np.sin(np.radians(roll))
        tips.append((x - s * high * 0.95, y + c * high * 0.95, z))
    return tips[1:]


def _pot(rng: np.random.Generator, paint: Paint) -> list[Part]:
    """A flower pot 0.95 high, filled with soil; straight-sided or rounded."""
    side = [(0.62, 0.0), (0.82, 0.68)]
    if rng.random() < 0.4:
        side = [(0.55, 0.0), (0.8, 0.2), (0.88, 0.42), (0.8, 0.68)]
    profile = [
        *side,
        (0.95, 0.68),
        (0.98, 0.72),
        (0.98, 0.92),
        (0.95, 0.95),
        (0.84, 0.95),
        (0.82, 0.86),
    ]
    return [lathe(profile, paint, 40), ellipsoid(0.83, 0.12, 0.83, SOIL, 28).move(0, 0.85, 0)]


def _ribbed(tubed: Part, ribs: int, depth: float, detail: int) -> Part:
    """A tube of `detail` segments with ribs along it."""
    turn = 2 * np.pi * (np.arange(len(tubed.vertices)) - 1) / detail
    wave = depth * np.cos(ribs * turn)[:, None] * tubed.normals
    wave[[0, -1]] = 0
    return tubed.warp(lambda v: v + wave)


def _ridged(v: np.ndarray) -> np.ndarray:
    wave = np.cos(12 * np.arctan2(v[:, 0], v[:, 2])) * np.sqrt(np.clip(1 - v[:, 1] ** 2, 0, 1))
    return v * (1 + 0.065 * wave)[:, None]


def _spine() -> Part:
    return ellipsoid(0.035, 0.035, 0.12, WHITE, 8)


def _spines(foot: Point, radius: float, tall: float) -> list[Part]:
    """Staggered rows of spines round an upright stem."""
    x, y, z = foot
    rows = np.arange(0.4, tall + 0.1, 0.42)
    return [
        _spine().move(0, y + height, radius * 1.04).turn("y", 36 * i + 36 * (row % 2)).move(x, 0, z)
        for row, height in enumerate(rows)
        for i in range(0, 10, 2)
    ]


def _bloom(paint: Paint, size: float, place: Point) -> list[Part]:
    """A little open flower that looks upward."""
    petal = ellipsoid(size * 0.42, size * 0.16, size * 0.62, paint, 16).turn("x", -42)
    parts = [
        petal.move(0, size * 0.34, size * 0.5).turn("y", 60 * i).move(*place) for i in range(6)
    ]
    return [
        *parts,
        sphere(size * 0.36, Paint((0.98, 0.83, 0.2)), 16).move(0, size * 0.3, 0).move(*place),
    ]


def flower(rng: np.random.Generator, look: Look) -> Model:
    """One big bloom in a pot: a daisy with round or pointed petals that faces ahead, or a tulip."""
    parts = [part.stretch(0.86, 0.86, 0.86) for part in _pot(rng, look.second)]
    foot, tall, sway = 0.7, rng.uniform(1.35, 1.7), rng.uniform(-0.2, 0.2)
    green = (
        LEAF
        if np.linalg.norm(np.subtract(look.main.colour, LEAF.colour)) > 0.3
        else lighter(LEAF, -0.45)
    )
    top = foot + tall
    parts.append(tube([(0, foot, 0), (sway, foot + tall * 0.5, 0.02), (0, top, 0)], 0.11, green))
    for side in (1, -1):
        leaf = _leaf(green, rng.uniform(0.95, 1.15))
        parts.append(leaf.stretch(x=side).move(0, foot + tall * rng.uniform(0.1, 0.25), 0.05))
    if rng.random() < 0.35:
        return Model([*parts, *_tulip(rng, look, top)], noun="tulip", details=("green leaves",))
    warm = look.main.colour[0] > 0.8 and look.main.colour[2] < 0.4
    centre = Paint((0.36, 0.2, 0.1) if warm else (0.98, 0.80, 0.16))
    pointed = rng.random() < 0.4
    head = _daisy(rng, look, centre, pointed)
    parts += [part.turn("x", -22).move(0, top + 0.05, 0.1) for part in head]
    petals = "pointed petals" if pointed else "round petals"
    return Model(
        parts, details=(petals, "a brown center" if warm else "a yellow center", "green leaves")
    )


def _leaf(paint: Paint, length: float) -> Part:
    """A pointed leaf that rises towards x > 0 and bends over."""
    blade = tube([(0, 0, 0), (0.5 * length, 0, 0), (length, 0, 0)], [0.06, 0.3, 0.03], paint, 20)

    def arch(v: np.ndarray) -> np.ndarray:
        t = np.clip(v[:, 0] / length, 0, 1.1)
        height = 0.25 * v[:, 1] + length * (1.05 * t - 0.75 * t**2) + 0.35 * np.abs(v[:, 2])
        return np.stack([v[:, 0] * 0.9, height, v[:, 2] + 0.25 * t], -1)

    return blade.warp(arch)


def _daisy(rng: np.random.Generator, look: Look, centre: Paint, pointed: bool) -> list[Part]:
    """A bloom around the origin that looks to +Z: one ring of petals, or two of two tones."""
    count = int(rng.integers(11, 15)) if pointed else int(rng.integers(6, 9))
    reach = rng.uniform(1.1, 1.25)
    petals = look.accents(rng, count) if look.colourful else [look.main] * count
    wide = reach * np.sin(np.pi / count) * (0.72 if pointed else 0.68)
    if pointed:
        petal = tube(
            [(0, 0.3, 0), (0, reach * 0.6, 0.06), (0, reach, 0)],
            [wide, wide * 1.15, 0.05],
            look.main,
            12,
        )
        petal = petal.stretch(z=0.4)
    else:
        petal = (
            ellipsoid(wide, reach * 0.38, 0.15, look.main, 22)
            .turn("x", 8)
            .move(0, reach * 0.66, 0.05)
        )
    parts = [petal.painted(petals[i]).turn("z", 360 * i / count) for i in range(count)]
    if rng.random() < 0.5:
        inner = petal.stretch(0.82, 0.76, 0.9).painted(lighter(look.main, 0.22)).move(0, 0, 0.1)
        parts += [inner.turn("z", 360 * (i + 0.5) / count) for i in range(count)]
    disc = ellipsoid(reach * 0.36, reach * 0.36, 0.22, centre, 32).move(0, 0, 0.08)
    back = ellipsoid(0.3, 0.3, 0.2, lighter(LEAF, -0.2), 24).move(0, 0, -0.08)
    return [*parts, disc, back]


def _tulip(rng: np.random.Generator, look: Look, top: float) -> list[Part]:
    """A closed cup of six petals standing on the stem."""
    tones = look.accents(rng, 6) if look.colourful else [look.main, lighter(look.main, -0.12)] * 3
    parts = []
    for i, tone in enumerate(tones):
        path = [(0, 0.0, 0.15), (0, 0.5, 0.52), (0, 1.0, 0.46), (0, 1.45, 0.34 if i % 2 else 0.5)]
        petal = tube(path, [0.24, 0.5, 0.42, 0.06], tone, 22)
        squeeze = np.array([0.0, 0.0, 0.42])
        petal = petal.move(*-squeeze).stretch(z=0.45).move(*squeeze)
        parts.append(petal.turn("y", 60 * i).move(0, top + 0.05, 0))
    return [*parts, ellipsoid(0.4, 0.3, 0.4, look.main, 24).move(0, top + 0.2, 0)]


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
    stem = stem.warp(lambda v: np.column_stack([v[:, 0], np.maximum(v[:, 1], 0), v[:, 2]]))
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


KINDS = (
    Kind(
        name="tree",
        build=tree,
        nouns=("tree",),
        natural=(("green", "brown"), ("green", "brown"), ("orange", "brown"), ("green", "gray")),
        second_part="a {colour} trunk",
        never=("oak", "bush", "fir", "conifer"),
        stretchable=True,
        holds=True,
        colourful=True,
    ),
    Kind(
        name="cactus",
        build=cactus,
        nouns=("cactus",),
        natural=(
            ("green", "orange"),
            ("green", "brown"),
            ("green", "white"),
            ("turquoise", "orange"),
        ),
        second_part="a {colour} pot",
        never=("succulent", "saguaro"),
        stretchable=True,
    ),
    Kind(
        name="flower",
        build=flower,
        nouns=("flower",),
        natural=(
            ("red", "brown"),
            ("yellow", "orange"),
            ("pink", "white"),
            ("purple", "brown"),
            ("white", "blue"),
        ),
        second_part="a {colour} pot",
        never=("blossom", "rose", "bloom"),
        stretchable=True,
        colourful=True,
    ),
    Kind(
        name="mushroom",
        build=mushroom,
        nouns=("mushroom", "toadstool"),
        natural=(("red", "white"), ("brown", "white"), ("orange", "white")),
        second_part="a {colour} stem",
        never=("fungus",),
        finishes=("glossy", "striped"),
        stretchable=True,
        holds=True,
    ),
)
