"""Four-legged toys for the home: dog, cat, rabbit."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.bodies import anchors, head_on, lying, sitting, standing
from perflow_demo.training.toyworld.kinds.faces import Ball, eyes, smile
from perflow_demo.training.toyworld.kinds.kind import Kind
from perflow_demo.training.toyworld.palette import NOSE, TONGUE, WHITE, Look, lighter
from perflow_demo.training.toyworld.parts import Model, Paint, Part, Point
from perflow_demo.training.toyworld.primitives import ellipsoid, sphere, tube

PINK = Paint((0.95, 0.62, 0.66))


def dog(rng: np.random.Generator, look: Look) -> Model:
    sits = rng.random() < 0.5
    stance = sitting(rng, look.main) if sits else standing(rng, look.main)
    head = head_on(stance, (0.98, 0.88, 0.86), up=0.62, ahead=0.22)
    muzzle = Ball(head.at(0, -17, 0.98), (0.5, 0.38, rng.uniform(0.4, 0.58)))
    snout = lighter(look.main, 0.5)
    parts = [*stance.parts, head.part(look.main), muzzle.part(snout, 28)]
    parts += [muzzle.stick(ellipsoid(0.2, 0.15, 0.13, NOSE, 20), 0, 38), smile(muzzle, 48, -24)]
    parts += eyes(head, 25, 14, 0.18, rng.uniform(0.74, 0.84))
    floppy = rng.random() < 0.6
    parts += (
        _floppy_ears(rng, head, look.second)
        if floppy
        else _pointed_ears(head, look.second, 0.36, 0.85)
    )
    details = ["floppy ears" if floppy else "pointed ears"]
    if rng.random() < 0.35:
        parts.append(head.stick(ellipsoid(0.33, 0.38, 0.07, look.second, 24), 26, 15, 0.97))
        details.append("a patch over one eye")
    if rng.random() < 0.4:
        parts.append(
            muzzle.stick(ellipsoid(0.17, 0.24, 0.06, TONGUE, 18).turn("x", 25), 0, -48, 0.95)
        )
        details.append("its tongue out")
    long = rng.random() < 0.5
    x, y, z = stance.tail
    side = rng.choice([-1, 1]) * rng.uniform(0.3, 0.7)
    reach = 1.1 if long else 0.5
    wag = [
        (x, y, z),
        (side * 0.6, y + 0.35 * reach, z - 0.55 * reach),
        (side, y + 1.1 * reach, z - 0.5 * reach),
    ]
    parts.append(tube(wag, [0.24, 0.2, 0.13], look.main))
    details.append("a long tail" if long else "a short tail")
    return Model(
        parts,
        details=tuple(details),
        states=(stance.state,),
        head=anchors(stance, head, 25, 14, 0.18),
    )


def cat(rng: np.random.Generator, look: Look) -> Model:
    pose = rng.choice(["sitting", "standing", "lying"])
    build = {"sitting": sitting, "standing": standing, "lying": lying}[pose]
    stance = build(rng, look.main, look.second)
    head = head_on(stance, (1.05, 0.84, 0.84), up=0.58, ahead=0.2)
    snout = lighter(look.main, 0.6)
    parts = [*stance.parts, head.part(look.main)]
    parts += head.stick(ellipsoid(0.26, 0.2, 0.2, snout, 24), 13, -22, 0.98).pair()
    parts.append(head.stick(ellipsoid(0.13, 0.09, 0.09, PINK, 16), 0, -9, 1.16))
    parts += _pointed_ears(head, look.main, 0.42, 0.72)
    parts += eyes(head, 27, 6, 0.22, rng.uniform(0.7, 0.82))
    dark = sum(look.main.colour) < 1.2
    whisker = Paint((0.93, 0.93, 0.92) if dark else (0.15, 0.12, 0.12))
    for lift in (-14, -27):
        start, middle = head.at(26, lift, 1.06), head.at(52, lift + 2, 1.25)
        end = head.at(64, lift + 5, 1.55)
        parts += tube([start, middle, end], [0.03, 0.03, 0.018], whisker, 8).pair()
    x, y, z = stance.tail
    side = float(rng.choice([-1, 1]))
    if pose == "standing":
        curl = [(x, y, z), (0.2 * side, y + 0.5, z - 0.6), (0.5 * side, y + 1.3, z - 0.6)]
        curl.append((1.0 * side, y + 1.75, z - 0.35))
    else:
        curl = [
            (x, y, z),
            (0.7 * side, 0.22, z - 0.35),
            (1.35 * side, 0.2, z + 0.35),
            (1.4 * side, 0.2, z + 1.2),
        ]
    parts += _tipped_tail(curl, 0.19, look.main, look.second)
    return Model(
        parts,
        details=("pointed ears", "a long tail", "whiskers"),
        states=(pose,),
        head=anchors(stance, head, 27, 6, 0.22),
    )


def rabbit(rng: np.random.Generator, look: Look) -> Model:
    stance = sitting(rng, look.main) if rng.random() < 0.6 else lying(rng, look.main, look.main)
    head = head_on(stance, (0.88, 0.86, 0.82), up=0.62, ahead=0.2)
    parts = [*stance.parts, head.part(look.main)]
    pose = rng.choice(["upright", "floppy", "bent"], p=[0.5, 0.3, 0.2])
    length = rng.uniform(1.5, 1.9)
    for side in (1, -1):
        parts += _rabbit_ear(
            head, look.second, length, "bent" if pose == "bent" and side == 1 else pose, side
        )
    snout = lighter(look.main, 0.6)
    parts += head.stick(ellipsoid(0.25, 0.21, 0.2, snout, 24), 14, -20, 0.98).pair()
    parts.append(head.stick(ellipsoid(0.14, 0.1, 0.1, PINK, 16), 0, -7, 1.16))
    parts.append(head.stick(ellipsoid(0.13, 0.17, 0.06, WHITE, 12), 0, -38, 1.04))
    parts += eyes(head, 29, 10, 0.2, 0.82)
    parts += head.stick(ellipsoid(0.17, 0.12, 0.04, PINK, 18), 50, -15, 1.0).pair()
    x, y, z = stance.tail
    parts.append(sphere(0.36, lighter(look.second, 0.5), 24).move(x, y + 0.05, z - 0.15))
    details = {"upright": "long ears", "floppy": "long floppy ears", "bent": "one bent ear"}[pose]
    return Model(
        parts,
        details=(details, "a fluffy tail"),
        states=(stance.state,),
        head=anchors(stance, head, 29, 10, 0.2),
    )


def _pointed_ears(head: Ball, paint: Paint, width: float, height: float) -> list[Part]:
    outer = tube([(0, 0, 0), (0, height, 0)], [width, width * 0.2], paint, 28).stretch(z=0.42)
    inner = tube([(0, 0, 0), (0, height * 0.66, 0)], [width * 0.6, width * 0.12], PINK, 20)
    parts = []
    for part in (outer, inner.stretch(z=0.3).move(y=0.04, z=width * 0.32)):
        parts += part.turn("y", 14).turn("z", -24).move(*head.at(90, 50, 0.86)).pair()
    return parts


def _floppy_ears(rng: np.random.Generator, head: Ball, paint: Paint) -> list[Part]:
    length = rng.uniform(0.9, 1.25)
    droop = [(0, 0, 0), (0.26, -0.06, 0.02), (0.4, -0.5 * length, 0.08), (0.36, -length, 0.12)]
    ear = tube(droop, [0.16, 0.26, 0.36, 0.3], paint, 24).stretch(x=0.6)
    return ear.move(*head.at(90, 42, 0.9)).pair()


def _rabbit_ear(head: Ball, paint: Paint, length: float, pose: str, side: int) -> list[Part]:
    path = [(0, 0, 0), (0.08, length * 0.5, 0), (0.2, length, -0.05)]
    if pose == "floppy":
        path = [(0, 0, 0), (0.35, 0.3, 0), (0.75, -0.2, 0.05), (0.75, -length * 0.72, 0.15)]
    elif pose == "bent" and side == 1:
        path = [
            (0, 0, 0),
            (0.08, length * 0.5, 0),
            (0.35, length * 0.72, 0.08),
            (0.75, length * 0.5, 0.2),
        ]
    radii = np.interp(np.linspace(0, 1, len(path)), [0, 0.55, 1], [0.2, 0.3, 0.17])
    outer = tube(path, radii, paint, 24).stretch(z=0.55)
    inner = tube(path[1:], radii[1:] * 0.55, PINK, 16).stretch(z=0.4).move(z=0.11)
    x, y, z = head.at(90, 58, 0.86)
    parts = [outer.move(x, y, z - 0.05), inner.move(x, y, z - 0.05)]
    return parts if side == 1 else [part.mirror() for part in parts]


def _tipped_tail(path: list[Point], radius: float, paint: Paint, tip: Paint) -> list[Part]:
    end, before = np.array(path[-1]), np.array(path[-2])
    along = (end - before) / np.linalg.norm(end - before)
    ball = tube(
        [tuple(end - 0.22 * along), tuple(end + 0.05 * along)], [radius * 1.02, radius], tip
    )
    return [tube(path, [radius * 1.1] + [radius] * (len(path) - 2) + [radius * 0.9], paint), ball]


KINDS = (
    Kind(
        name="dog",
        build=dog,
        nouns=("dog",),
        natural=(("brown", "black"), ("white", "brown"), ("orange", "white"), ("black", "gray")),
        second_part="{colour} ears",
        never=("puppy", "hound", "doggy"),
        finishes=("glossy", "dotted"),
        wears=True,
    ),
    Kind(
        name="cat",
        build=cat,
        nouns=("cat",),
        natural=(("orange", "white"), ("black", "white"), ("gray", "white"), ("white", "gray")),
        second_part="{colour} paws",
        never=("kitten", "kitty", "feline"),
        finishes=("glossy", "striped"),
        wears=True,
        perches=True,
    ),
    Kind(
        name="rabbit",
        build=rabbit,
        nouns=("rabbit", "bunny"),
        natural=(("white", "pink"), ("gray", "white"), ("brown", "white"), ("white", "gray")),
        second_part="{colour} ears",
        never=("hare",),
        finishes=("glossy", "dotted"),
        wears=True,
        perches=True,
    ),
)
