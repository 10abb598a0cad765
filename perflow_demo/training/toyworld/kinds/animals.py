"""Four-legged toys with big heads: dog, cat, rabbit, bear, elephant, turtle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perflow_demo.training.toyworld.kinds.faces import Ball, eyes
from perflow_demo.training.toyworld.kinds.kind import Kind
from perflow_demo.training.toyworld.palette import EYE_WHITE, NOSE, TONGUE, WHITE, Look, lighter
from perflow_demo.training.toyworld.parts import Head, Model, Paint, Part, Point
from perflow_demo.training.toyworld.primitives import capsule, cone, ellipsoid, sphere, torus, tube

PINK = Paint((0.95, 0.62, 0.66))


@dataclass(frozen=True)
class Stance:
    """A body without head and tail, and where these and a load attach."""

    parts: list[Part]
    neck: Point
    neck_radius: float
    tail: Point
    state: str
    back: Point | None = None
    top: Point | None = None


def dog(rng: np.random.Generator, look: Look) -> Model:
    sits = rng.random() < 0.5
    stance = _sitting(rng, look.main) if sits else _standing(rng, look.main)
    head = _ball_on(stance, (0.98, 0.88, 0.86), up=0.62, ahead=0.22)
    muzzle = Ball(head.at(0, -17, 0.98), (0.5, 0.38, rng.uniform(0.4, 0.58)))
    snout = lighter(look.main, 0.5)
    parts = [*stance.parts, head.part(look.main), muzzle.part(snout, 28)]
    parts += [muzzle.stick(ellipsoid(0.2, 0.15, 0.13, NOSE, 20), 0, 38), _smile(muzzle, 48, -24)]
    parts += eyes(head, 25, 14, 0.18, rng.uniform(0.74, 0.84))
    floppy = rng.random() < 0.6
    parts += _floppy_ears(rng, head, look.second) if floppy else _pointed_ears(head, look.second, 0.36, 0.85)
    details = ["floppy ears" if floppy else "pointed ears"]
    if rng.random() < 0.35:
        parts.append(head.stick(ellipsoid(0.33, 0.38, 0.07, look.second, 24), 26, 15, 0.97))
        details.append("a patch over one eye")
    if rng.random() < 0.4:
        parts.append(muzzle.stick(ellipsoid(0.17, 0.24, 0.06, TONGUE, 18).turn("x", 25), 0, -48, 0.95))
        details.append("its tongue out")
    long = rng.random() < 0.5
    x, y, z = stance.tail
    side = rng.choice([-1, 1]) * rng.uniform(0.3, 0.7)
    reach = 1.1 if long else 0.5
    wag = [(x, y, z), (side * 0.6, y + 0.35 * reach, z - 0.55 * reach), (side, y + 1.1 * reach, z - 0.5 * reach)]
    parts.append(tube(wag, [0.24, 0.2, 0.13], look.main))
    details.append("a long tail" if long else "a short tail")
    return Model(parts, details=tuple(details), states=(stance.state,), head=_anchors(stance, head, 25, 14, 0.18))


def cat(rng: np.random.Generator, look: Look) -> Model:
    pose = rng.choice(["sitting", "standing", "lying"])
    build = {"sitting": _sitting, "standing": _standing, "lying": _lying}[pose]
    stance = build(rng, look.main, look.second)
    head = _ball_on(stance, (1.05, 0.84, 0.84), up=0.58, ahead=0.2)
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
        curl = [(x, y, z), (0.7 * side, 0.22, z - 0.35), (1.35 * side, 0.2, z + 0.35), (1.4 * side, 0.2, z + 1.2)]
    parts += _tipped_tail(curl, 0.19, look.main, look.second)
    return Model(
        parts,
        details=("pointed ears", "a long tail", "whiskers"),
        states=(pose,),
        head=_anchors(stance, head, 27, 6, 0.22),
    )


def rabbit(rng: np.random.Generator, look: Look) -> Model:
    stance = _sitting(rng, look.main) if rng.random() < 0.6 else _lying(rng, look.main, look.main)
    head = _ball_on(stance, (0.88, 0.86, 0.82), up=0.62, ahead=0.2)
    parts = [*stance.parts, head.part(look.main)]
    pose = rng.choice(["upright", "floppy", "bent"], p=[0.5, 0.3, 0.2])
    length = rng.uniform(1.5, 1.9)
    for side in (1, -1):
        parts += _rabbit_ear(head, look.second, length, "bent" if pose == "bent" and side == 1 else pose, side)
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
        head=_anchors(stance, head, 29, 10, 0.2),
    )


def bear(rng: np.random.Generator, look: Look) -> Model:
    teddy = rng.random() < 0.6
    stance = _teddy(rng, look.main, look.second) if teddy else _standing(rng, look.main, None, 0.9, 0.75, 0.34, 0.75)
    head = _ball_on(stance, (1.0, 0.9, 0.86), up=0.6, ahead=0.16 if teddy else 0.35)
    muzzle = Ball(head.at(0, -18, 0.95), (0.42, 0.33, 0.36))
    parts = [*stance.parts, head.part(look.main), muzzle.part(look.second, 28)]
    parts += [muzzle.stick(ellipsoid(0.17, 0.12, 0.11, NOSE, 20), 0, 36), _smile(muzzle, 40, -28)]
    parts += eyes(head, 24, 13, 0.15, 0.86)
    ear = head.stick(ellipsoid(0.36, 0.36, 0.2, look.main, 26).turn("x", 40), 62, 44, 1.04).turn("y", 0)
    inner = head.stick(ellipsoid(0.22, 0.22, 0.12, look.second, 20).turn("x", 40), 56, 43, 1.13)
    parts += ear.pair() + inner.pair()
    x, y, z = stance.tail
    parts.append(sphere(0.26, look.main, 20).move(x, y, z))
    if not teddy:
        chest = Ball((0, stance.neck[1] - 0.75, stance.neck[2] - 0.4), (0.9, 0.9, 0.9))
        parts.append(chest.stick(ellipsoid(0.5, 0.55, 0.25, look.second, 26), 0, -12, 0.88))
    crown = (0.0, head.at(0, 90, 0.99)[1], head.centre[2])
    return Model(
        parts,
        noun="teddy bear" if teddy else None,
        details=("round ears",),
        states=(stance.state,),
        head=_anchors(stance, head, 24, 13, 0.15),
        perch=crown if teddy else stance.top,
    )


def elephant(rng: np.random.Generator, look: Look) -> Model:
    sits = rng.random() < 0.35
    stance = _teddy(rng, look.main, look.main) if sits else _standing(rng, look.main, None, 1.0, 0.85, 0.4, 0.6)
    head = _ball_on(stance, (1.0, 0.96, 0.88), up=0.58 if sits else 0.35, ahead=0.2 if sits else 0.5)
    parts = [*stance.parts, head.part(look.main)]
    size = rng.uniform(0.85, 1.05)
    ear = ellipsoid(0.72 * size, 0.86 * size, 0.13, look.second, 30).move(0.6 * size).turn("y", 28)
    parts += ear.move(*head.at(80, 10, 0.88)).pair()
    raised = rng.random() < 0.5
    x, y, z = head.at(0, -14, 0.85)
    side = rng.uniform(-0.25, 0.25)
    trunk = [(x, y, z), (x, y - 0.5, z + 0.5), (side * 0.5, y - 1.0, z + 0.72)]
    trunk += [(side, y - 1.25, z + 1.1)]
    if raised:
        trunk = [(x, y, z), (x, y - 0.42, z + 0.55), (side, y - 0.15, z + 1.15), (side, y + 0.65, z + 1.3)]
    parts.append(tube(trunk, [0.42, 0.34, 0.27, 0.23], look.main, 24))
    tusk = tube([(0.36, y - 0.2, z), (0.44, y - 0.5, z + 0.42), (0.44, y - 0.42, z + 0.75)], [0.13, 0.12, 0.06], WHITE, 14)
    parts += tusk.pair() + eyes(head, 30, 14, 0.16, 0.84)
    details = ["big ears", "a raised trunk" if raised else "a lowered trunk"]
    tx, ty, tz = stance.tail
    tail = [(tx, ty, tz), (0.1, ty - 0.25, tz - 0.3), (0.2, ty - 0.7, tz - 0.35)]
    if not sits:
        parts += [tube(tail, 0.09, look.main, 12), ellipsoid(0.15, 0.22, 0.15, look.second, 14).move(*tail[-1])]
        if rng.random() < 0.5:
            parts += _blanket(rng, look, stance)
            details.append("a blanket on its back")
    crown = (0.0, head.at(0, 90, 0.99)[1], head.centre[2])
    return Model(
        parts,
        details=tuple(details),
        states=(stance.state,),
        head=_anchors(stance, head, 30, 14, 0.16),
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
        parts.append(shell.stick(plate.stretch(0.85, 0.8).painted(plates[i + 1]), 60 * i + 30, 38, 0.98))
    for z, spread in ((0.55, 28), (-0.85, 150)):
        leg = ellipsoid(0.34, 0.3, 0.5, look.main, 26).move(z=0.3).turn("x", 24).turn("y", spread)
        parts += leg.move(0.62, 0.45, z).pair()
        foot = ellipsoid(0.33, 0.2, 0.4, look.main, 24).turn("y", spread)
        parts += foot.move(0.62 + 0.55 * np.sin(np.radians(spread)), 0.2, z + 0.6 * np.cos(np.radians(spread))).pair()
    lift = rng.uniform(0.0, 0.35)
    head = Ball((0.0, 1.65 + lift, 1.3), (0.72, 0.66, 0.66))
    parts += [tube([(0, 0.75, 0.6), (0, 1.0, 1.05), (0, 1.35 + lift, 1.22)], [0.45, 0.42, 0.38], look.main, 26)]
    parts += [head.part(look.main), _smile(head, 42, -22)]
    parts += eyes(head, 30, 22, 0.19, 0.78)
    parts.append(cone(0.2, 0.6, look.main).turn("x", -105).move(0, 0.5, -1.2))
    return Model(
        parts,
        details=("a round shell",) if high > 0.87 else ("a flat shell",),
        head=Head(head.centre, head.radii, head.at(30, 22), 0.19, (0, 1.12 + lift * 0.6, 1.15), 0.42),
        perch=(0.0, 0.72 + high, -0.2),
    )


def _standing(
    rng: np.random.Generator,
    paint: Paint,
    paws: Paint | None = None,
    girth: float = 0.72,
    leg: float = 0.8,
    thick: float = 0.27,
    length: float = 1.0,
) -> Stance:
    """On four legs; `paws` None paints them like the body."""
    half = girth * length * rng.uniform(0.75, 1.0)
    y = leg + girth * 0.72
    spine = [(0.0, y, -half), (0.0, y - 0.03, 0.0), (0.0, y + 0.05, half)]
    parts = [tube(spine, [girth * 0.96, girth * 0.92, girth], paint, 36)]
    for z in (half + girth * 0.3, -half - girth * 0.3):
        x = girth * 0.56
        parts += capsule((x, y - 0.1, z * 0.95), (x * 1.05, thick * 0.8, z), thick * 1.1, paint, thick).pair()
        paw = ellipsoid(thick * 1.2, thick * 0.85, thick * 1.45, paws or paint, 22)
        parts += paw.move(x * 1.05, thick * 0.85, z + thick * 0.3).pair()
    front = half + girth * 0.35
    return Stance(
        parts,
        neck=(0.0, y + girth * 0.72, front),
        neck_radius=girth * 0.8,
        tail=(0.0, y + girth * 0.5, -half - girth * 0.75),
        state="standing",
        top=(0.0, y + girth * 0.9, -half * 0.45),
    )


def _sitting(rng: np.random.Generator, paint: Paint, paws: Paint | None = None) -> Stance:
    """Upright on its haunches, front legs straight."""
    wide = rng.uniform(0.92, 1.08)
    torso = tube([(0, 0.82, -0.35), (0, 1.3, -0.18), (0, 1.9, 0.05)], [0.82, 0.8, 0.62], paint, 36)
    parts = [torso.stretch(wide)]
    parts += ellipsoid(0.4, 0.56, 0.64, paint, 28).move(0.66 * wide, 0.56, 0.05).pair()
    hind = ellipsoid(0.25, 0.19, 0.42, paws or paint, 24).turn("y", 22)
    parts += hind.move(0.84 * wide, 0.19, 0.58).pair()
    parts += capsule((0.36, 1.6, 0.4), (0.36, 0.3, 0.66), 0.28, paint, 0.22).pair()
    parts += ellipsoid(0.27, 0.2, 0.34, paws or paint, 24).move(0.36, 0.2, 0.78).pair()
    return Stance(
        parts, (0.0, 2.2, 0.1), 0.6, tail=(0.0, 0.45, -1.0), state="sitting", back=(0.0, 1.4, -0.98)
    )


def _lying(rng: np.random.Generator, paint: Paint, paws: Paint) -> Stance:
    """Like a loaf: belly on the floor, paws in front."""
    length = rng.uniform(0.7, 0.9)
    body = tube([(0, 0.78, -length), (0, 0.76, 0.0), (0, 0.8, length * 0.7)], [0.78, 0.8, 0.72], paint, 36)
    parts = [body.stretch(1.1)]
    parts += ellipsoid(0.4, 0.5, 0.66, paint, 28).move(0.7, 0.5, -length * 0.75).pair()
    parts += ellipsoid(0.26, 0.22, 0.5, paws, 24).turn("y", 14).move(0.78, 0.22, -0.15).pair()
    parts += ellipsoid(0.27, 0.22, 0.55, paws, 24).move(0.36, 0.22, length + 0.55).pair()
    return Stance(
        parts,
        neck=(0.0, 1.32, length * 0.75),
        neck_radius=0.62,
        tail=(0.0, 0.45, -length - 0.65),
        state="lying",
    )


def _teddy(rng: np.random.Generator, paint: Paint, pads: Paint) -> Stance:
    """Sitting like a plush toy: legs forward, arms open, a belly painted `pads`."""
    wide = rng.uniform(0.88, 1.02)
    torso = Ball((0, 1.02, 0), (wide, 1.05, 0.85))
    parts = [torso.part(paint), torso.stick(ellipsoid(0.6, 0.66, 0.16, pads, 28), 0, -3, 0.93)]
    parts += capsule((0.5, 0.42, 0.2), (0.8, 0.42, 1.05), 0.42, paint, 0.4).pair()
    parts += ellipsoid(0.3, 0.3, 0.1, pads, 24).turn("y", 18).move(0.9, 0.43, 1.4).pair()
    parts += tube([(0.7, 1.62, 0), (1.1, 1.15, 0.25), (1.12, 0.85, 0.62)], [0.3, 0.3, 0.3], paint).pair()
    return Stance(
        parts, (0.0, 2.0, 0.05), 0.62, tail=(0.0, 0.4, -0.85), state="sitting", back=(0.0, 1.2, -0.84)
    )


def _ball_on(stance: Stance, radii: Point, up: float, ahead: float) -> Ball:
    x, y, z = stance.neck
    return Ball((x, y + up, z + ahead), radii)


def _anchors(stance: Stance, head: Ball, turn: float, lift: float, size: float) -> Head:
    eye = head.at(turn, lift)
    return Head(head.centre, head.radii, eye, size, stance.neck, stance.neck_radius, stance.back)


def _smile(muzzle: Ball, width: float, lift: float) -> Part:
    places = [(-width, lift + 12), (-width / 2, lift), (0, lift - 3), (width / 2, lift), (width, lift + 12)]
    return tube([muzzle.at(turn, low, 1.0) for turn, low in places], 0.04, NOSE, 10)


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
        path = [(0, 0, 0), (0.08, length * 0.5, 0), (0.35, length * 0.72, 0.08), (0.75, length * 0.5, 0.2)]
    radii = np.interp(np.linspace(0, 1, len(path)), [0, 0.55, 1], [0.2, 0.3, 0.17])
    outer = tube(path, radii, paint, 24).stretch(z=0.55)
    inner = tube(path[1:], radii[1:] * 0.55, PINK, 16).stretch(z=0.4).move(z=0.11)
    x, y, z = head.at(90, 58, 0.86)
    parts = [outer.move(x, y, z - 0.05), inner.move(x, y, z - 0.05)]
    return parts if side == 1 else [part.mirror() for part in parts]


def _tipped_tail(path: list[Point], radius: float, paint: Paint, tip: Paint) -> list[Part]:
    end, before = np.array(path[-1]), np.array(path[-2])
    along = (end - before) / np.linalg.norm(end - before)
    ball = tube([tuple(end - 0.22 * along), tuple(end + 0.05 * along)], [radius * 1.02, radius], tip)
    return [tube(path, [radius * 1.1] + [radius] * (len(path) - 2) + [radius * 0.9], paint), ball]


def _blanket(rng: np.random.Generator, look: Look, stance: Stance) -> list[Part]:
    """A cloth and, under it, a longer one whose rim shows as a hem, both bent over the back."""
    x, y, z = stance.top
    cloth, hem = look.accents(rng, 2)
    if not look.colourful:
        hem = lighter(hem, 0.5)
    radius = 1.0

    def drape(points: np.ndarray) -> np.ndarray:
        square = np.abs(points[:, [0, 2]]) + 1e-6
        points[:, [0, 2]] *= (np.hypot(*square.T) / square.max(1))[:, None] ** 0.8
        angle, out = points[:, 0] * 1.15, radius + points[:, 1]
        return np.stack([out * np.sin(angle), out * np.cos(angle), points[:, 2]], -1)

    parts = []
    for paint, reach, thick in ((hem, 1.0, 0.07), (cloth, 0.86, 0.11)):
        sheet = ellipsoid(reach, thick, 0.55 * reach, paint, 40).warp(drape)
        parts.append(sheet.move(x, y - radius + 0.02, z))
    return parts


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
        natural=(("green", "brown"), ("green", "orange"), ("turquoise", "brown"), ("yellow", "green")),
        second_part="a {colour} shell",
        never=("terrapin",),
        finishes=("glossy", "wooden"),
        wears=True,
        holds=True,
        colourful=True,
    ),
)
