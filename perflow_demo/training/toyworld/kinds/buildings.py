"""Buildings: houses here, castles and towers in their own files; doors face +Z."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.castles import castle
from perflow_demo.training.toyworld.kinds.hull import loft
from perflow_demo.training.toyworld.kinds.kind import Kind
from perflow_demo.training.toyworld.kinds.masonry import (
    STONE,
    door,
    faceted,
    place,
    round_window,
    window,
)
from perflow_demo.training.toyworld.kinds.towers import lighthouse, windmill
from perflow_demo.training.toyworld.palette import BLACK, LEAF, WHITE, Look
from perflow_demo.training.toyworld.parts import Model, Paint, Part
from perflow_demo.training.toyworld.primitives import box, capsule, cylinder, ellipsoid, prism

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
