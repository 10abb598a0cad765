"""Lighthouses and windmills."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.masonry import (
    STONE,
    door,
    faceted,
    place,
    round_window,
    window,
)
from perflow_demo.training.toyworld.palette import BLACK, GREY, LAMP_LIGHT, WHITE, WOOD, Look
from perflow_demo.training.toyworld.parts import Model, Part
from perflow_demo.training.toyworld.primitives import (
    box,
    capsule,
    cylinder,
    ellipsoid,
    lathe,
    sphere,
    torus,
)


def lighthouse(rng: np.random.Generator, look: Look) -> Model:
    """A tapering tower on a rock with a gallery, a shining lantern and a domed roof."""
    tall, r = rng.uniform(2.1, 2.6), rng.uniform(0.5, 0.58)
    top = r * rng.uniform(0.56, 0.66)

    def at(y: float) -> float:
        return r + (top - r) * (y / tall) ** 0.75

    heights = np.linspace(0, tall, 16)
    parts = [lathe([(at(y), y) for y in heights], look.main)]
    details = []
    if rng.random() < 0.5:
        for low in (0.36 * tall, 0.68 * tall):
            band = np.linspace(low, low + 0.11 * tall, 5)
            parts.append(lathe([(at(y) + 0.014, y) for y in band], look.second))
        details.append("two bands")
    parts += _lantern(look, top, tall)
    parts += place(door(WOOD, 0.32, 0.56), 0, 0.02, at(0.3))
    for angle, y in (
        (0, 0.56 * tall),
        (0, 0.84 * tall),
        (110, 0.4 * tall),
        (-110, 0.6 * tall),
        (180, 0.56 * tall),
    ):
        window = place(round_window(0.09), 0, y, at(y) - 0.005)
        parts += [part.turn("y", angle) for part in window]
    if rng.random() < 0.6:
        for x, z, size in (
            (0.0, 0.0, 0.9),
            (0.5, -0.3, 0.4),
            (-0.55, 0.05, 0.36),
            (0.42, 0.36, 0.28),
            (-0.2, -0.55, 0.42),
        ):
            rock = ellipsoid(size, 0.4 * size, 0.92 * size, GREY, 12)
            rock = rock.turn("y", rng.uniform(0, 90)).move(x, -0.1, z)
            parts.append(faceted(rock.flattened(-0.16)))
        details.append("rocks")
    else:
        parts.append(lathe([(1.3 * r, -0.12), (1.3 * r, 0.0), (1.2 * r, 0.05)], STONE))
    return Model(parts, details=tuple(details))


def _lantern(look: Look, r: float, y: float) -> list[Part]:
    """Gallery with railing, glass room with its light, domed roof with a knob."""
    gallery = [(0.9 * r, -0.1), (1.6 * r, 0.0), (1.6 * r, 0.09), (0.7 * r, 0.09)]
    parts = [lathe(gallery, look.second), torus(1.5 * r, 0.025, BLACK).move(y=0.32)]
    post = capsule((0, 0.08, 1.5 * r), (0, 0.32, 1.5 * r), 0.022, BLACK)
    parts += [post.turn("y", angle) for angle in range(0, 360, 36)]
    room = cylinder(0.82 * r, 0.44, LAMP_LIGHT).move(y=0.3)
    bar = box(0.04, 0.44, 0.04, BLACK).move(y=0.3, z=0.82 * r)
    parts += [room, *(bar.turn("y", angle) for angle in range(0, 360, 45))]
    dome = [(1.12 * r, 0.5), (1.1 * r, 0.57), (0.92 * r, 0.72), (0.55 * r, 0.86), (0.0, 0.93)]
    parts += [lathe(dome, look.second, crease=50), sphere(0.07, look.second, 14).move(y=0.96)]
    return [part.move(y=y) for part in parts]


def windmill(rng: np.random.Generator, look: Look) -> Model:
    """A tapering mill with a round cap, a gallery and four latticed sails in front."""
    tall, r = rng.uniform(1.75, 2.1), rng.uniform(0.68, 0.8)
    top = r * rng.uniform(0.56, 0.66)
    parts = [lathe([(1.06 * r, 0), (1.06 * r, 0.1), (r, 0.1), (top, tall)], look.main)]
    cap = [(1.16 * top, 0), (1.14 * top, 0.1), (1.0 * top, 0.32), (0.62 * top, 0.56), (0.0, 0.66)]
    parts.append(lathe(cap, look.second, crease=60).move(y=tall - 0.02))

    def at(y: float) -> float:
        return r + (top - r) * y / tall

    details = ["four sails"]
    if rng.random() < 0.55:
        parts += _gallery(at(0.72) + 0.2, 0.72)
        details.append("a gallery")
    parts += place(door(look.second, 0.36, 0.6), 0, 0.02, at(0.3) - 0.01)
    for angle, y in (
        (0, 0.66 * tall),
        (90, 0.5 * tall),
        (-90, 0.5 * tall),
        (180, 0.6 * tall),
        (180, 0.25 * tall),
    ):
        pane = [p.turn("x", -8) for p in window(0.24, 0.3)]
        parts += [p.turn("y", angle) for p in place(pane, 0, y, at(y))]
    hub_y, hub_z = tall + 0.16, 1.1 * top + 0.2
    parts += [capsule((0, hub_y, 0), (0, hub_y, hub_z + 0.08), 0.09, WOOD)]
    parts.append(ellipsoid(0.13, 0.13, 0.1, look.third, 18).move(y=hub_y, z=hub_z + 0.1))
    first, reach = rng.uniform(8, 82), rng.uniform(1.3, 1.5)
    for i in range(4):
        blade = [p.turn("z", first + 90 * i) for p in _blade(reach)]
        parts += place(blade, 0, hub_y, hub_z)
    return Model(parts, details=tuple(details))


def _blade(reach: float) -> list[Part]:
    """One sail upwards from the origin: a spar, a cloth beside it, laths across."""
    spar = box(0.08, reach, 0.06, WOOD, 0.02).move(y=reach / 2)
    cloth = box(0.3, 0.72 * reach, 0.025, WHITE, 0.01).move(0.18, 0.62 * reach)
    laths = [
        box(0.34, 0.035, 0.05, WOOD).move(0.17, y * reach) for y in (0.26, 0.44, 0.62, 0.8, 0.98)
    ]
    edge = box(0.035, 0.74 * reach, 0.05, WOOD).move(0.33, 0.62 * reach)
    return [part.turn("y", 8) for part in (spar, cloth, *laths, edge)]


def _gallery(radius: float, y: float) -> list[Part]:
    floor = lathe(
        [(radius - 0.2, y - 0.1), (radius, y), (radius, y + 0.06), (radius - 0.3, y + 0.06)], WOOD
    )
    rail = torus(radius - 0.04, 0.025, WOOD).move(y=y + 0.26)
    post = capsule((0, y, radius - 0.04), (0, y + 0.26, radius - 0.04), 0.022, WOOD)
    return [floor, rail, *(post.turn("y", angle) for angle in range(0, 360, 30))]
