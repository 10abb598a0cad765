"""Buildings: houses and castles, with towers.py also lighthouses and windmills; doors face +Z."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.hull import loft
from perflow_demo.training.toyworld.kinds.kind import Kind
from perflow_demo.training.toyworld.kinds.masonry import (
    STONE,
    arch,
    door,
    faceted,
    place,
    round_window,
    slit,
    window,
)
from perflow_demo.training.toyworld.kinds.towers import lighthouse, windmill
from perflow_demo.training.toyworld.palette import (
    BLACK,
    GOLD,
    LEAF,
    WHITE,
    WOOD,
    Look,
    lighter,
)
from perflow_demo.training.toyworld.parts import Model, Paint, Part
from perflow_demo.training.toyworld.primitives import (
    box,
    capsule,
    cylinder,
    ellipsoid,
    lathe,
    prism,
    sphere,
)

BRICK = Paint((0.62, 0.30, 0.22))
STOREY = 0.98  # height of one floor


def house(rng: np.random.Generator, look: Look) -> Model:
    """A house of one or two storeys with a gabled or a hipped roof."""
    floors = 1 if rng.random() < 0.6 else 2
    half, deep = rng.uniform(0.78, 1.0), rng.uniform(0.68, 0.85)
    wall, rise = 0.2 + STOREY * floors, rng.uniform(0.5, 0.68)
    style = rng.choice(["front gable", "side gable", "hip"], p=[0.5, 0.25, 0.25])
    door_x = 0.0 if floors == 1 or rng.random() < 0.5 else rng.choice([-1, 1]) * half * 0.5
    parts = [box(2 * half + 0.14, 0.14, 2 * deep + 0.14, STONE, 0.03).move(y=0.07)]
    parts += _gabled(half, deep, wall, rise, style, look)
    parts += place(door(look.third), door_x, 0.12, deep)
    parts += [box(0.62, 0.1, 0.34, STONE, 0.03).move(door_x, 0.05, deep + 0.2)]
    flowers, shutters = rng.random() < 0.5, look.third if rng.random() < 0.4 else None
    parts += _front_windows(half, deep, floors, door_x, shutters, flowers)
    parts += _other_windows(half, deep, floors)
    details = ["flower boxes"] if flowers else []
    if style == "front gable":
        parts += place(round_window(0.15), 0.0, wall + 0.36 * rise, deep)
    if rng.random() < 0.75:
        parts += _chimney(half, wall, rise, style)
        details.append("a chimney")
    if rng.random() < 0.4:
        parts += _porch(look, door_x, deep)
        details.append("a porch")
    if rng.random() < 0.5:
        parts += _bushes(rng, half, deep, door_x)
        details.append("bushes")
    return Model(parts, details=tuple(details), states=("two-storey",) if floors == 2 else ())


def _front_windows(
    half: float, deep: float, floors: int, door_x: float, shutters: Paint | None, flowers: bool
) -> list[Part]:
    """Windows on either side of the door, or one beside a door off the middle; two upstairs."""
    parts = []
    for floor in range(floors):
        beside_door = [-door_x] if door_x else [-0.56 * half, 0.56 * half]
        for x in (-0.5 * half, 0.5 * half) if floor else beside_door:
            pane = window(0.28 if shutters or floor else 0.33, 0.4, shutters, flowers)
            parts += place(pane, x, 0.68 + STOREY * floor, deep)
    return parts


def _other_windows(half: float, deep: float, floors: int) -> list[Part]:
    """Two windows a floor on the left, the right and the back."""
    return [
        part.turn("y", angle)
        for angle, out in ((90, half), (-90, half), (180, deep))
        for floor in range(floors)
        for x in (-0.4, 0.4)
        for part in place(window(0.28, 0.38), x, 0.68 + STOREY * floor, out)
    ]


def _gabled(
    half: float, deep: float, wall: float, rise: float, style: str, look: Look
) -> list[Part]:
    """Walls up to the eaves (and gables), and the roof over them."""
    walls = box(2 * half, wall - 0.1, 2 * deep, look.main, 0.03).move(y=(wall + 0.1) / 2)
    if style == "hip":
        return [walls, _hip(half + 0.12, deep + 0.12, wall - 0.06, 0.85 * rise, look.second)]
    across, along = (half, deep) if style == "front gable" else (deep, half)
    gable = prism(
        [(-across, wall - 0.04), (across, wall - 0.04), (0, wall + rise - 0.04)],
        2 * along,
        look.main,
    )
    slope = np.degrees(np.arctan2(rise, across))
    length = np.hypot(across, rise) + 0.18
    slab = box(length, 0.13, 2 * along + 0.26, look.second, 0.045)
    slab = slab.move(x=length / 2 - 0.06).turn("z", -slope).move(y=wall + rise + 0.02)
    ridge = capsule(
        (0, wall + rise + 0.06, -along - 0.1),
        (0, wall + rise + 0.06, along + 0.1),
        0.07,
        look.second,
    )
    parts = [gable, ridge, *slab.pair()]
    if style == "side gable":
        parts = [part.turn("y", 90) for part in parts]
    return [walls, *parts]


def _hip(half: float, deep: float, y: float, rise: float, paint: Paint) -> Part:
    """A hipped roof with a ridge along X and a thick eave."""
    ridge = max(half - deep, 0.1)
    levels = (
        (0.97, 0.97, 0.0),
        (1.0, 1.0, 0.03),
        (1.0, 1.0, 0.12),
        (ridge / half, 0.05, rise + 0.06),
    )
    corners = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)])
    rings = [
        np.stack([half * u * corners[:, 0], np.full(4, y + up), deep * v * corners[:, 1]], -1)
        for u, v, up in levels
    ]
    return faceted(loft(np.array(rings), paint))


def _chimney(half: float, wall: float, rise: float, style: str) -> list[Part]:
    x, z = (0.5 * half, -0.1) if style != "side gable" else (0.5 * half, -0.12)
    top = wall + rise + (0.16 if style != "front gable" else 0.1)
    stack = box(0.26, top - wall + 0.1, 0.26, BRICK, 0.02).move(x, (top + wall - 0.1) / 2, z)
    return [
        stack,
        box(0.34, 0.09, 0.34, STONE, 0.02).move(x, top, z),
        cylinder(0.08, 0.12, BLACK).move(x, top + 0.07, z),
    ]


def _porch(look: Look, x: float, deep: float) -> list[Part]:
    roof = prism([(-0.44, 0.96), (0.44, 0.96), (0.0, 1.2)], 0.46, look.second).move(
        x, 0.0, deep + 0.22
    )
    post = capsule((0.34, 0.05, deep + 0.36), (0.34, 0.98, deep + 0.36), 0.045, WHITE)
    return [roof, *(part.move(x=x) for part in post.pair())]


def _bushes(rng: np.random.Generator, half: float, deep: float, door_x: float) -> list[Part]:
    parts = []
    for x in (-half + 0.05, half - 0.05):
        if abs(x - door_x) < 0.4:
            continue
        r = rng.uniform(0.16, 0.22)
        for dx, dz, k in ((0, 0, 1.0), (0.8 * r, -0.12, 0.8), (-0.8 * r, 0.0, 0.75)):
            parts.append(
                ellipsoid(k * r, k * r, k * r, LEAF, 16).move(x + dx, 0.8 * k * r, deep + 0.22 + dz)
            )
    return parts


def castle(rng: np.random.Generator, look: Look) -> Model:
    """Four towers with pointed roofs, battlements between them, a gate, often a keep."""
    half, wall, r = rng.uniform(0.95, 1.1), rng.uniform(0.8, 1.0), rng.uniform(0.3, 0.36)
    high = wall + rng.uniform(0.42, 0.7)
    back_high = high + rng.choice([0.0, 0.3])
    inner = lighter(look.main, -0.12)
    parts = [box(2 * half, wall, 2 * half, look.main).move(y=wall / 2)]
    for angle in (0, 90, 180, 270):
        parts += [p.turn("y", angle) for p in _battlement(2 * half, look.main, wall, half - 0.06)]
    for x, z in ((half, half), (-half, half), (half, -half), (-half, -half)):
        top = high if z > 0 else back_high
        tower = _tower(
            r, top, rng.uniform(0.62, 0.74) if z > 0 else 0.7, look, np.degrees(np.arctan2(x, z))
        )
        parts += place(tower, x, 0, z)
    parts += _gate(look, half, wall)
    for x in (-0.62 * half, 0.62 * half):
        parts += place(slit(), x, 0.55 * wall, half)
    for angle in (90, -90, 180):
        for x in (-0.4, 0.4):
            parts += [p.turn("y", angle) for p in place(slit(), x, 0.55 * wall, half)]
    details, flags = ["four towers"], [(half, high + 0.72, half)]
    if rng.random() < 0.65:
        keep = high + rng.uniform(0.35, 0.6)
        parts += _keep(look, keep, inner)
        details.append("a keep")
        flags = [(0.0, keep + 0.86, 0.0)]
    if rng.random() < 0.7:
        for x, y, z in flags:
            parts += place(_flag(look.third), x, y - 0.1, z)
        details.append("a flag")
    return Model(parts, details=tuple(details))


def _battlement(length: float, paint: Paint, y: float, z: float) -> list[Part]:
    """A row of merlons along X on the front edge of a wall."""
    count = int(length / 0.3)
    at = (np.arange(count) + 0.5) / count * length - length / 2
    return [box(0.16, 0.16, 0.12, paint).move(x, y + 0.07, z) for x in at]


def _tower(r: float, top: float, roof: float, look: Look, outward: float) -> list[Part]:
    """A round tower with a pointed roof; it has a window towards `outward` degrees."""
    line = [
        (1.12 * r, 0),
        (1.06 * r, 0.1),
        (r, 0.2),
        (r, top - 0.24),
        (1.18 * r, top - 0.14),
        (1.18 * r, top),
    ]
    hat = [(1.34 * r, 0), (1.34 * r, 0.04), (0.62 * r, 0.5 * roof), (0.0, 1.15 * roof)]
    parts = [lathe(line, look.main), lathe(hat, look.second, crease=50).move(y=top - 0.02)]
    parts.append(sphere(0.05, GOLD, 12).move(y=top + 1.15 * roof))
    for turn in (outward, 0.0 if abs(outward) < 90 else 180.0):
        window = place(slit(), 0, top - 0.46, r - 0.01)
        parts += [part.turn("y", turn) for part in window]
    return parts


def _gate(look: Look, half: float, wall: float) -> list[Part]:
    """A gatehouse with an arched wooden door."""
    house_top = wall + 0.26
    parts = [box(0.86, house_top, 0.34, look.main, 0.02).move(y=house_top / 2, z=half + 0.08)]
    parts += _battlement(0.86, look.main, house_top, half + 0.19) + _battlement(
        0.86, look.main, house_top, half - 0.03
    )
    z = half + 0.25
    parts += [
        arch(0.6, 0.78, 0.06, STONE).move(y=0.39, z=z),
        arch(0.48, 0.7, 0.1, WOOD).move(y=0.35, z=z),
    ]
    parts += [box(0.025, 0.62, 0.03, BLACK).move(y=0.31, z=z + 0.05)]
    parts += [box(0.46, 0.05, 0.03, BLACK).move(y=y, z=z + 0.05) for y in (0.16, 0.42)]
    return parts


def _keep(look: Look, top: float, paint: Paint) -> list[Part]:
    parts = [box(0.86, top, 0.86, paint, 0.02).move(y=top / 2)]
    parts.append(box(0.98, 0.12, 0.98, look.main, 0.02).move(y=top))
    roof = lathe([(0.74, 0), (0.74, 0.05), (0.0, 0.86)], look.second, crease=20, detail=4).turn(
        "y", 45
    )
    parts.append(faceted(roof).move(y=top + 0.05))
    for angle in (0, 90, 180, 270):
        parts += [p.turn("y", angle) for p in place(slit(), 0, top - 0.26, 0.43)]
    return parts


def _flag(paint: Paint) -> list[Part]:
    cloth = box(0.4, 0.24, 0.03, paint, 0.01).move(0.22, 0.5)
    return [capsule((0, 0, 0), (0, 0.64, 0), 0.022, WOOD), cloth]


KINDS = (
    Kind(
        name="house",
        build=house,
        nouns=("house", "cottage"),
        natural=(
            ("white", "red"),
            ("yellow", "brown"),
            ("blue", "gray"),
            ("white", "blue"),
            ("pink", "brown"),
        ),
        second_part="a {colour} roof",
        never=("home", "villa", "hut"),
        finishes=("wooden", "striped"),
        stretchable=True,
    ),
    Kind(
        name="castle",
        build=castle,
        nouns=("castle",),
        natural=(("gray", "blue"), ("gray", "red"), ("white", "blue"), ("pink", "purple")),
        second_part="{colour} roofs",
        never=("fortress", "palace", "fort"),
        finishes=("wooden", "striped"),
        stretchable=True,
    ),
    Kind(
        name="lighthouse",
        build=lighthouse,
        nouns=("lighthouse",),
        natural=(("white", "red"), ("red", "white"), ("white", "blue"), ("white", "black")),
        second_part="a {colour} roof",
        never=("beacon",),
        finishes=("glossy", "striped"),
        stretchable=True,
    ),
    Kind(
        name="windmill",
        build=windmill,
        nouns=("windmill",),
        natural=(("white", "brown"), ("brown", "red"), ("gray", "red"), ("white", "blue")),
        second_part="a {colour} roof",
        never=("mill", "turbine"),
        finishes=("wooden", "striped"),
        stretchable=True,
    ),
)
