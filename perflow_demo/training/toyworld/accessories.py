"""What anything with a head may wear: each accessory is built on the anchors of a Head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from perflow_demo.training.toyworld.palette import STEEL, lighter
from perflow_demo.training.toyworld.parts import Head, Paint, Part, Point
from perflow_demo.training.toyworld.primitives import (
    box,
    capsule,
    ellipsoid,
    lathe,
    sphere,
    torus,
    tube,
)


@dataclass(frozen=True)
class Accessory:
    """One thing to wear.

    phrase: how a caption names it, with `{colour}` in its place; build: head, paint and rng → parts
    in the head's own space; slot: "face", "hat", "neck" or "back", of which each holds one thing.
    """

    name: str
    phrase: str
    build: Callable[[Head, Paint, np.random.Generator], list[Part]]
    slot: str


def glasses(head: Head, paint: Paint, rng: np.random.Generator) -> list[Part]:
    """Thick empty frames, round or square, so that the eyes stay visible."""
    (cx, cy, cz), (rx, ry, rz) = head.centre, head.radii
    ex, ey, ez = (e - c for e, c in zip(head.eyes, head.centre, strict=True))
    turn = np.degrees(np.arctan2(ex / rx, ez / rz))
    radius = float(np.clip(head.eye_radius * 1.55, 0.24 * rx, 0.95 * ex))
    thick = 0.062 * (rx + ry) / 2 + 0.05 * radius
    ring = torus(radius, thick, paint, 40).turn("x", 90)
    if rng.random() < 0.4:
        ring = ring.warp(_squared)
    front = ez + 0.75 * head.eye_radius
    yaw = 0.55 * turn
    parts = ring.turn("y", yaw).move(ex, ey, front).pair()
    side = radius * np.array([np.cos(np.radians(yaw)), np.sin(np.radians(yaw))])
    inner, outer = (ex - side[0], front + side[1]), (ex + side[0], front - side[1])
    nose = max(inner[1], rz * np.sqrt(max(1 - (ey / ry) ** 2, 0.0)) + thick * 0.6)
    arch = [(-inner[0], ey, inner[1]), (0.0, ey + 0.3 * radius, nose), (inner[0], ey, inner[1])]
    parts.append(tube(arch, thick * 0.9, paint, 12))
    temple = [
        (outer[0], ey, outer[1]),
        (max(rx * 1.03, outer[0]), ey, 0.35 * rz),
        (rx * 1.0, ey, -0.1 * rz),
    ]
    parts += tube(temple, thick * 0.85, paint, 12).pair()
    return [part.move(cx, cy, cz) for part in parts]


def cap(head: Head, paint: Paint, rng: np.random.Generator) -> list[Part]:
    """A baseball cap: a dome, a visor in a darker tone and a button."""
    lifts = np.radians(np.linspace(34, 90, 12))
    dome = lathe([(1.06 * np.cos(a), 1.06 * np.sin(a)) for a in lifts], paint)
    visor = ellipsoid(0.66, 0.07, 0.62, lighter(paint, -0.25), 32).turn("x", 12).move(0, 0.6, 0.98)
    button = ellipsoid(0.13, 0.09, 0.13, lighter(paint, -0.25), 16).move(0, 1.06, 0)
    hat = [part.turn("x", -6) for part in (dome, visor, button)]
    return _on_head(head, hat, roll=rng.uniform(-6, 6))


def top_hat(head: Head, paint: Paint, rng: np.random.Generator) -> list[Part]:
    """A tall cylinder with a brim and a ribbon of a contrasting tone."""
    tall, wide = rng.uniform(0.8, 1.05), rng.uniform(0.52, 0.58)
    brim = lathe([(0.78, 0.0), (0.92, 0.02), (0.95, 0.07), (0.9, 0.11), (0.5, 0.1)], paint, 50)
    tube_profile = [
        (wide, 0.0),
        (wide * 0.97, tall * 0.6),
        (wide * 1.06, tall - 0.05),
        (wide * 1.0, tall),
    ]
    dark = sum(paint.colour) < 1.3
    ribbon = lighter(paint, 0.65 if dark else -0.6)
    band = lathe([(wide * 1.04, 0.1), (wide * 1.02, 0.32)], ribbon)
    hat = [part.move(0, 0.78, 0) for part in (brim, lathe(tube_profile, paint, 50), band)]
    return _on_head(head, hat, roll=rng.uniform(-9, 9), pitch=4)


def crown(head: Head, paint: Paint, rng: np.random.Generator) -> list[Part]:
    """A flared ring with points and jewels, shiny like metal."""
    points, tall = int(rng.integers(5, 8)), rng.uniform(0.6, 0.72)
    metal = Paint(paint.colour, "glossy")
    ring = [(0.64, 0.0), (0.68, tall * 0.45), (0.78, tall), (0.7, tall), (0.58, 0.12)]

    def zigzag(v: np.ndarray) -> np.ndarray:
        phase = np.arctan2(v[:, 0], v[:, 2]) * points / (2 * np.pi) % 1.0
        dip = np.where(v[:, 1] > 0.9 * tall, 1 - 2 * np.abs(phase - 0.5), 0.0)
        v[:, 1] -= dip * tall * 0.5
        v[:, [0, 2]] *= 1 - 0.07 * dip[:, None]
        return v

    parts = [lathe(ring, metal, 50, detail=12 * points).warp(zigzag)]
    parts.append(torus(0.66, 0.07, lighter(metal, -0.2)).move(0, 0.05, 0))
    jewel = Paint(
        (0.85, 0.1, 0.2) if paint.colour[0] < 0.75 or paint.colour[1] > 0.6 else (0.97, 0.85, 0.3),
        "glossy",
    )
    for i in range(points):
        parts.append(sphere(0.1, metal, 14).move(0, tall + 0.04, 0.75).turn("y", 360 * i / points))
        parts.append(sphere(0.09, jewel, 14).move(0, 0.17, 0.68).turn("y", 360 * i / points))
    parts = [part.turn("y", 180 / points if points % 2 else 0).move(0, 0.68, 0) for part in parts]
    return _on_head(head, parts, roll=rng.uniform(-7, 7), pitch=3)


def scarf(head: Head, paint: Paint, rng: np.random.Generator) -> list[Part]:
    """Two loose windings and an end with a fringe that hangs in front, on its left or right."""
    size = (head.radii[0] + head.radii[1]) / 2
    thick, (x, y, z) = 0.17 * size, head.neck
    around = head.neck_radius + 0.25 * thick
    parts = [
        torus(around, thick, paint).turn("x", 7).turn("z", 3),
        torus(around * 0.97, thick * 0.95, lighter(paint, -0.12))
        .turn("x", 2)
        .turn("z", -4)
        .move(0, 1.0 * thick, 0),
    ]
    end = [(0.0, 0.1, 0.0), (0.02, -0.28, 0.17), (0.05, -0.62, 0.2)]
    flap = tube(
        [tuple(size * np.array(p)) for p in end], [thick * 0.75, thick * 1.05, thick * 1.15], paint
    )
    strip = [flap.stretch(z=0.65)]
    for side in (-1, 0, 1):
        top = (size * 0.05 + side * 0.75 * thick, -0.68 * size, 0.14 * size)
        strip.append(
            capsule(top, (top[0], top[1] - 0.18 * size, top[2]), 0.27 * thick, lighter(paint, -0.2))
        )
    knot = ellipsoid(thick * 1.15, thick * 1.1, thick * 1.0, lighter(paint, -0.12), 24)
    hang = [*strip, knot.move(z=0.25 * thick)]
    turn = float(rng.choice([-1, 1])) * rng.uniform(14, 30)
    parts += [part.move(0, 0, around + thick * 0.5).turn("y", turn) for part in hang]
    return [part.move(x, y, z) for part in parts]


def bow_tie(head: Head, paint: Paint, rng: np.random.Generator) -> list[Part]:
    """Two wide wings and a knot below the chin, on a thin collar."""
    size = (head.radii[0] + head.radii[1]) / 2 * rng.uniform(1.15, 1.35)
    wing = lathe(
        [(0.1, 0.0), (0.2, 0.2), (0.29, 0.44), (0.27, 0.5), (0.1, 0.47)], paint, 60, detail=28
    )
    wing = wing.turn("z", -90).stretch(z=0.5).turn("y", 10)
    knot = ellipsoid(0.14, 0.17, 0.14, lighter(paint, -0.25), 20)
    bow = [part.stretch(size, size, size) for part in (*wing.pair(), knot)]
    front = head.neck_radius + 0.1 * size
    collar = torus(head.neck_radius, 0.07 * size, lighter(paint, -0.25))
    low = _below_chin(head, front) - 0.1 * size
    parts = [collar, *(part.turn("x", 8).move(0, low, front) for part in bow)]
    return [part.move(*head.neck) for part in parts]


def backpack(head: Head, paint: Paint, rng: np.random.Generator) -> list[Part]:
    """A rounded bag with a flap and a pocket behind, and straps over both shoulders."""
    size = (head.radii[0] + head.radii[1]) / 2
    dark, light = lighter(paint, -0.3), lighter(paint, 0.25)
    wide, high, deep = 1.5 * size, 1.4 * size, 0.66 * size
    bag = [
        box(wide, high, deep, paint, 0.28 * size),
        box(wide * 1.04, high * 0.36, deep * 1.08, dark, 0.22 * size).move(0, 0.34 * high, 0),
        box(wide * 0.62, high * 0.34, deep * 0.5, light, 0.13 * size).move(
            0, -0.2 * high, -deep * 0.42
        ),
        box(0.16 * size, 0.22 * size, 0.1 * size, STEEL, 0.03 * size).move(
            0, 0.16 * high, -deep * 0.56
        ),
        torus(0.16 * size, 0.05 * size, dark, 20).turn("x", 90).move(0, high * 0.54, 0.1 * size),
    ]
    x, y, z = head.back or head.neck
    parts = [part.move(x, y + 0.12 * size, z - 0.36 * deep) for part in bag]
    _, ny, nz = head.neck
    across, ring = max(0.68 * head.neck_radius, 0.4 * size), head.neck_radius
    strap: list[Point] = [
        (across, y + 0.4 * high, z),
        (across, ny + 0.06 * size, nz),
        (across * 1.05, ny - 0.35 * size, nz + ring * 0.95),
        (across * 1.35, ny - 0.85 * size, nz + ring * 0.75),
        (0.45 * wide, y - 0.3 * high, z),
    ]
    return parts + tube(strap, 0.095 * size, dark, 12).pair()


def _below_chin(head: Head, front: float) -> float:
    """How far from the neck's height one must go down, `front` before it, to be out of the head."""
    ahead = (head.neck[2] + front - head.centre[2]) / head.radii[2]
    jaw = head.radii[1] * np.sqrt(max(1 - ahead**2, 0.0))
    return min(0.0, float(head.centre[1] - jaw - head.neck[1]))


