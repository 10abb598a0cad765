"""Things to eat: apple, cake, ice cream, donut."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from perflow_demo.training.toyworld.kinds.kind import Kind
from perflow_demo.training.toyworld.palette import (
    BLACK,
    EYE_WHITE,
    LEAF,
    WHITE,
    WOOD,
    Look,
    lighter,
)
from perflow_demo.training.toyworld.parts import Model, Paint, Part, smooth_normals
from perflow_demo.training.toyworld.primitives import (
    box,
    cylinder,
    ellipsoid,
    lathe,
    sphere,
    torus,
    tube,
)

CREAM = Paint((0.99, 0.95, 0.86))
FLESH = Paint((0.98, 0.93, 0.74))
WAFFLE = Paint((0.86, 0.60, 0.30))
CHERRY = Paint((0.78, 0.06, 0.12), "glossy")
FLAME = Paint((1.0, 0.72, 0.22), "glowing")
WORM = Paint((0.62, 0.82, 0.25))
PLATE = Paint((0.93, 0.93, 0.95), "glossy")
TURN = 2 * np.pi


def _skin(rings: np.ndarray, paint: Paint, wrap: bool = False) -> Part:
    """A smooth closed surface through rings of points (N×K×3, top first, counter-clockwise from above).

    The first and the last ring are closed by a fan; with `wrap` they are joined to each other instead.
    """
    count, around = rings.shape[:2]
    index = np.arange(count * around).reshape(count, around)
    upper, lower = (index, np.roll(index, -1, 0)) if wrap else (index[:-1], index[1:])
    a, b, c, d = upper, np.roll(upper, -1, 1), lower, np.roll(lower, -1, 1)
    faces = [np.stack([a, c, d], -1).reshape(-1, 3), np.stack([a, d, b], -1).reshape(-1, 3)]
    points = [rings.reshape(-1, 3)]
    if not wrap:
        top, bottom = count * around, count * around + 1
        first, last = index[0], index[-1]
        faces.append(np.stack([np.full(around, top), first, np.roll(first, -1)], -1))
        faces.append(np.stack([np.full(around, bottom), np.roll(last, -1), last], -1))
        points += [rings[:1].mean(1), rings[-1:].mean(1)]
    vertices = np.concatenate(points).astype(np.float32)
    faces = np.concatenate(faces).astype(np.int32)
    return Part(vertices, smooth_normals(vertices, faces), faces, paint)


def _turned(radius: np.ndarray, height: np.ndarray, paint: Paint) -> Part:
    """A surface of revolution whose profile may change on the way round: radius and height N×K."""
    turn = TURN * np.arange(radius.shape[1]) / radius.shape[1]
    return _skin(np.stack([radius * np.sin(turn), height, radius * np.cos(turn)], -1), paint)


def _rows(blocks: Sequence[np.ndarray], around: int) -> np.ndarray:
    """Blocks of rows below one another; a row's only number stands for all places on the way round."""
    blocks = [np.asarray(block, float) for block in blocks]
    blocks = [block[:, None] if block.ndim == 1 else block for block in blocks]
    return np.concatenate([np.broadcast_to(block, (len(block), around)) for block in blocks])


def _drips(rng: np.random.Generator, count: int, low: float, high: float, around: int) -> np.ndarray:
    """How far icing has run down at `around` places on its way round, in low..high."""
    at = count * np.arange(around) / around + rng.uniform()
    length = rng.uniform(0.25, 1.0, count)[at.astype(int) % count]
    return low + (high - low) * length * np.abs(np.sin(np.pi * at)) ** 0.7


# ------------------------------------------------------------------------------------------ apple


def apple(rng: np.random.Generator, look: Look) -> Model:
    """An apple with a stem and one or two leaves; sometimes bitten, sometimes with a worm."""
    radius = _apple_radius(rng)
    bitten = rng.random() < 0.3
    details, states = ["a leaf"], []
    if bitten:
        parts = _bitten(rng, radius, look.main)
        states.append("bitten")
    else:
        parts = [sphere(1, look.main, detail=60).warp(lambda v: v * radius(v)[:, None])]
    top = float(radius(np.array([[0.0, 1.0, 0.0]]))[0])
    lean = rng.uniform(-0.16, 0.16)
    height = rng.uniform(0.38, 0.6)
    stem = [(0, top - 0.12, 0), (lean * 0.3, top + height / 2, 0), (lean, top + height, 0)]
    parts.append(tube(stem, [0.06, 0.05, 0.085], WOOD, detail=12))
    base = np.array([lean * 0.2, top + 0.45 * height, 0])
    parts.append(_leaf(rng, look.second, rng.uniform(0.95, 1.2)).turn("y", rng.uniform(-35, 20)).move(*base))
    if rng.random() < 0.5:
        small = _leaf(rng, look.second, rng.uniform(0.6, 0.8)).mirror()
        parts.append(small.turn("y", rng.uniform(-20, 35)).move(*base))
        details = ["two leaves"]
    if not bitten and rng.random() < 0.15:
        parts += _worm(rng, radius)
        details.append("a worm")
    return Model(parts, details=tuple(details), states=tuple(states))


