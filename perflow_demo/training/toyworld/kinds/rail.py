"""Trains: steam locomotives."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.coachwork import CHASSIS
from perflow_demo.training.toyworld.kinds.hull import Hull
from perflow_demo.training.toyworld.kinds.kind import Kind
from perflow_demo.training.toyworld.palette import GLASS, GOLD, LAMP_LIGHT, STEEL, Look
from perflow_demo.training.toyworld.parts import Model, Paint, Part
from perflow_demo.training.toyworld.primitives import box, capsule, cylinder, ellipsoid, lathe


def train(rng: np.random.Generator, look: Look) -> Model:
    """A steam locomotive."""
    length, girth = rng.uniform(1.15, 1.45), rng.uniform(0.4, 0.46)
    axis_y, front = 0.98, length
    boiler = (
        cylinder(girth, length + 0.35, look.main)
        .turn("x", 90)
        .move(y=axis_y, z=(length - 0.35) / 2)
    )
    box_r = girth + 0.035
    smoke_box = lathe(
        [(box_r, 0), (box_r, 0.24), (0.94 * box_r, 0.29), (0.7 * box_r, 0.3)], CHASSIS
    )
    door = [
        (0.8 * box_r, 0.26),
        (0.8 * box_r, 0.32),
        (0.7 * box_r, 0.38),
        (0.3 * box_r, 0.43),
        (0, 0.44),
    ]
    knob = lathe([(0.08, 0.4), (0.08, 0.46), (0.04, 0.49)], GOLD, detail=16)
    parts = [boiler]
    for part in (smoke_box, lathe(door, look.main), knob):
        parts.append(part.turn("x", 90).move(y=axis_y, z=front - 0.1))
    parts += [_band(girth, z, axis_y) for z in (0.3, 0.5 * (0.3 + front - 0.1))]
    parts += _cab_of_train(look, rng.uniform(1.78, 1.92))
    parts += _chimney_and_domes(rng, look, axis_y + girth, front)
    parts += [box(1.04, 0.12, length + 1.55, look.main, 0.03).move(y=0.6, z=(length - 1.05) / 2)]
    parts += [box(0.7, 0.3, length + 1.3, CHASSIS).move(y=0.42, z=(length - 1.05) / 2)]
    parts += [box(1.16, 0.2, 0.14, look.second, 0.04).move(y=0.5, z=front + 0.22)]
    for x in (0.36, -0.36):
        parts.append(cylinder(0.1, 0.1, STEEL).turn("x", 90).move(x, 0.5, front + 0.33))
    lamp = lathe([(0.1, -0.12), (0.13, 0.0), (0.13, 0.05)], GOLD, detail=24).turn("x", 90)
    lens = ellipsoid(0.105, 0.105, 0.05, LAMP_LIGHT, 18)
    parts += [
        p.move(y=axis_y + girth + 0.14, z=front + 0.16 + dz)
        for p, dz in ((lamp, 0.0), (lens, 0.05))
    ]
    parts += _running_gear(look, length)
    return Model(parts, noun=None, details=("a chimney", "big wheels"), perch=(0.0, 1.98, -0.62))


def _band(girth: float, z: float, y: float) -> Part:
    r = girth + 0.015
    return lathe([(r, -0.035), (r, 0.035)], GOLD).turn("x", 90).move(y=y, z=z)


def _cab_of_train(look: Look, top: float) -> list[Part]:
    cab = box(1.02, top - 0.62, 0.85, look.main, 0.06).move(y=(top + 0.62) / 2, z=-0.55)
    roof = Hull.through(
        [(-1.1, 0.6, top - 0.16, top + 0.14), (0.0, 0.6, top - 0.16, top + 0.14)],
        power=2.6,
        rounding=0.02,
        bevel=0.06,
        count=6,
    ).part(look.second)
    parts = [cab, roof]
    for z in (-0.76, -0.35):
        pane = box(0.05, 0.36, 0.28, GLASS, 0.02).move(0.51, top - 0.42, z)
        parts += pane.pair()
    porthole = lathe([(0.13, 0), (0.13, 0.03), (0.1, 0.045)], GLASS, detail=20).turn("x", 90)
    parts += porthole.move(0.36, top - 0.34, -0.13).pair()
    parts += [box(0.6, 0.34, 0.05, CHASSIS, 0.02).move(0, top - 0.42, -0.975)]
    return parts


def _chimney_and_domes(
    rng: np.random.Generator, look: Look, top: float, front: float
) -> list[Part]:
    if rng.random() < 0.5:
        line = [(0.13, -0.1), (0.12, 0.12), (0.3, 0.42), (0.3, 0.48), (0.2, 0.56)]
    else:
        line = [(0.17, -0.1), (0.13, 0.1), (0.15, 0.42), (0.2, 0.44), (0.2, 0.54), (0.13, 0.54)]
    chimney = lathe(line, CHASSIS).move(y=top, z=front - 0.02)
    dome = [(0.19, -0.1), (0.17, 0.08), (0.16, 0.16), (0.11, 0.25), (0.0, 0.29)]
    parts = [chimney, lathe(dome, GOLD, crease=60).move(y=top, z=0.55 * front)]
    if rng.random() < 0.6:
        parts.append(capsule((0, top - 0.05, 0.2), (0, top + 0.2, 0.2), 0.045, GOLD))
    return parts


def _running_gear(look: Look, length: float) -> list[Part]:
    """Three big coupled wheels and a small leading one on either side."""
    at = np.linspace(-0.62, length - 0.52, 3)
    r, small = 0.46 * (at[1] - at[0]), 0.2
    parts = []
    for z in at:
        parts += _iron_wheel(r, look.second, (0.46, r, z))
    parts += _iron_wheel(small, look.second, (0.46, small, length - 0.02))
    rod = box(0.05, 0.09, at[-1] - at[0] + 0.16, STEEL, 0.03).move(0.64, r - 0.06, at.mean())
    piston = cylinder(0.15, 0.4, look.main).turn("x", 90).move(0.52, 0.47, length - 0.04)
    link = box(0.05, 0.07, 0.6, STEEL, 0.025).move(0.62, 0.38, length - 0.45)
    return parts + rod.pair() + piston.pair() + link.pair()


def _iron_wheel(radius: float, paint: Paint, at: tuple[float, float, float]) -> list[Part]:
    r = radius
    tread = lathe(
        [(r, -0.06), (r, 0.05), (0.82 * r, 0.07), (0.8 * r, 0.03), (0.2 * r, 0.03)],
        paint,
        detail=28,
    )
    rim = lathe([(1.06 * r, -0.08), (1.06 * r, -0.04), (r, -0.03)], STEEL, detail=28)
    hub = lathe([(0.22 * r, 0), (0.22 * r, 0.1), (0.1 * r, 0.13)], STEEL, detail=14)
    spokes = [
        box(0.13 * r, 0.04, 1.7 * r, paint).move(y=0.05).turn("y", angle)
        for angle in (0, 45, 90, 135)
    ]
    wheel = [part.turn("z", -90) for part in (tread, rim, hub, *spokes)]
    return [twin for part in wheel for twin in part.move(*at).pair()]


KINDS = (
    Kind(
        name="train",
        build=train,
        nouns=("train", "steam locomotive"),
        natural=(("green", "red"), ("black", "red"), ("red", "yellow"), ("blue", "red")),
        second_part="{colour} wheels",
        never=("engine", "railway"),
        finishes=("glossy", "metallic", "wooden"),
        holds=True,
    ),
)
