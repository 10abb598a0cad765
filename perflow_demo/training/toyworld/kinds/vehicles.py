"""Larger vehicles of the road: trucks and buses."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.coachwork import CHASSIS, TAIL_LIGHT
from perflow_demo.training.toyworld.kinds.hull import Hull, disc, rectangle, rounded, wheels
from perflow_demo.training.toyworld.kinds.kind import Kind
from perflow_demo.training.toyworld.palette import (
    BLACK,
    GLASS,
    LAMP_LIGHT,
    STEEL,
    WOOD,
    Look,
    lighter,
)
from perflow_demo.training.toyworld.parts import Model, Paint, Part
from perflow_demo.training.toyworld.primitives import (
    box,
    ellipsoid,
    prism,
    tube,
)


def truck(rng: np.random.Generator, look: Look) -> Model:
    """A chubby cab in front of a box, a tipper or a pickup's bed."""
    return (_box_truck, _dump_truck, _pickup)[rng.integers(3)](rng, look)


def _box_truck(rng: np.random.Generator, look: Look) -> Model:
    cab_top, top, back = rng.uniform(1.5, 1.66), rng.uniform(1.85, 2.05), rng.uniform(-1.75, -1.45)
    r = 0.37
    parts = _cab(look, 0.55, 1.5, cab_top)
    cargo = Hull.through(
        [(back, 0.74, 0.52, top), (0.42, 0.74, 0.52, top)],
        power=12,
        rounding=0.02,
        bevel=0.1,
        count=8,
    )
    parts.append(cargo.part(look.main, 56))
    band = rectangle((back + 0.42) / 2, (0.52 + top) / 2 + 0.08, 0.42 - back, 0.3, 0.02)
    band[:, 0] = np.clip(band[:, 0], back + 0.1, 0.32)
    parts += cargo.panel("+x", band, look.second, 0.012).pair()
    for x in (0.33, -0.33):
        parts.append(
            cargo.panel(
                "-z", rectangle(x, (0.52 + top) / 2, 0.58, top - 0.8, 0.05), lighter(look.main, 0.2)
            )
        )
    parts += [box(0.9, 0.2, 1.4 - back, CHASSIS).move(y=0.46, z=(1.4 + back) / 2)]
    parts += wheels([(0.6, r, 1.0), (0.6, r, back + 0.5)], r, 0.3, look.second)
    return Model(parts, perch=(0.0, top, (back + 0.42) / 2))


def _dump_truck(rng: np.random.Generator, look: Look) -> Model:
    r, cab_top, high = rng.uniform(0.42, 0.48), rng.uniform(1.6, 1.75), rng.uniform(1.3, 1.45)
    parts = _cab(look, 0.6, 1.55, cab_top)
    outline = [(-1.6, 0.78), (0.25, 0.62), (0.5, high + 0.1), (-1.85, high)]
    floor, ridge = np.array(outline).mean(0), (0.12, 0.9)
    bed = _extruded(outline, 1.5, look.main)
    rim = [tube([(0.73, high, -1.85), (0.73, high + 0.1, 0.48)], 0.06, look.main, 12)]
    heap = ellipsoid(0.62, 0.3, 0.98, Paint((0.42, 0.30, 0.20)), 28).move(y=high, z=floor[0] + 0.05)
    parts += [bed, heap, *rim[0].pair()]
    parts += [tube([(-0.72, high + 0.1, 0.48), (0.72, high + 0.1, 0.48)], 0.06, look.main, 12)]
    for z in (-1.2, -0.65, -0.1):
        rib = box(0.08, high - 0.72, ridge[0], look.second, 0.03)
        parts += rib.move(0.76, (high + 0.72) / 2 + 0.02, z).pair()
    parts += [box(0.9, 0.24, 2.7, CHASSIS).move(y=0.55, z=0.0)]
    parts += wheels([(0.6, r, 1.02), (0.6, r, -1.1)], r, 0.34, look.second)
    return Model(parts, noun="dump truck", details=("a load of earth",), perch=(0.0, cab_top, 1.0))


