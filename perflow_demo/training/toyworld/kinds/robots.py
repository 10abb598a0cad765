"""Robots: a round or square head, on legs or wheels."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.faces import Ball
from perflow_demo.training.toyworld.palette import (
    BLACK,
    GREY,
    LAMP_LIGHT,
    STEEL,
    WHITE,
    Look,
    lighter,
)
from perflow_demo.training.toyworld.parts import Head, Model, Paint, Part, Point
from perflow_demo.training.toyworld.primitives import (
    box,
    capsule,
    cylinder,
    ellipsoid,
    lathe,
    sphere,
    torus,
    tube,
)


def robot(rng: np.random.Generator, look: Look) -> Model:
    round_head, rolling = rng.random() < 0.4, rng.random() < 0.4
    base, parts = _robot_base(rng, look, rolling)
    wide, high = rng.uniform(1.5, 1.8), rng.uniform(1.3, 1.6)
    parts.append(box(wide, high, 1.15, look.main, 0.24).move(0, base + high / 2, 0))
    parts += _robot_panel(rng, look, (0.0, base + high * 0.52, 0.575))
    raised = rng.random() < 0.35
    for side in (1, -1):
        arm = _robot_arm(look.second, wide / 2, base + high * 0.78, raised and side == 1)
        parts += arm if side == 1 else [part.mirror() for part in arm]
    neck = base + high
    parts.append(cylinder(0.36, 0.4, GREY).move(0, neck + 0.08, 0))
    head = Ball((0.0, neck + 0.95, 0.0), (1.0, 0.82, 0.85))
    if round_head:
        parts.append(head.part(look.main, 44))
        front, eye_z = 0.0, head.at(26, 6)[2]
    else:
        parts.append(box(1.96, 1.5, 1.5, look.main, 0.3).move(*head.centre))
        front, eye_z = 0.76, 0.78
        head = Ball(head.centre, (1.15, 0.96, 1.05))
    parts += _robot_face(rng, look, head, front, eye_z)
    details = ["a round head" if round_head else "a square head"]
    details.append({True: "wheels", False: "two legs"}[rolling])
    eye = (0.42, head.centre[1] + 0.1, eye_z)
    anchors = Head(
        head.centre,
        head.radii,
        eye,
        0.24,
        (0.0, neck + 0.02, 0.0),
        0.56,
        (0.0, base + high * 0.5, -0.575),
    )
    states = ("waving",) if raised else ()
    return Model(parts, details=tuple(details), states=states, head=anchors)


def _robot_base(rng: np.random.Generator, look: Look, rolling: bool) -> tuple[float, list[Part]]:
    """Legs with big boots, or wheels on an axle; and the height of what stands on them."""
    if rolling:
        tyre = lathe([(0.42, -0.17), (0.5, -0.1), (0.5, 0.1), (0.42, 0.17)], BLACK).turn("z", 90)
        hub = lathe([(0.24, -0.2), (0.24, 0.2)], look.third).turn("z", 90)
        parts = [p.move(0.72, 0.5, z) for p in (tyre, hub) for z in (0.45, -0.5)]
        parts = [q for p in parts for q in p.pair()]
        return 0.72, [*parts, box(1.1, 0.5, 1.3, GREY, 0.12).move(0, 0.6, 0)]
    tall = rng.uniform(0.75, 1.0)
    leg = capsule((0.42, 0.25, 0), (0.42, tall + 0.1, 0), 0.2, GREY)
    knee = torus(0.2, 0.08, look.second, 24).move(0.42, 0.25 + tall * 0.45, 0)
    boot = box(0.58, 0.42, 0.85, look.second, 0.17).move(0.43, 0.21, 0.12)
    return tall, [*leg.pair(), *knee.pair(), *boot.pair()]


def _robot_panel(rng: np.random.Generator, look: Look, centre: Point) -> list[Part]:
    """A chest plate with a dial and lights, or a row of buttons."""
    x, y, z = centre
    paints = look.accents(rng, 3)
    plate = box(0.95, 0.68, 0.12, lighter(look.main, 0.55), 0.05).move(x, y, z)
    if rng.random() < 0.5:
        dial = cylinder(0.24, 0.1, WHITE).turn("x", 90).move(x - 0.18, y, z + 0.09)
        hand = (
            box(0.05, 0.2, 0.04, BLACK).move(0, 0.08, 0).turn("z", -35).move(x - 0.18, y, z + 0.15)
        )
        lamps = [
            sphere(0.1, paints[i], 18).move(x + 0.26, y + 0.17 - 0.34 * i, z + 0.06) for i in (0, 1)
        ]
        return [plate, dial, hand, *lamps]
    return [
        plate,
        *(sphere(0.12, paints[i], 18).move(x + 0.29 * (i - 1), y, z + 0.06) for i in range(3)),
    ]


def _robot_arm(paint: Paint, x: float, y: float, raised: bool) -> list[Part]:
    """A ringed arm with a two-fingered claw at x > 0."""
    path: list[Point] = [(x, y, 0), (x + 0.45, y - 0.35, 0.05), (x + 0.42, y - 0.95, 0.25)]
    if raised:
        path = [(x, y, 0), (x + 0.55, y - 0.05, 0.05), (x + 0.68, y + 0.62, 0.15)]
    parts = [sphere(0.28, paint, 24).move(*path[0]), tube(path, 0.17, paint)]
    tip, before = np.array(path[2]), np.array(path[1])
    roll = float(np.degrees(np.arctan2(-(tip - before)[0], (tip - before)[1])))
    claw = [sphere(0.25, paint, 22)]
    for side in (-1, 1):
        finger = [(0.12 * side, 0.1, 0), (0.3 * side, 0.32, 0), (0.13 * side, 0.52, 0)]
        claw.append(tube(finger, [0.1, 0.1, 0.07], STEEL, 14))
    return parts + [part.turn("z", roll).move(*tip) for part in claw]


def _robot_face(
    rng: np.random.Generator, look: Look, head: Ball, front: float, eye_z: float
) -> list[Part]:
    """Glowing eyes, a mouth, ear bolts and antennas beside the crown, where hats leave room."""
    cx, cy, _ = head.centre
    lamp = LAMP_LIGHT if rng.random() < 0.5 else Paint((0.45, 0.95, 1.0), "glowing")
    parts = []
    yaw = 0 if front else 20
    for paint, radius, out in ((BLACK, 0.29, 0.0), (lamp, 0.22, 0.05), (BLACK, 0.1, 0.1)):
        eye = ellipsoid(radius, radius, 0.12, paint, 26).turn("y", yaw)
        parts += eye.move(0.42 + out * yaw / 60, cy + 0.1, eye_z + out).pair()
    mouth_z = 0.75 if front else head.at(0, -26)[2] - 0.03
    if rng.random() < 0.5:
        parts.append(box(0.8, 0.2, 0.12, BLACK, 0.05).move(0, cy - 0.4, mouth_z))
        parts += [
            box(0.09, 0.2, 0.13, WHITE).move(x, cy - 0.4, mouth_z + 0.01) for x in (-0.2, 0, 0.2)
        ]
    else:
        smile = [
            (-0.35, cy - 0.3, mouth_z),
            (0, cy - 0.44, mouth_z + 0.04),
            (0.35, cy - 0.3, mouth_z),
        ]
        parts.append(tube(smile, 0.055, BLACK, 12))
    bolt = lathe([(0.3, -0.12), (0.3, 0.06), (0.2, 0.14)], look.second).turn("z", -90)
    parts += bolt.move(1.0, cy, 0).pair()
    mast = tube([(1.06, cy, 0), (1.1, cy + 0.95, 0)], 0.055, STEEL, 12)
    ball = sphere(0.16, look.third, 20).move(1.1, cy + 1.0, 0)
    return parts + ([mast, ball] if rng.random() < 0.5 else mast.pair() + ball.pair())