def _apple_radius(rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """The apple's surface: distance from its centre in unit directions (V×3)."""
    wide, tall = rng.uniform(0.95, 1.06), rng.uniform(0.82, 1.05)
    taper, lobes = rng.uniform(0.04, 0.2), rng.uniform(0.0, 0.035)
    dimple, foot, start = rng.uniform(0.26, 0.4), rng.uniform(0.1, 0.2), rng.uniform(0, TURN)

    def radius(direction: np.ndarray) -> np.ndarray:
        x, y, z = direction.T
        polar, turn = np.arccos(np.clip(y, -1, 1)), np.arctan2(x, z)
        body = 1 / np.sqrt((x**2 + z**2) / wide**2 + y**2 / tall**2)
        body *= 1 + taper * y * np.sin(polar)
        body *= 1 + lobes * np.cos(5 * turn + start) * np.sin(polar) ** 2 * (1 - 0.6 * y)
        body *= 1 - dimple * np.exp(-((polar / 0.42) ** 2))
        return body * (1 - foot * np.exp(-(((np.pi - polar) / 0.4) ** 2)))

    return radius


def _bitten(
    rng: np.random.Generator, radius: Callable[[np.ndarray], np.ndarray], paint: Paint
) -> list[Part]:
    """Skin and flesh of an apple with a bite in its side; the mesh follows the bite's edge exactly."""
    tilt, side = rng.uniform(68, 84), rng.choice([-1, 1]) * rng.uniform(25, 65)
    teeth = [
        _toward(tilt + rise, side + sway) * rng.uniform(1.04, 1.1)
        for rise, sway in ((-17, 4), (18, -4), (0, rng.choice([-19, 19])))
    ]

    def bite(direction: np.ndarray) -> np.ndarray:
        depth = np.full(len(direction), 9.0)
        for tooth in teeth:
            along = direction @ tooth
            square = along**2 - tooth @ tooth + 0.42**2
            hit = np.where((square > 0) & (along > 0), along - np.sqrt(np.maximum(square, 0)), 9.0)
            depth = np.minimum(depth, hit)
        return depth

    rings, around = 42, 64
    turn = TURN * np.arange(around) / around
    frame = _frame(_toward(tilt, side))

    def directions(polar: np.ndarray) -> np.ndarray:
        local = [np.sin(polar) * np.sin(turn), np.cos(polar), np.sin(polar) * np.cos(turn)]
        return np.stack(np.broadcast_arrays(*local), -1).reshape(-1, 3) @ frame

    inside, outside = np.zeros(around), np.full(around, 1.4)
    for _ in range(24):
        middle = (inside + outside) / 2
        at = directions(middle)
        within = bite(at) < radius(at)
        inside, outside = np.where(within, middle, inside), np.where(within, outside, middle)
    edge = outside
    share = np.concatenate([np.linspace(0.06, 0.97, 14), [1.0]])
    beyond = np.concatenate([[0.012], np.linspace(0.05, 0.985, rings - 16)])
    polar = np.concatenate([share[:, None] * edge, edge + beyond[:, None] * (np.pi - edge)])
    at = directions(polar)
    whole = radius(at).reshape(polar.shape)
    hollow = np.minimum(bite(at).reshape(polar.shape), whole)
    flesh, skin = hollow.copy(), whole.copy()
    flesh[15:] *= 0.96
    skin[:14] = hollow[:14] * 0.85
    at = at.reshape(*polar.shape, 3)
    return [_skin(at * skin[..., None], paint), _skin(at * flesh[..., None], FLESH)]


def _toward(polar: float, turn: float) -> np.ndarray:
    """The unit direction at `polar` degrees from +Y and `turn` degrees from +Z towards +X."""
    p, t = np.radians([polar, turn])
    return np.array([np.sin(p) * np.sin(t), np.cos(p), np.sin(p) * np.cos(t)])


def _frame(up: np.ndarray) -> np.ndarray:
    """Rows x, y, z of a right-handed frame whose y is the unit vector `up`."""
    across = np.cross([0.3, 0.9, 0.1], up)
    across /= np.linalg.norm(across)
    return np.stack([across, up, np.cross(across, up)])


def _leaf(rng: np.random.Generator, paint: Paint, length: float) -> Part:
    """A pointed leaf that starts at the origin and leans to +X, its face towards +Z."""
    curl, droop = rng.uniform(0.1, 0.3), rng.uniform(0.2, 0.5)

    def bend(v: np.ndarray) -> np.ndarray:
        s = (v[:, 0] + 1) / 2
        wide = v[:, 2] * (1.3 - 0.7 * s)
        return np.stack([s, v[:, 1] * 0.05 + droop * np.sin(2.4 * s) * 0.6 + curl * wide**2, wide * 0.3], 1)

    leaf = sphere(1, paint, detail=24).warp(bend)
    return leaf.turn("x", rng.uniform(30, 55)).stretch(length, length, length)


def _worm(rng: np.random.Generator, radius: Callable[[np.ndarray], np.ndarray]) -> list[Part]:
    """A worm that looks out of the apple's front."""
    out = _toward(rng.uniform(72, 88), rng.uniform(-35, 35))
    start = out * float(radius(out[None])[0])
    bow = [start - 0.15 * out, start + 0.2 * out, start + [0, 0.18, 0] + 0.36 * out]
    head = bow[2] + np.array([0, 0.12, 0.02])
    parts = [tube([tuple(p) for p in bow], 0.11, WORM, detail=14), sphere(0.16, WORM, 20).move(*head)]
    for side in (-1, 1):
        eye = head + 0.12 * out + np.array([out[2] * 0.08 * side, 0.06, -out[0] * 0.08 * side])
        parts.append(sphere(0.065, EYE_WHITE, 12).move(*eye))
        parts.append(sphere(0.04, BLACK, 10).move(*(eye + 0.04 * out)))
    return parts


# ------------------------------------------------------------------------------------------- cake


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
    for tier in range(tiers):
        height = rng.uniform(0.95, 1.25) if tiers == 1 else rng.uniform(0.62, 0.76)
        parts += _cake_body(rng, look, radius, height, y)
        parts += _icing(rng, look.second, radius, height, y + height)
        y += height + 0.05
        radius *= rng.uniform(0.62, 0.7) if tier < tiers - 1 else 1
    perch = None
    if style == "birthday":
        parts += _candles(rng, look, radius * 0.62, y)
    elif rng.random() < 0.85:
        topping, words = _topping(rng, look, radius, y)
        parts += topping
        details.append(words)
    else:
        perch = (0.0, y, 0.0)
    noun = {"birthday": "birthday cake", "tiered": "tiered cake"}.get(style)
    return Model(parts, noun=noun, details=tuple(details), perch=perch)


def _stand(rng: np.random.Generator) -> tuple[list[Part], float]:
    """A plate, or a stand with a foot; and the height of its top."""
    if rng.random() < 0.5:
        return [lathe([(0.8, 0), (0.95, 0.02), (1.28, 0.1), (1.28, 0.14), (0.9, 0.09)], PLATE)], 0.08
    foot = [(0.6, 0), (0.6, 0.05), (0.2, 0.14), (0.14, 0.3), (0.3, 0.4), (1.25, 0.42), (1.25, 0.5)]
    return [lathe(foot, PLATE)], 0.5


def _cake_body(
    rng: np.random.Generator, look: Look, radius: float, height: float, y: float
) -> list[Part]:
    """Smoothly frosted, or layers of sponge with cream between them; perhaps beads around the foot."""
    if rng.random() < 0.5:
        count, gap = int(rng.integers(2, 4)), 0.06
        layer = (height - gap * (count - 1)) / count
        r, e = radius * 0.985, 0.04
        profile = [(r - e, 0), (r - e / 3, e / 3), (r, e), (r, layer - e), (r - e / 3, layer - e / 3), (r - e, layer)]
        parts = [lathe(profile, look.main).move(y=y + i * (layer + gap)) for i in range(count)]
        cream = [(radius * 0.9, -0.02), (radius * 0.97, 0.0), (radius, gap / 2), (radius * 0.97, gap), (radius * 0.9, gap + 0.02)]
        return parts + [lathe(cream, CREAM).move(y=y + i * (layer + gap) - gap) for i in range(1, count)]
    e = 0.06
    profile = [(radius, 0), (radius, height - e), (radius - e / 3, height - e / 3), (radius - e, height)]
    parts = [lathe(profile, look.main)]
    beads = int(round(radius * rng.choice([18, 24])))
    size = TURN * radius / beads / 1.9
    parts += _around(sphere(size, lighter(look.main, 0.25), 12).stretch(y=0.85), beads, radius, size * 0.8)
    return [part.move(y=y) for part in parts]


def _around(part: Part, count: int, radius: float, y: float, start: float = 0.0) -> list[Part]:
    """`count` copies on a circle about Y, the first at +Z."""
    return [
        part.move(y=y, z=radius).turn("y", start + 360 * i / count) for i in range(count)
    ]


def _icing(
    rng: np.random.Generator, paint: Paint, radius: float, height: float, top: float
) -> list[Part]:
    """A sheet over a cake's top that drips down its side; or a piped border round the top."""
    if rng.random() < 0.25:
        count = int(round(radius * 15))
        size = TURN * radius / count / 1.8
        bead = sphere(size, paint, 14).stretch(y=0.9)
        return _around(bead, count, radius * 0.93, top + size * 0.5)
    around = 90
    drip = _drips(rng, int(rng.integers(9, 14)), 0.04, rng.uniform(0.26, 0.44), around)
    rise, e = 0.055, 0.045
    share = np.linspace(0, 1, 9)[:, None]
    swell = np.sqrt(np.clip(1 - share**5, 0, 1))
    bend = np.radians(np.linspace(0, 90, 6))
    radii = [[0.3 * radius, 0.85 * radius], radius - e + 2 * e * np.sin(bend)]
    heights = [[rise, rise], rise - 2 * e * (1 - np.cos(bend))]
    radii += [radius + e * swell - 0.012, [0.9 * radius]]
    heights += [rise - 2 * e - drip * share, -0.9 * drip[None]]
    spread = (_rows(blocks, around) for blocks in (radii, heights))
    return [_turned(*spread, paint).move(y=top)]


def _candles(rng: np.random.Generator, look: Look, radius: float, y: float) -> list[Part]:
    """One to eight burning candles on a cake's top."""
    count = int(rng.choice([1, 3, 4, 5, 6, 8]))
    height, thick = rng.uniform(0.42, 0.6), rng.uniform(0.06, 0.075)
    parts = []
    for i, paint in enumerate(look.accents(rng, count)):
        candle = [
            cylinder(thick, height, paint).move(y=height / 2),
            torus(thick * 0.85, thick * 0.3, lighter(paint, 0.6), 16).move(y=height * 0.3),
            torus(thick * 0.85, thick * 0.3, lighter(paint, 0.6), 16).move(y=height * 0.7),
            _flame().stretch(thick * 1.25, thick * 2.4, thick * 1.25).move(y=height + thick * 1.9),
        ]
        reach = 0.0 if count == 1 else radius
        parts += [p.move(y=y, z=reach).turn("y", 360 * (i + 0.5) / count) for p in candle]
    return parts


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
        return [_dollop(0.3).move(y=y), *(p.move(y=y + 0.3) for p in _cherry(0.2))], "a cherry on top"
    count = int(np.clip(round(radius * rng.choice([7, 9])), 5, 9))
    if style == "cherries":
        small = [*_cherry(0.13), _dollop(0.17).move(y=-0.12)]
        return [q for p in small for q in _around(p, count, radius * 0.7, y + 0.1)], "cherries on top"
    if style == "strawberries":
        return [q for p in _strawberry(0.2) for q in _around(p, count, radius * 0.68, y)], "strawberries on top"
    if style == "cream":
        return _around(_dollop(0.2), count, radius * 0.72, y), "whipped cream"
    balls = [sphere(0.13, paint, 16) for paint in look.accents(rng, count)]
    return [
        ball.move(y=y + 0.1, z=radius * 0.74).turn("y", 360 * i / count) for i, ball in enumerate(balls)
    ], "candy balls on top"


def _cherry(size: float) -> list[Part]:
    """A cherry whose middle is at `size` above the origin, with its stalk."""
    stalk = [(0, size * 1.7, 0), (size * 0.15, size * 2.6, 0), (size * 0.7, size * 3.3, 0)]
    return [sphere(size, CHERRY, 20).move(y=size * 0.9), tube(stalk, size * 0.13, LEAF, 8)]


def _strawberry(size: float) -> list[Part]:
    """A strawberry that stands upside down on the origin, its leaves hidden below."""

    def bend(v: np.ndarray) -> np.ndarray:
        return v * np.stack([1 - 0.4 * v[:, 1], 1 + 0 * v[:, 1], 1 - 0.4 * v[:, 1]], 1)

    berry = sphere(1, CHERRY, 20).warp(bend).stretch(size * 0.75, size, size * 0.75).move(y=size * 0.7)
    return [berry, ellipsoid(size * 0.95, size * 0.16, size * 0.95, LEAF, 14).move(y=size * 0.1)]


def _dollop(size: float) -> Part:
    """A star-shaped swirl of cream standing on the origin."""
    around, steps = 30, 12
    turn, rise = TURN * np.arange(around) / around, np.linspace(0, 1, steps)[:, None]
    star = 1 + 0.13 * np.cos(6 * turn + 5 * rise)
    radius = size * star * (1.02 - (1 - rise)) ** 0.75 * (1 - 0.25 * rise**6)
    return _turned(np.maximum(radius, 0.02 * size), size * 1.25 * (1 - rise) + 0 * turn, CREAM)


def _slice_of_cake(rng: np.random.Generator, look: Look) -> Model:
    """A wedge with its point towards the front: layers, filling, icing on the top and the back."""
    half, length = np.radians(rng.uniform(20, 27)), rng.uniform(1.9, 2.2)
    count, gap = int(rng.integers(2, 4)), rng.uniform(0.05, 0.07)
    layer = rng.uniform(1.15, 1.4) / count - gap
    rim = np.linspace(-half, half, 15)
    arc = length * np.stack([np.sin(rim), -np.cos(rim)], 1)
    wedge = _rounded(np.concatenate([[[0.0, 0.0]], arc[::-1]]) + [0, length * 0.6], 0.05)
    filling = look.second if rng.random() < 0.5 else CREAM
    parts, y = [], 0.0
    for i in range(count):
        parts.append(_slab(wedge, layer, look.main).move(y=y))
        y += layer
        if i < count - 1:
            parts.append(_slab(wedge * 0.985, gap + 0.02, filling).move(y=y - 0.01))
            y += gap
    parts.append(_slab(wedge * 1.03, 0.12, look.second).move(y=y - 0.02))
    back = _rounded(np.concatenate([arc[::-1] * 1.06, arc * 0.92]) * [1.02, 1] + [0, length * 0.6], 0.05)
    parts.append(_slab(back, y + 0.1, look.second))
    y += 0.1
    details = ["a layer of cream"] if filling is CREAM and count == 2 else []
    style = rng.choice(["cherry", "strawberry", "cream", "none"])
    at = -length * 0.22
    if style == "cherry":
        parts += [_dollop(0.26).move(y=y, z=at), *(p.move(y=y + 0.22, z=at) for p in _cherry(0.2))]
        details.append("a cherry on top")
    elif style == "strawberry":
        parts += [p.move(y=y, z=at) for p in _strawberry(0.32)]
        details.append("a strawberry on top")
    elif style == "cream":
        parts.append(_dollop(0.32).move(y=y, z=at))
        details.append("whipped cream")
    if rng.random() < 0.5:
        parts = [p.move(y=0.08) for p in parts]
        parts.append(lathe([(0.9, 0), (1.05, 0.02), (1.4, 0.1), (1.4, 0.14), (1.0, 0.09)], PLATE))
        details.append("a plate")
    spin = rng.choice([-1, 1]) * rng.uniform(18, 40)
    return Model([p.turn("y", spin) for p in parts], noun="slice of cake", details=tuple(details))


def _rounded(outline: np.ndarray, size: float) -> np.ndarray:
    """The outline (K×2) resampled finely, its corners rounded over about `size`."""
    closed = np.concatenate([outline, outline[:1]])
    walk = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    at = np.linspace(0, walk[-1], 600, endpoint=False)
    fine = np.stack([np.interp(at, walk, closed[:, i]) for i in (0, 1)], 1)
    width = max(3, int(600 * size / walk[-1]))
    kernel = np.ones(2 * width + 1) / (2 * width + 1)
    wrapped = np.concatenate([fine[-width:], fine, fine[:width]])
    smooth = np.stack([np.convolve(wrapped[:, i], kernel, "valid") for i in (0, 1)], 1)
    return smooth[::8]


def _slab(outline: np.ndarray, height: float, paint: Paint) -> Part:
    """A flat shape (K×2, x and z) with thickness and rounded edges, standing on y = 0."""
    centre = outline.mean(0)
    e = min(0.035, height / 3)
    insets = [0.12, 1.2 * e, 0.35 * e, 0, 0, 0, 0.35 * e, 1.2 * e, 0.12]
    levels = [height, height, height - 0.3 * e, height - e, height / 2, e, 0.3 * e, 0, 0]
    rings = [np.insert(centre + (outline - centre) * (1 - i), 1, y, 1) for i, y in zip(insets, levels, strict=True)]
    return _skin(np.stack(rings), paint)


# -------------------------------------------------------------------------------------- ice cream


def ice_cream(rng: np.random.Generator, look: Look) -> Model:
    """One to three scoops, or a soft swirl, in a waffle cone or a paper cup, with sauce."""
    cup = rng.random() < 0.35
    parts, y, width = (_paper_cup if cup else _waffle_cone)(rng, look)
    noun = "cup of ice cream" if cup else "ice cream cone"
    if rng.random() < 0.28:
        swirl, top, size = _swirl(rng, look, width * (1.0 if cup else 1.2), y)
        parts += swirl
        details = ["a swirl"]
    else:
        places, size = _scoop_places(rng, width, cup)
        for place in places:
            parts.append(_scoop(rng, size, 0.04 if cup and place[1] < size else 0.15, look.main).move(place[0], y + place[1], place[2]))
        places = sorted(places, key=lambda p: p[1])
        sauced = places[-1:] if places[-1][1] > places[0][1] or len(places) == 1 else places
        for place in sauced:
            parts.append(_sauce(rng, size, look.second).move(place[0], y + place[1], place[2]))
        if rng.random() < 0.35 and len(sauced) == 1:
            parts += _sprinkled_ball(rng, look, size * 1.06, (sauced[0][0], y + sauced[0][1], 0.0))
        top = y + places[-1][1] + size
        details = [("one scoop", "two scoops", "three scoops")[len(places) - 1]]
    extra = rng.choice(["cherry", "wafer", "none"], p=[0.3, 0.35, 0.35])
    centred = places[-1][0] == 0 if "a swirl" not in details else True
    if extra == "cherry" and centred and "a swirl" not in details:
        parts += [p.move(y=top - 0.03) for p in _cherry(0.2)]
        details.append("a cherry on top")
    elif extra == "wafer":
        roll = tube([(0, 0, 0), (0, 1.0, 0)], 0.12, WAFFLE, 14)
        side = rng.choice([-1, 1])
        parts.append(roll.turn("x", -14).turn("z", -side * 24).move(side * size * 0.45, top - 0.75 * size, -0.25))
        details.append("a wafer")
    return Model(parts, noun=noun, details=tuple(details))


def _waffle_cone(rng: np.random.Generator, look: Look) -> tuple[list[Part], float, float]:
    """A cone with a waffle pattern and a rim: parts, height of its mouth and radius there."""
    width, height, around = rng.uniform(0.62, 0.74), rng.uniform(1.35, 1.65), 84
    turn, rise = TURN * np.arange(around) / around, np.linspace(1, 0.035, 30)[:, None]
    lines = np.abs(np.sin(6 * turn + 9 * rise) * np.sin(6 * turn - 9 * rise))
    radius = width * rise * (1 + 0.06 * np.minimum(1, 2.2 * lines))
    parts = [_turned(radius, height * rise + 0 * turn, WAFFLE)]
    if rng.random() < 0.5:
        parts.append(torus(width * 1.0, 0.09, lighter(WAFFLE, -0.08)).stretch(y=1.3).move(y=height))
    else:
        band = [(width * 0.86, -0.4), (width * 1.12, -0.36), (width * 1.2, 0.04), (width * 1.12, 0.07), (width, 0.0)]
        parts.append(lathe(band, lighter(WAFFLE, -0.08)).move(y=height))
    return parts, height, width


def _paper_cup(rng: np.random.Generator, look: Look) -> tuple[list[Part], float, float]:
    """A flared paper cup in the third paint: parts, height of its mouth and radius there."""
    width, height = rng.uniform(0.85, 0.98), rng.uniform(0.45, 0.62)
    low = width * rng.uniform(0.6, 0.75)
    paint = look.third if rng.random() < 0.6 else WHITE
    body = [(low, 0), (width, height), (width - 0.05, height), (width - 0.1, height - 0.12)]
    return [lathe(body, paint), torus(width, 0.05, lighter(paint, 0.4)).move(y=height)], height - 0.06, width - 0.1


def _scoop_places(
    rng: np.random.Generator, width: float, cup: bool
) -> tuple[list[tuple[float, float, float]], float]:
    """Centres of the scoops above the mouth, and their radius."""
    count = int(rng.choice([1, 2, 3], p=[0.4, 0.35, 0.25]))
    if count == 1:
        size = width * (1.0 if cup else rng.uniform(1.25, 1.4))
        return [(0.0, size * (0.25 if cup else 0.55), 0.0)], size
    if cup:
        size = width * (0.7 if count == 2 else 0.66)
        places = [(-0.5 * width, 0.45 * size, 0.0), (0.5 * width, 0.45 * size, 0.0)]
        return places + [(0.0, 1.5 * size, 0.0)][: count - 2], size
    if count == 2 or rng.random() < 0.4:
        size = width * rng.uniform(1.12, 1.24)
        sway = rng.uniform(-0.08, 0.08) * (count - 1)
        return [(sway * (i % 2), size * (0.5 + 1.22 * i), 0.0) for i in range(count)], size
    size = width * 1.02
    return [(-0.78 * size, 0.6 * size, 0.0), (0.78 * size, 0.6 * size, 0.0), (0.0, 1.8 * size, 0.0)], size


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
    return _turned(r * np.sin(polar), r * np.cos(polar), paint)


def _sauce(rng: np.random.Generator, size: float, paint: Paint) -> Part:
    """Sauce that runs down a scoop of radius `size` from its top."""
    around = 72
    edge = 0.62 + _drips(rng, int(rng.integers(6, 9)), 0.0, 0.75, around)
    share = np.concatenate([np.linspace(0.03, 1, 20), [0.98, 0.9, 0.5, 0.1]])[:, None]
    swell = np.concatenate([1.07 - 0.0 * share[:14], 1.0 + 0.07 * np.sqrt(1 - np.linspace(0.1, 1, 6)[:, None] ** 2)])
    swell = np.concatenate([swell, np.full((4, 1), 0.94)])
    polar = edge * share
    return _turned(size * swell * np.sin(polar), size * swell * np.cos(polar), paint)


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
    core = lathe([(width * 0.85, y - 0.05), (width * 0.5, y + height * 0.4), (0.0, y + height * 0.85)], look.main)
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
        out = _toward(rng.uniform(8, 75), 137.5 * i + rng.uniform(-20, 20))
        along = np.cross(out, rng.normal(size=3))
        parts.append(_sprinkle(np.array(centre) + radius * out, along, paint))
    return parts


def _sprinkle(at: np.ndarray, along: np.ndarray, paint: Paint, size: float = 0.05) -> Part:
    reach = 1.5 * size * along / np.linalg.norm(along)
    return tube([tuple(at - reach), tuple(at + reach)], size, paint, 8)


# ------------------------------------------------------------------------------------------ donut


def donut(rng: np.random.Generator, look: Look) -> Model:
    """A donut that stands on its edge: a ring or a heart, perhaps bitten; icing with drips."""
    heart = rng.random() < 0.25
    bitten = not heart and rng.random() < 0.3
    thick, puff = rng.uniform(0.42, 0.56), rng.uniform(0.85, 1.1)
    start, stop = 0.0, TURN
    if bitten:
        middle, half = rng.choice([-1, 1]) * rng.uniform(0.5, 1.2), rng.uniform(0.36, 0.46)
        start, stop = middle + half, middle - half + TURN
    ring = _Ring(heart, thick, puff, start, stop)
    parts = [ring.dough(look.second), ring.icing(rng, look.main)]
    if bitten:
        parts += [ring.crumb(end, lighter(look.second, 0.55)) for end in (0, 1)]
    details = []
    style = rng.choice(["sprinkles", "drizzle", "balls", "plain"], p=[0.52, 0.24, 0.14, 0.1])
    if style == "sprinkles":
        parts += ring.sprinkles(rng, look, 40)
        details.append("sprinkles")
    elif style == "balls":
        parts += ring.balls(rng, look, 18)
        details.append("candy balls")
    elif style == "drizzle":
        parts.append(ring.drizzle(rng, look.third))
        details.append("a drizzle")
    lean = -rng.uniform(4, 16)
    noun = "heart-shaped donut" if heart else None
    return Model(
        [p.turn("x", lean) for p in parts],
        noun=noun,
        details=tuple(details),
        states=("bitten",) if bitten else (),
    )


class _Ring:
    """A tube along a closed curve in the XY plane, seen from +Z; from `start` to `stop` of a turn."""

    def __init__(self, heart: bool, thick: float, puff: float, start: float, stop: float) -> None:
        self.heart, self.thick, self.puff = heart, thick, puff
        self.start, self.stop = start, stop
        self.whole = stop - start > TURN - 1e-6

    def curve(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Middle of the tube and outward direction at turn `t` (0 at the top, clockwise): …×3 each."""

        def at(t: np.ndarray) -> np.ndarray:
            y = np.cos(t)
            if self.heart:
                y = 0.78 * y + 0.42 * np.sqrt(np.sin(t) ** 2 + 0.03)
            return np.stack([np.sin(t), y, 0 * t], -1)

        tangent = at(t + 1e-3) - at(t - 1e-3)
        tangent /= np.linalg.norm(tangent, axis=-1, keepdims=True)
        return at(t), np.stack([-tangent[..., 1], tangent[..., 0], tangent[..., 2]], -1)

    def point(self, t: np.ndarray, around: np.ndarray, scale: np.ndarray | float = 1.0) -> np.ndarray:
        """The tube's surface; `around` is 0 in front and grows outward; `scale` of its radius."""
        t, around, scale = np.broadcast_arrays(t, around, scale)
        middle, outward = self.curve(t)
        r = (self.thick * scale)[..., None]
        front = np.array([0.0, 0.0, self.puff])
        return middle + r * (np.sin(around)[..., None] * outward + np.cos(around)[..., None] * front)

    def _steps(self, count: int) -> np.ndarray:
        return np.linspace(self.start, self.stop, count, endpoint=not self.whole)[:, None]

    def dough(self, paint: Paint) -> Part:
        around = TURN * np.arange(32) / 32
        rings = self.point(self._steps(72), around)
        return _skin(rings, paint, wrap=self.whole)

    def icing(self, rng: np.random.Generator, paint: Paint) -> Part:
        """A coat over the front whose two edges run in waves."""
        steps = self._steps(96)
        outer = 1.0 + _drips(rng, int(rng.integers(8, 12)), 0.0, 0.55, 96)[:, None]
        inner = -0.85 - _drips(rng, int(rng.integers(5, 8)), 0.0, 0.55, 96)[:, None]
        share = np.linspace(-1, 1, 20)
        middle, half = (outer + inner) / 2, (outer - inner) / 2
        coat = self.point(steps, middle + half * share, 0.99 + 0.11 * (1 - share**6) ** 0.5)
        under = self.point(steps, middle + half * 0.9 * share[::-3], 0.85)
        return _skin(np.concatenate([coat, under], 1), paint, wrap=self.whole)

    def crumb(self, end: int, paint: Paint) -> Part:
        """The inside that shows where a bite ends the tube; a low dome on the cut."""
        around = TURN * np.arange(32) / 32
        t, sign = ((self.start, -1), (self.stop, 1))[end]
        scale = np.array([0.02, 0.5, 0.8, 0.9, 0.9])[:, None]
        out = np.array([0.015, 0.015, 0.015, 0.005, -0.06])[:, None]
        rings = self.point(t + sign * out, around, scale)
        return _skin(rings if end == 0 else rings[:, ::-1], paint)

    def sprinkles(self, rng: np.random.Generator, look: Look, count: int) -> list[Part]:
        t = self._spread(rng, count)
        around = rng.uniform(-0.75, 0.9, count)
        at = self.point(t, around, 1.11)
        one, other = self.point(t + 0.05, around, 1.1) - at, self.point(t, around + 0.1, 1.11) - at
        mix = rng.uniform(0, TURN, count)[:, None]
        along = np.cos(mix) * one + np.sin(mix) * other
        return [_sprinkle(*place) for place in zip(at, along, look.accents(rng, count), strict=True)]

    def balls(self, rng: np.random.Generator, look: Look, count: int) -> list[Part]:
        t = self._spread(rng, count)
        at = self.point(t, 0.15 + 0.55 * (-1.0) ** np.arange(count), 1.12)
        paints = look.accents(rng, count)
        return [sphere(0.085, paint, 14).move(*place) for paint, place in zip(paints, at, strict=True)]

    def drizzle(self, rng: np.random.Generator, paint: Paint) -> Part:
        """A thin line of icing in zigzag."""
        waves = int(rng.integers(8, 12))
        t = np.linspace(self.start + 0.03, self.stop - 0.03, 6 * waves)
        path = self.point(t, 0.05 + 0.75 * np.sin(waves * TURN * (t - self.start) / (self.stop - self.start)), 1.1)
        return tube([tuple(p) for p in path], 0.055, paint, 8)

    def _spread(self, rng: np.random.Generator, count: int) -> np.ndarray:
        margin = 0.0 if self.whole else 0.06
        share = (np.arange(count) + rng.uniform(0.2, 0.8, count)) / count
        return self.start + margin + share * (self.stop - self.start - 2 * margin)


KINDS = (
    Kind(
        name="apple",
        build=apple,
        nouns=("apple",),
        natural=(("red", "green"), ("green", "green"), ("yellow", "green"), ("red", "brown")),
        second_part="a {colour} leaf",
        never=("fruit",),
        finishes=("glossy", "metallic", "wooden", "striped", "dotted"),
        perches=True,
    ),
    Kind(
        name="cake",
        build=cake,
        nouns=("cake",),
        natural=(("brown", "pink"), ("yellow", "brown"), ("white", "pink"), ("brown", "white"), ("pink", "white")),
        second_part="{colour} icing",
        never=("gateau", "torte"),
        finishes=("glossy", "striped", "dotted"),
        holds=True,
    ),
    Kind(
        name="ice cream",
        build=ice_cream,
        nouns=("ice cream",),
        natural=(("pink", "brown"), ("white", "brown"), ("brown", "white"), ("white", "red"), ("turquoise", "brown")),
        second_part="{colour} sauce",
        never=("gelato", "sundae"),
        finishes=("glossy", "striped", "dotted"),
    ),
    Kind(
        name="donut",
        build=donut,
        nouns=("donut",),
        natural=(("pink", "brown"), ("brown", "orange"), ("white", "brown"), ("brown", "yellow")),
        second_part="{colour} dough",
        never=("doughnut", "bagel"),
        finishes=("glossy", "metallic", "striped", "dotted"),
    ),
)