def _pickup(rng: np.random.Generator, look: Look) -> Model:
    r, tall, nose = rng.uniform(0.38, 0.44), rng.uniform(1.5, 1.62), rng.uniform(1.6, 1.75)
    body = Hull.through(
        [(-0.25, 0.68, 0.36, 0.98), (0.55, 0.68, 0.36, 0.98), (nose - 0.2, 0.62, 0.36, 0.95)]
        + [(nose, 0.54, 0.4, 0.84)],
        power=4.0,
        rounding=0.3,
        bevel=0.12,
    )
    cabin = Hull.through(
        [(-0.3, 0.62, 0.6, tall - 0.05), (0.2, 0.63, 0.6, tall), (0.55, 0.62, 0.6, tall - 0.08)]
        + [(0.85, 0.58, 0.6, 1.0)],
        power=4.0,
        lean=0.13,
        rounding=0.3,
        bevel=0.12,
    )
    parts = [body.part(look.main), cabin.part(look.main), *_pickup_windows(cabin, tall)]
    parts += _pickup_bed(look.main)
    parts += [box(0.9, 0.24, nose + 1.5, CHASSIS).move(y=0.46, z=(nose - 1.5) / 2)]
    for z in (nose - 0.52, -1.0):
        guard = tube(
            [(0, 0.12, 0.5), (0, 0.42, 0.3), (0, 0.5, 0), (0, 0.42, -0.3), (0, 0.12, -0.5)],
            0.1,
            look.main,
            14,
        )
        parts += guard.stretch(x=2.0).move(0.68, r, z).pair()
    parts += wheels([(0.66, r, nose - 0.52), (0.66, r, -1.0)], r, 0.28, look.second)
    parts += _pickup_front(body, nose, look.second)
    parts += ellipsoid(0.06, 0.1, 0.05, TAIL_LIGHT, 14).move(0.6, 0.84, -1.74).pair()
    return Model(parts, noun="pickup truck", details=("a wooden bed",), perch=(0.0, tall, 0.15))


def _pickup_windows(cabin: Hull, tall: float) -> list[Part]:
    front = [(-0.5, 1.04), (0.5, 1.04), (0.43, tall - 0.14), (-0.43, tall - 0.14)]
    side = [(-0.12, 1.03), (0.58, 1.03), (0.42, tall - 0.15), (-0.12, tall - 0.15)]
    return [
        cabin.panel("+z", rounded(front, 0.08), GLASS),
        *cabin.panel("+x", rounded(side, 0.09), GLASS).pair(),
        cabin.panel("-z", rectangle(0, tall - 0.3, 0.7, 0.24, 0.07), GLASS),
    ]


def _pickup_bed(paint: Paint) -> list[Part]:
    return [
        box(1.3, 0.12, 1.5, WOOD, 0.03).move(y=0.6, z=-0.95),
        *box(0.1, 0.5, 1.5, paint, 0.04).move(0.64, 0.8, -0.97).pair(),
        box(1.36, 0.5, 0.1, paint, 0.04).move(0, 0.8, -1.7),
    ]


def _pickup_front(body: Hull, nose: float, paint: Paint) -> list[Part]:
    """Grille with two bars, headlamps, and a bumper in `paint`."""
    bumper = [(-0.66, 0.44, nose - 0.02), (0, 0.44, nose + 0.08), (0.66, 0.44, nose - 0.02)]
    return [
        body.panel("+z", rectangle(0, 0.72, 0.6, 0.24, 0.08), BLACK, 0.02),
        *(
            body.panel("+z", rectangle(0, 0.72 + y, 0.56, 0.04, 0.02), STEEL, 0.035)
            for y in (-0.06, 0.06)
        ),
        *(twin for p in _lamp_on(body, 0.43, 0.74, 0.1) for twin in p.pair()),
        tube(bumper, 0.06, paint, 12),
    ]


def _cab(look: Look, back: float, front: float, top: float) -> list[Part]:
    """A rounded cab-over with windscreen, lamps, grille and bumper."""
    cab = Hull.through(
        [
            (back, 0.68, 0.4, top - 0.04),
            (back + 0.4, 0.7, 0.38, top),
            (front - 0.3, 0.69, 0.38, top - 0.06),
        ]
        + [(front, 0.64, 0.4, top - 0.4)],
        power=4.5,
        lean=0.08,
        rounding=0.3,
        bevel=0.13,
    )
    low, high = 0.98, top - 0.17
    screen = rounded([(-0.52, low), (0.52, low), (0.47, high), (-0.47, high)], 0.1)
    side = rounded(
        [(back + 0.18, low), (front - 0.2, low), (front - 0.3, high), (back + 0.18, high)], 0.08
    )
    parts = [
        cab.part(look.main),
        cab.panel("+z", screen, GLASS),
        *cab.panel("+x", side, GLASS).pair(),
    ]
    parts += [cab.panel("+z", rectangle(0, 0.7, 0.5, 0.26, 0.08), BLACK)]
    parts += [
        cab.panel("+z", rectangle(0, 0.7 + y, 0.46, 0.04, 0.02), STEEL, 0.03) for y in (-0.06, 0.06)
    ]
    parts += [twin for p in _lamp_on(cab, 0.43, 0.7, 0.11) for twin in p.pair()]
    parts += [box(1.4, 0.18, 0.2, look.second, 0.07).move(y=0.42, z=front - 0.02)]
    return parts


