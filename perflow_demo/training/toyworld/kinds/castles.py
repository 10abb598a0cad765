"""Castles: round towers, battlements, a gate, often a keep; the gate faces +Z."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.masonry import STONE, arch, faceted, place, slit
from perflow_demo.training.toyworld.palette import BLACK, GOLD, WOOD, Look, lighter
from perflow_demo.training.toyworld.parts import Model, Paint, Part
from perflow_demo.training.toyworld.primitives import box, capsule, lathe, sphere


def castle(rng: np.random.Generator, look: Look) -> Model:
    """Four towers with pointed roofs, battlements between them, a gate, often a keep."""
    half, wall, r = rng.uniform(0.95, 1.1), rng.uniform(0.8, 1.0), rng.uniform(0.3, 0.36)
    high = wall + rng.uniform(0.42, 0.7)
    back_high = high + rng.choice([0.0, 0.3])
    inner = lighter(look.main, -0.12)
    parts = [box(2 * half, wall, 2 * half, look.main).move(y=wall / 2)]
    for angle in (0, 90, 180, 270):
        parts += [p.turn("y", angle) for p in _battlement(2 * half, look.main, wall, half - 0.06)]
    for x, z in ((half, half), (-half, half), (half, -half), (-half, -half)):
        top = high if z > 0 else back_high
        tower = _tower(
            r, top, rng.uniform(0.62, 0.74) if z > 0 else 0.7, look, np.degrees(np.arctan2(x, z))
        )
        parts += place(tower, x, 0, z)
    parts += _gate(look, half, wall)
    for x in (-0.62 * half, 0.62 * half):
        parts += place(slit(), x, 0.55 * wall, half)
    for angle in (90, -90, 180):
        for x in (-0.4, 0.4):
            parts += [p.turn("y", angle) for p in place(slit(), x, 0.55 * wall, half)]
    details, flags = ["four towers"], [(half, high + 0.72, half)]
    if rng.random() < 0.65:
        keep = high + rng.uniform(0.35, 0.6)
        parts += _keep(look, keep, inner)
        details.append("a keep")
        flags = [(0.0, keep + 0.86, 0.0)]
    if rng.random() < 0.7:
        for x, y, z in flags:
            parts += place(_flag(look.third), x, y - 0.1, z)
        details.append("a flag")
    return Model(parts, details=tuple(details))


def _battlement(length: float, paint: Paint, y: float, z: float) -> list[Part]:
    """A row of merlons along X on the front edge of a wall."""
    count = int(length / 0.3)
    at = (np.arange(count) + 0.5) / count * length - length / 2
    return [box(0.16, 0.16, 0.12, paint).move(x, y + 0.07, z) for x in at]


def _tower(r: float, top: float, roof: float, look: Look, outward: float) -> list[Part]:
    """A round tower with a pointed roof; it has a window towards `outward` degrees."""
    line = [
        (1.12 * r, 0),
        (1.06 * r, 0.1),
        (r, 0.2),
        (r, top - 0.24),
        (1.18 * r, top - 0.14),
        (1.18 * r, top),
    ]
    hat = [(1.34 * r, 0), (1.34 * r, 0.04), (0.62 * r, 0.5 * roof), (0.0, 1.15 * roof)]
    parts = [lathe(line, look.main), lathe(hat, look.second, crease=50).move(y=top - 0.02)]
    parts.append(sphere(0.05, GOLD, 12).move(y=top + 1.15 * roof))
    for turn in (outward, 0.0 if abs(outward) < 90 else 180.0):
        window = place(slit(), 0, top - 0.46, r - 0.01)
        parts += [part.turn("y", turn) for part in window]
    return parts


def _gate(look: Look, half: float, wall: float) -> list[Part]:
    """A gatehouse with an arched wooden door."""
    house_top = wall + 0.26
    parts = [box(0.86, house_top, 0.34, look.main, 0.02).move(y=house_top / 2, z=half + 0.08)]
    parts += _battlement(0.86, look.main, house_top, half + 0.19) + _battlement(
        0.86, look.main, house_top, half - 0.03
    )
    z = half + 0.25
    parts += [
        arch(0.6, 0.78, 0.06, STONE).move(y=0.39, z=z),
        arch(0.48, 0.7, 0.1, WOOD).move(y=0.35, z=z),
    ]
    parts += [box(0.025, 0.62, 0.03, BLACK).move(y=0.31, z=z + 0.05)]
    parts += [box(0.46, 0.05, 0.03, BLACK).move(y=y, z=z + 0.05) for y in (0.16, 0.42)]
    return parts


def _keep(look: Look, top: float, paint: Paint) -> list[Part]:
    parts = [box(0.86, top, 0.86, paint, 0.02).move(y=top / 2)]
    parts.append(box(0.98, 0.12, 0.98, look.main, 0.02).move(y=top))
    roof = lathe([(0.74, 0), (0.74, 0.05), (0.0, 0.86)], look.second, crease=20, detail=4).turn(
        "y", 45
    )
    parts.append(faceted(roof).move(y=top + 0.05))
    for angle in (0, 90, 180, 270):
        parts += [p.turn("y", angle) for p in place(slit(), 0, top - 0.26, 0.43)]
    return parts


def _flag(paint: Paint) -> list[Part]:
    cloth = box(0.4, 0.24, 0.03, paint, 0.01).move(0.22, 0.5)
    return [capsule((0, 0, 0), (0, 0.64, 0), 0.022, WOOD), cloth]