def _on_head(head: Head, parts: list[Part], roll: float, pitch: float = 0.0) -> list[Part]:
    """Parts made for a head of radius 1, on this one, tipped a little."""
    tipped = [part.turn("x", pitch).turn("z", roll) for part in parts]
    return [part.stretch(*head.radii).move(*head.centre) for part in tipped]


def _squared(vertices: np.ndarray) -> np.ndarray:
    """A ring in the XY plane as a rounded square."""
    angle = np.arctan2(vertices[:, 1], vertices[:, 0])
    reach = (np.abs(np.cos(angle)) ** 5 + np.abs(np.sin(angle)) ** 5) ** (-1 / 5)
    vertices[:, :2] *= (0.93 * reach)[:, None]
    return vertices


ACCESSORIES: dict[str, Accessory] = {
    accessory.name: accessory
    for accessory in (
        Accessory("glasses", "{colour} glasses", glasses, "face"),
        Accessory("cap", "a {colour} cap", cap, "hat"),
        Accessory("top hat", "a {colour} top hat", top_hat, "hat"),
        Accessory("crown", "a {colour} crown", crown, "hat"),
        Accessory("scarf", "a {colour} scarf", scarf, "neck"),
        Accessory("bow tie", "a {colour} bow tie", bow_tie, "neck"),
        Accessory("backpack", "a {colour} backpack", backpack, "back"),
    )
}