def _lamp_on(hull: Hull, x: float, y: float, radius: float) -> list[Part]:
    return [
        hull.panel("+z", disc(x, y, 1.25 * radius), STEEL, 0.03),
        hull.panel("+z", disc(x, y, radius), LAMP_LIGHT, 0.045),
    ]


def _extruded(outline: list[tuple[float, float]], width: float, paint: Paint) -> Part:
    """A convex (z, y) outline with rounded corners pushed along X."""
    return prism([(-z, y) for z, y in rounded(outline, 0.12)], width, paint).turn("y", 90)


def bus(rng: np.random.Generator, look: Look) -> Model:
    """A city bus, round or boxy, or a double-decker."""
    double = rng.random() < 0.35
    power, front = rng.uniform(4.5, 8.0), rng.uniform(*((1.45, 1.7) if double else (1.6, 2.0)))
    top, r = 2.2 if double else 1.5, 0.3
    body, roof = _bus_hulls(front, top, power)
    parts = [body.part(look.main, 48), roof.part(look.second)]
    count = int(rng.integers(4, 6))
    decks = [(0.82, 1.24)] if not double else [(0.74, 1.14), (1.5, 1.9)]
    for low, high in decks:
        parts += _bus_windows(body, front, low, high, count)
        screen = rectangle(0, (low + high) / 2, 1.04, high - low, 0.12)
        parts += [body.panel("+z", screen, GLASS), body.panel("-z", screen, GLASS)]
    if double:
        belt = rectangle(0, 1.32, 2 * front - 0.4, 0.09, 0.03)
        parts += body.panel("+x", belt, look.second, 0.015).pair()
    axles = (front - 0.62, -front + 0.62)
    for z in axles:
        well = disc(z, r + 0.02, 1.18 * r)
        well[:, 1] = np.maximum(well[:, 1], 0.3)
        parts += body.panel("+x", well, CHASSIS, 0.012).pair()
    parts += wheels([(0.58, r, z) for z in axles], r, 0.24, STEEL)
    parts += [twin for p in _lamp_on(body, 0.42, 0.5, 0.085) for twin in p.pair()]
    parts += [body.panel("+z", rectangle(0, 0.5, 0.42, 0.14, 0.06), BLACK, 0.02)]
    parts += [box(1.24, 0.11, 0.12, STEEL, 0.05).move(y=0.32, z=z) for z in (front, -front)]
    parts += body.panel("-z", rectangle(0.45, 0.52, 0.16, 0.12, 0.04), TAIL_LIGHT, 0.02).pair()
    noun = "double-decker bus" if double else None
    return Model(parts, noun=noun, details=("many windows",), perch=(0.0, top + 0.09, 0.0))


def _bus_hulls(front: float, top: float, power: float) -> tuple[Hull, Hull]:
    """Body and roof between ±front; the greater `power`, the boxier."""
    half = 0.68
    body = [(-front, 0.64, 0.26, top - 0.06), (-front + 0.3, half, 0.24, top)]
    body += [(front - 0.3, half, 0.24, top), (front, 0.64, 0.26, top - 0.08)]
    end, middle = (0.58, top - 0.1, top + 0.02), (half + 0.012, top - 0.12, top + 0.09)
    roof = [(-front + 0.02, *end), (-front + 0.3, *middle)]
    roof += [(front - 0.3, *middle), (front - 0.02, *end)]
    return (
        Hull.through(body, power=power, rounding=0.25, bevel=0.16),
        Hull.through(roof, power=3.0, rounding=0.25, bevel=0.1),
    )


def _bus_windows(body: Hull, front: float, low: float, high: float, count: int) -> list[Part]:
    edges = np.linspace(-front + 0.2, front - 0.26, count + 1)
    middle = (low + high) / 2
    return [
        twin
        for a, b in zip(edges[:-1], edges[1:], strict=True)
        for twin in body.panel(
            "+x", rectangle((a + b) / 2, middle, b - a - 0.09, high - low, 0.09), GLASS
        ).pair()
    ]


KINDS = (
    Kind(
        name="truck",
        build=truck,
        nouns=("truck",),
        natural=(
            ("red", "yellow"),
            ("yellow", "gray"),
            ("blue", "white"),
            ("green", "white"),
            ("orange", "gray"),
        ),
        second_part="{colour} wheels",
        never=("lorry", "hauler"),
        finishes=("glossy", "wooden"),
        holds=True,
    ),
    Kind(
        name="bus",
        build=bus,
        nouns=("bus",),
        natural=(("yellow", "white"), ("red", "white"), ("blue", "white"), ("green", "white")),
        second_part="a {colour} roof",
        never=("coach", "minibus"),
        holds=True,
    ),
)
