"""Big four-legged toys: bear, elephant, turtle; with the pets, all the animals that walk."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds import pets
from perflow_demo.training.toyworld.kinds.bodies import Stance, anchors, head_on, standing, teddy
from perflow_demo.training.toyworld.kinds.faces import Ball, eyes, smile
from perflow_demo.training.toyworld.kinds.kind import Kind
from perflow_demo.training.toyworld.palette import NOSE, WHITE, Look, lighter
from perflow_demo.training.toyworld.parts import Head, Model, Paint, Part
from perflow_demo.training.toyworld.primitives import cone, ellipsoid, sphere, torus, tube


def bear(rng: np.random.Generator, look: Look) -> Model:
    plush = rng.random() < 0.6
    stance = (
        teddy(rng, look.main, look.second)
        if plush
        else standing(rng, look.main, None, 0.9, 0.75, 0.34, 0.75)
    )
    head = head_on(stance, (1.0, 0.9, 0.86), up=0.6, ahead=0.16 if plush else 0.35)
    muzzle = Ball(head.at(0, -18, 0.95), (0.42, 0.33, 0.36))
    parts = [*stance.parts, head.part(look.main), muzzle.part(look.second, 28)]
    parts += [muzzle.stick(ellipsoid(0.17, 0.12, 0.11, NOSE, 20), 0, 36), smile(muzzle, 40, -28)]
    parts += eyes(head, 24, 13, 0.15, 0.86)
    ear = head.stick(ellipsoid(0.36, 0.36, 0.2, look.main, 26).turn("x", 40), 62, 44, 1.04)
    inner = head.stick(ellipsoid(0.22, 0.22, 0.12, look.second, 20).turn("x", 40), 56, 43, 1.13)
    parts += ear.pair() + inner.pair()
    x, y, z = stance.tail
    parts.append(sphere(0.26, look.main, 20).move(x, y, z))
    if not plush:
        chest = Ball((0, stance.neck[1] - 0.75, stance.neck[2] - 0.4), (0.9, 0.9, 0.9))
        parts.append(chest.stick(ellipsoid(0.5, 0.55, 0.25, look.second, 26), 0, -12, 0.88))
    crown = (0.0, head.at(0, 90, 0.99)[1], head.centre[2])
    return Model(
        parts,
        noun="teddy bear" if plush else None,
        details=("round ears",),
        states=(stance.state,),
        head=anchors(stance, head, 24, 13, 0.15),
        perch=crown,
    )


def elephant(rng: np.random.Generator, look: Look) -> Model:
    sits = rng.random() < 0.35
    stance = (
        teddy(rng, look.main, look.main)
        if sits
        else standing(rng, look.main, None, 1.0, 0.85, 0.4, 0.6)
    )
    head = head_on(stance, (1.0, 0.96, 0.88), up=0.58 if sits else 0.35, ahead=0.2 if sits else 0.5)
    parts = [*stance.parts, head.part(look.main)]
    size = rng.uniform(0.85, 1.05)
    ear = ellipsoid(0.72 * size, 0.86 * size, 0.13, look.second, 30).move(0.6 * size).turn("y", 28)
    parts += ear.move(*head.at(80, 10, 0.88)).pair()
    raised = rng.random() < 0.5
    parts += _trunk_and_tusks(rng, head, raised, look.main) + eyes(head, 30, 14, 0.16, 0.84)
    details = ["big ears", "a raised trunk" if raised else "a lowered trunk"]
    tx, ty, tz = stance.tail
    tail = [(tx, ty, tz), (0.1, ty - 0.25, tz - 0.3), (0.2, ty - 0.7, tz - 0.35)]
    if not sits:
        parts += [
            tube(tail, 0.09, look.main, 12),
            ellipsoid(0.15, 0.22, 0.15, look.second, 14).move(*tail[-1]),
        ]
        if rng.random() < 0.5:
            parts += _blanket(rng, look, stance)
            details.append("a blanket on its back")
    crown = (0.0, head.at(0, 90, 0.99)[1], head.centre[2])
    return Model(
        parts,
        details=tuple(details),
        states=(stance.state,),
        head=anchors(stance, head, 30, 14, 0.16),
        perch=crown if sits else stance.top,
    )


def turtle(rng: np.random.Generator, look: Look) -> Model:
    wide, high = rng.uniform(1.0, 1.12), rng.uniform(0.75, 1.0)
    shell = Ball((0, 0.72, -0.2), (wide, high, 1.15))
    rim = torus(1.0, 0.16, look.main, 40).stretch(wide * 1.02, 1.1, 1.18).move(0, 0.72, -0.2)
    dome = Ball((0, 0, 0), shell.radii).part(look.second)
    dome = dome.warp(lambda at: np.where(at < 0, at * [1, 0.3, 1], at)).move(*shell.centre)
    belly = ellipsoid(wide * 0.98, 0.48, 1.12, lighter(look.main, 0.45)).move(0, 0.7, -0.2)
    parts = [dome, rim, belly]
    plates = look.accents(rng, 7) if look.colourful else [lighter(look.second, -0.3)] * 7
    plate = ellipsoid(0.4, 0.09, 0.4, plates[0], 6).turn("x", 90)
    parts.append(shell.stick(plate, 0, 90, 0.99))
    for i in range(6):
        parts.append(
            shell.stick(plate.stretch(0.85, 0.8).painted(plates[i + 1]), 60 * i + 30, 38, 0.98)
        )
    for z, spread in ((0.55, 28), (-0.85, 150)):
        leg = ellipsoid(0.34, 0.3, 0.5, look.main, 26).move(z=0.3).turn("x", 24).turn("y", spread)
        parts += leg.move(0.62, 0.45, z).pair()
        foot = ellipsoid(0.33, 0.2, 0.4, look.main, 24).turn("y", spread)
        parts += foot.move(
            0.62 + 0.55 * np.sin(np.radians(spread)), 0.2, z + 0.6 * np.cos(np.radians(spread))
        ).pair()
    lift = rng.uniform(0.0, 0.35)
    head = Ball((0.0, 1.65 + lift, 1.3), (0.72, 0.66, 0.66))
    parts += [
        tube(
            [(0, 0.75, 0.6), (0, 1.0, 1.05), (0, 1.35 + lift, 1.22)],
            [0.45, 0.42, 0.38],
            look.main,
            26,
        )
    ]
    parts += [head.part(look.main), smile(head, 42, -22)]
    parts += eyes(head, 30, 22, 0.19, 0.78)
    parts.append(cone(0.2, 0.6, look.main).turn("x", -105).move(0, 0.5, -1.2))
    return Model(
        parts,
        details=("a round shell",) if high > 0.87 else ("a flat shell",),
        head=Head(
            head.centre, head.radii, head.at(30, 22), 0.19, (0, 1.12 + lift * 0.6, 1.15), 0.42
        ),
        perch=(0.0, 0.72 + high, -0.2),
    )


def _trunk_and_tusks(
    rng: np.random.Generator, head: Ball, raised: bool, paint: Paint
) -> list[Part]:
    x, y, z = head.at(0, -14, 0.85)
    side = rng.uniform(-0.25, 0.25)
    if raised:
        path = [(0, 0, 0), (0, -0.42, 0.55), (side, -0.15, 1.15), (side, 0.65, 1.3)]
    else:
        path = [(0, 0, 0), (0, -0.5, 0.5), (side * 0.5, -1.0, 0.72), (side, -1.25, 1.1)]
    tusk = tube(
        [(0.36, -0.2, 0), (0.44, -0.5, 0.42), (0.44, -0.42, 0.75)], [0.13, 0.12, 0.06], WHITE, 14
    )
    trunk = tube(path, [0.42, 0.34, 0.27, 0.23], paint, 24)
    return [part.move(x, y, z) for part in (trunk, *tusk.pair())]


def _blanket(rng: np.random.Generator, look: Look, stance: Stance) -> list[Part]:
    """A cloth and, under it, a longer one whose rim shows as a hem, both bent over the back."""
    x, y, z = stance.top
    cloth, hem = look.accents(rng, 2)
    if not look.colourful:
        hem = lighter(hem, 0.5)
    radius = 1.03

    def drape(points: np.ndarray) -> np.ndarray:
        square = np.abs(points[:, [0, 2]]) + 1e-6
        points[:, [0, 2]] *= (np.hypot(*square.T) / square.max(1))[:, None] ** 0.8
        angle, out = points[:, 0] * 1.15, radius + points[:, 1]
        return np.stack([out * np.sin(angle), out * np.cos(angle), points[:, 2]], -1)

    parts = []
    for paint, reach, thick in ((hem, 1.0, 0.07), (cloth, 0.86, 0.11)):
        sheet = ellipsoid(reach, thick, 0.52 * reach, paint, 40).warp(drape)
        parts.append(sheet.move(x, y - 0.95, z * 0.5))
    return parts


KINDS = (
    *pets.KINDS,
    Kind(
        name="bear",
        build=bear,
        nouns=("bear",),
        natural=(("brown", "yellow"), ("brown", "white"), ("white", "gray"), ("black", "brown")),
        second_part="a {colour} belly",
        never=("grizzly", "bear cub"),
        finishes=("glossy", "dotted", "wooden"),
        wears=True,
        holds=True,
    ),
    Kind(
        name="elephant",
        build=elephant,
        nouns=("elephant",),
        natural=(("gray", "pink"), ("gray", "white"), ("blue", "pink"), ("gray", "purple")),
        second_part="{colour} ears",
        never=("mammoth", "jumbo"),
        finishes=("glossy", "dotted", "wooden"),
        wears=True,
        holds=True,
    ),
    Kind(
        name="turtle",
        build=turtle,
        nouns=("turtle", "tortoise"),
        natural=(
            ("green", "brown"),
            ("green", "orange"),
            ("turquoise", "brown"),
            ("yellow", "green"),
        ),
        second_part="a {colour} shell",
        never=("terrapin",),
        finishes=("glossy", "wooden"),
        wears=True,
        holds=True,
        colourful=True,
    ),
)
