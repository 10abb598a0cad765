"""Feathered toys: bird, penguin, duck."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perflow_demo.training.toyworld.kinds.faces import Ball, eyes
from perflow_demo.training.toyworld.kinds.kind import Kind
from perflow_demo.training.toyworld.palette import BEAK, TONGUE, Look, lighter
from perflow_demo.training.toyworld.parts import Head, Model, Paint, Part, Point
from perflow_demo.training.toyworld.primitives import capsule, cone, ellipsoid, tube


def bird(rng: np.random.Generator, look: Look) -> Model:
    parrot = rng.random() < 0.4
    plump = rng.uniform(0.92, 1.06)
    body = (
        Ball((0, 1.32, 0), (0.9 * plump, 0.95, 0.95))
        if not parrot
        else Ball((0, 1.5, 0), (0.78, 1.1, 0.8))
    )
    head = (
        Ball((0, 2.5, 0.28), (0.74, 0.7, 0.7))
        if not parrot
        else Ball((0, 2.85, 0.2), (0.72, 0.7, 0.7))
    )
    neck = (0.0, head.centre[1] - 0.55, 0.17)
    parts = [body.part(look.main), head.part(look.main)]
    parts.append(tube([(0, body.centre[1], 0), head.centre], [0.72, 0.62], look.main, 30))
    bright = look.accents(rng, 10) if look.colourful else [look.main] * 10
    belly = bright[0] if look.colourful else lighter(look.main, 0.55)
    parts.append(body.stick(ellipsoid(0.58, 0.66, 0.17, belly, 28), 0, -6, 0.9))
    spread, opened = rng.random() < 0.35, rng.random() < 0.5
    feathers = (
        [look.second, bright[1], bright[2], bright[3]] if look.colourful else [look.second] * 4
    )
    shoulder = (body.radii[0] * 0.86, body.centre[1] + 0.42, 0.0)
    parts += _spread_wings(feathers, shoulder) if spread else _folded_wings(feathers, shoulder)
    length = rng.uniform(1.5, 1.75) if parrot else rng.uniform(0.95, 1.2)
    root = (0.0, body.centre[1] - 0.3, -body.radii[2] * 0.6)
    parts += _tail(bright[4:7], length, root, lean=128 if parrot else rng.choice([55, 118]))
    details = ["an open beak" if opened else "a closed beak"]
    if parrot or rng.random() < 0.3:
        parts += _crest(bright[7:10] if look.colourful else [look.second] * 3, head)
        details.append("a crest")
    make_beak = _hooked_beak if parrot else _pointed_beak
    parts += make_beak(head.at(0, -8, 0.86), opened) + eyes(head, 34, 16, 0.2, 0.74)
    parts += _bird_legs(body)
    details += ["spread wings"] if spread else []
    details += ["a long tail"] if parrot else []
    anchors = Head(head.centre, head.radii, head.at(34, 16), 0.2, neck, 0.66, body.at(180, 15))
    return Model(
        parts,
        noun="parrot" if parrot and rng.random() < 0.4 else None,
        details=tuple(details),
        head=anchors,
    )


def penguin(rng: np.random.Generator, look: Look) -> Model:
    wide = rng.uniform(0.94, 1.1)
    body = tube(
        [(0, 1.0, 0), (0, 1.75, 0), (0, 2.65, 0.03)], [0.92, 0.86, 0.76], look.main, 36
    ).stretch(wide)
    belly = ellipsoid(0.78, 1.08, 0.87, look.second, 40).move(0, 1.24, 0.14)
    parts = [body, belly.stretch(wide)]
    head = Ball((0, 2.65, 0.03), (0.78 * wide, 0.78, 0.76))
    parts += head.stick(ellipsoid(0.36, 0.44, 0.12, look.second, 24), 24, 2, 0.94).pair()
    parts += eyes(head, 25, 10, 0.17, 0.8)
    opened = rng.random() < 0.4
    parts += _pointed_beak(head.at(0, -10, 0.9), opened, 0.8)
    raised = rng.random() < 0.4
    lift = rng.uniform(105, 125) if raised else rng.uniform(22, 40)
    flipper = tube([(0, 0, 0), (0.05, -0.6, 0), (0.0, -1.15, 0)], [0.28, 0.3, 0.16], look.main, 24)
    parts += flipper.stretch(x=0.45).turn("z", lift).turn("y", -8).move(0.76 * wide, 1.95, 0).pair()
    foot = ellipsoid(0.34, 0.15, 0.46, BEAK, 24).turn("y", 20)
    parts += foot.move(0.42, 0.14, 0.55).pair()
    parts.append(cone(0.32, 0.6, look.main).stretch(z=0.6).turn("x", -115).move(0, 0.45, -0.6))
    details = ["an open beak" if opened else "a closed beak"]
    details += ["raised flippers"] if raised else []
    anchors = Head(
        head.centre,
        head.radii,
        head.at(25, 10),
        0.17,
        (0, 2.12, 0.03),
        0.84 * wide,
        (0, 1.6, -0.86),
    )
    return Model(parts, details=tuple(details), head=anchors)


def duck(rng: np.random.Generator, look: Look) -> Model:
    stands = rng.random() < 0.5
    y = 1.18 if stands else 0.78
    body = Ball((0, y, -0.1), (0.92, 0.76, rng.uniform(1.1, 1.25)))
    head = Ball((0, y + 1.32, 0.55), (0.74, 0.7, 0.7))
    neck = (0.0, y + 0.78, 0.47)
    parts = [body.part(look.main), head.part(look.main)]
    parts.append(tube([(0, y + 0.1, 0.3), neck, head.centre], [0.7, 0.5, 0.55], look.main, 30))
    tail = [(0, y + 0.1, -0.8), (0, y + 0.35, -1.3), (0, y + 0.8, -1.5)]
    parts.append(tube(tail, [0.5, 0.32, 0.08], look.main, 26))
    bright = look.accents(rng, 4) if look.colourful else [look.second] * 4
    for i, paint in enumerate([look.second, *bright[:2]]):
        feather = tube(
            [(0, 0, 0.35), (0.06, 0, -0.3), (0.0, 0.22, -0.85 + 0.05 * i)],
            [0.34, 0.36, 0.08],
            paint,
            22,
        )
        parts += (
            feather.stretch(x=0.42)
            .move(0.86 - 0.03 * i, y + 0.18 - 0.2 * i, -0.05 + 0.2 * i)
            .pair()
        )
    opened = rng.random() < 0.5
    parts += _bill(head.at(0, -14, 0.9), opened) + eyes(head, 32, 15, 0.18, 0.78)
    details = ["an open beak" if opened else "a closed beak"]
    if look.colourful or rng.random() < 0.3:
        parts += _crest(look.accents(rng, 3) if look.colourful else [look.main] * 3, head)
        details.append("a tuft of feathers")
    if stands:
        parts += capsule((0.38, 0.6, 0.0), (0.4, 0.15, 0.05), 0.12, BEAK).pair()
        parts += ellipsoid(0.32, 0.1, 0.42, BEAK, 22).turn("y", 12).move(0.42, 0.1, 0.25).pair()
    anchors = Head(head.centre, head.radii, head.at(32, 15), 0.18, neck, 0.53)
    return Model(
        parts, details=tuple(details), states=("standing" if stands else "sitting",), head=anchors
    )


def feather(length: float, width: float, paint: Paint) -> Part:
    """A flat rounded blade from the origin up to y = `length`."""
    shape = tube(
        [(0, 0, 0), (0, length * 0.55, 0), (0, length - width * 0.7, 0)],
        [width * 0.6, width, width * 0.7],
        paint,
        detail=14,
    )
    return shape.stretch(z=0.32)


def _folded_wings(paints: Sequence[Paint], shoulder: Point) -> list[Part]:
    """Blades lie along the flank, under a rounded shoulder of the first paint."""
    x, y, z = shoulder
    parts = []
    for i, (roll, length) in enumerate(((158, 1.0), (142, 1.12), (126, 1.2))):
        blade = feather(length, 0.26, paints[3 - i]).turn("z", -roll).turn("y", 90)
        parts += blade.turn("z", 4 + 3 * i).move(x + 0.02 + 0.02 * i, y + 0.1, z + 0.15).pair()
    cover = ellipsoid(0.2, 0.42, 0.46, paints[0], 26).turn("x", 30).turn("z", 8)
    return parts + cover.move(x, y - 0.02, z + 0.05).pair()


def _spread_wings(paints: Sequence[Paint], shoulder: Point) -> list[Part]:
    """Blades fan out sideways from a rounded arm of the first paint."""
    x, y, z = shoulder
    parts = []
    for i, (roll, length) in enumerate(((118, 0.95), (95, 1.2), (72, 1.4), (50, 1.45))):
        blade = feather(length, 0.25, paints[3 - i]).turn("z", -roll).turn("x", -8)
        parts += blade.move(x - 0.12, y - 0.02, z - 0.05 - 0.05 * i).pair()
    arm = ellipsoid(0.5, 0.33, 0.17, paints[0], 26).turn("z", 12)
    return parts + arm.move(x + 0.18, y + 0.05, z).pair()


def _tail(paints: Sequence[Paint], length: float, root: Point, lean: float) -> list[Part]:
    """Three blades behind, at `lean` degrees from upright."""
    parts = []
    for roll, paint in zip((0, 20, -20), paints, strict=True):
        blade = feather(length * (1 if roll == 0 else 0.9), 0.24, paint).turn("z", roll)
        parts.append(blade.turn("x", -lean).move(*root))
    return parts


def _crest(paints: Sequence[Paint], head: Ball) -> list[Part]:
    parts = []
    for i, paint in enumerate(paints):
        blade = feather(0.68 - 0.08 * i, 0.17, paint).stretch(z=1.8).turn("x", 5 - 32 * i)
        parts.append(blade.move(*head.at(0, 78 + 20 * i, 0.8)))
    return parts


def _pointed_beak(root: Point, opened: bool, size: float = 1.0) -> list[Part]:
    gape = (22, 28) if opened else (-4, -4)
    upper = cone(0.26 * size, 0.7 * size, BEAK).stretch(z=0.62).turn("x", 90 - gape[0])
    lower = cone(0.2 * size, 0.56 * size, BEAK).stretch(z=0.5).turn("x", 90 + gape[1])
    x, y, z = root
    parts = [upper.move(x, y + 0.03, z), lower.move(x, y - 0.08 * size, z)]
    if opened:
        parts.append(
            ellipsoid(0.13 * size, 0.09 * size, 0.26 * size, TONGUE, 16).move(x, y - 0.03, z + 0.12)
        )
    return parts


def _hooked_beak(root: Point, opened: bool) -> list[Part]:
    x, y, z = root
    hook = [(0, 0.06, 0), (0, 0.1, 0.3), (0, -0.1, 0.54), (0, -0.34, 0.52)]
    drop = 34 if opened else 6
    jaw = tube([(0, 0, 0), (0, -0.02, 0.2), (0, 0.04, 0.36)], [0.19, 0.16, 0.09], BEAK)
    parts = [tube(hook, [0.29, 0.26, 0.16, 0.05], BEAK, 22).move(x, y, z)]
    parts.append(jaw.turn("x", drop).move(x, y - (0.28 if opened else 0.2), z - 0.02))
    if opened:
        parts.append(
            ellipsoid(0.11, 0.07, 0.24, TONGUE, 16).turn("x", 18).move(x, y - 0.2, z + 0.14)
        )
    return parts


def _bill(root: Point, opened: bool) -> list[Part]:
    x, y, z = root
    gape = (14, 24) if opened else (-4, 0)
    upper = tube([(0, 0, 0), (0, -0.03, 0.28), (0, 0.02, 0.5)], [0.27, 0.28, 0.27], BEAK).stretch(
        y=0.42
    )
    lower = tube([(0, 0, 0), (0, 0, 0.4)], [0.22, 0.23], BEAK).stretch(y=0.38)
    parts = [
        upper.turn("x", -gape[0]).move(x, y + 0.05, z),
        lower.turn("x", gape[1]).move(x, y - 0.1, z),
    ]
    if opened:
        parts.append(
            ellipsoid(0.16, 0.06, 0.3, TONGUE, 16).turn("x", 8).move(x, y - 0.04, z + 0.15)
        )
    return parts


def _bird_legs(body: Ball) -> list[Part]:
    parts = capsule((0.3, body.centre[1] - 0.7, 0.05), (0.32, 0.1, 0.1), 0.085, BEAK).pair()
    for yaw, length in ((0, 0.36), (32, 0.32), (-32, 0.32), (180, 0.22)):
        toe = capsule((0, 0, 0), (0, 0, length), 0.085, BEAK, 0.07).turn("y", yaw)
        parts += toe.move(0.32, 0.085, 0.1).pair()
    return parts


KINDS = (
    Kind(
        name="bird",
        build=bird,
        nouns=("bird",),
        natural=(("blue", "turquoise"), ("red", "brown"), ("yellow", "green"), ("green", "red")),
        second_part="{colour} wings",
        never=("robin", "sparrow", "songbird"),
        finishes=("glossy", "wooden"),
        wears=True,
        perches=True,
        colourful=True,
    ),
    Kind(
        name="penguin",
        build=penguin,
        nouns=("penguin",),
        natural=(("black", "white"), ("blue", "white"), ("gray", "white")),
        second_part="a {colour} belly",
        never=("puffin",),
        finishes=("glossy",),
        wears=True,
        perches=True,
    ),
    Kind(
        name="duck",
        build=duck,
        nouns=("duck",),
        natural=(("yellow", "orange"), ("white", "gray"), ("brown", "green"), ("yellow", "white")),
        second_part="{colour} wings",
        never=("duckling", "mallard"),
        finishes=("glossy", "wooden"),
        wears=True,
        perches=True,
        colourful=True,
    ),
)
