"""Airplanes: propeller planes, biplanes, airliners."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.hull import Hull, disc, rectangle, rounded, wheels
from perflow_demo.training.toyworld.palette import BLACK, GLASS, GREY, STEEL, WOOD, Look
from perflow_demo.training.toyworld.parts import Model, Paint, Part
from perflow_demo.training.toyworld.primitives import capsule, cylinder, ellipsoid, lathe, torus


def airplane(rng: np.random.Generator, look: Look) -> Model:
    """A chubby propeller plane, a biplane or an airliner."""
    return (_propeller_plane, _propeller_plane, _airliner)[rng.integers(3)](rng, look)


def _propeller_plane(rng: np.random.Generator, look: Look) -> Model:
    """One propeller in front, an open cockpit or a canopy, one pair of wings or two."""
    biplane, girth, tail = rng.random() < 0.45, rng.uniform(0.42, 0.48), rng.uniform(1.5, 1.75)
    body = Hull.through(
        [(-tail, 0.09, 0.12, 0.34), (-0.8, 0.28, -0.16, 0.4), (0.0, girth, -girth, girth)]
        + [(0.75, girth, -girth, girth), (1.0, 0.36, -0.36, 0.36)],
        power=2.2,
        rounding=0.4,
        bevel=0.1,
    )
    span = rng.uniform(1.45, 1.75)
    parts = [body.part(look.main)]
    low, high = (-0.26, 0.86) if biplane else (rng.uniform(-0.28, -0.05), None)
    parts += _wing(span, 0.62, 0.46, 0.08, look.second, rise=0.09).move(y=low, z=0.3).pair()
    if high is not None:
        parts += _wing(span, 0.6, 0.48, 0.07, look.second, rise=0.05).move(y=high, z=0.42).pair()
        for x, top in ((1.1, high), (0.22, high)):
            bottom = low if x > 0.5 else 0.3
            for z in (0.15, 0.5):
                parts += capsule((x, bottom, z), (x, top + 0.03, z + 0.06), 0.03, WOOD).pair()
    parts += _tail_plane(look, -tail + 0.22, 0.26)
    parts += _cockpit(body, canopy=not biplane and rng.random() < 0.6)
    parts += _propeller(rng, look, 1.02)
    parts += wheels([(0.42, -0.72, 0.55)], 0.2, 0.14, look.third)
    parts += capsule((0.3, -0.25, 0.45), (0.42, -0.72, 0.55), 0.05, GREY).pair()
    parts += [ellipsoid(0.05, 0.09, 0.09, BLACK, 14).move(y=0.04, z=-tail + 0.1)]
    return Model(
        parts,
        noun="biplane" if biplane else None,
        details=("a propeller", *(("two pairs of wings",) * biplane)),
    )


def _airliner(rng: np.random.Generator, look: Look) -> Model:
    """A stubby jet with swept wings and two engines."""
    length, girth = rng.uniform(1.55, 1.85), rng.uniform(0.42, 0.5)
    body = Hull.through(
        [
            (-length, 0.08, 0.16, 0.36),
            (-0.8 * length, 0.22, -0.06, girth - 0.04),
            (-0.5, girth, -girth, girth),
        ]
        + [
            (length - 0.7, girth, -girth, girth),
            (length - 0.25, 0.8 * girth, -0.86 * girth, 0.66 * girth),
        ]
        + [(length, 0.2 * girth, -0.4 * girth, 0.05 * girth)],
        power=2.0,
        rounding=0.4,
        bevel=0.07,
    )
    parts = [body.part(look.main)]
    parts += (
        _wing(1.75, 0.85, 0.36, 0.09, look.second, sweep=0.65, rise=0.22)
        .move(y=-0.2, z=0.25)
        .pair()
    )
    parts += _tail_plane(look, -length + 0.3, 0.28, sweep=0.3)
    for z in np.arange(-0.72, length - 0.62, 0.27):
        parts += body.panel("+x", rectangle(z, 0.14, 0.14, 0.17, 0.07), GLASS).pair()
    screen = rounded([(0.02, 0.13), (0.24, 0.12), (0.2, 0.27), (0.02, 0.29)], 0.05)
    parts += body.panel("+z", screen * (girth / 0.45), GLASS, 0.02).pair()
    engine = lathe([(0.1, -0.36), (0.17, -0.1), (0.19, 0.2), (0.16, 0.27), (0.12, 0.2)], look.third)
    fan = [
        lathe([(0.13, 0.19), (0.13, 0.22)], BLACK),
        lathe([(0.05, 0.2), (0.0, 0.32)], STEEL, detail=16),
    ]
    for part in (engine, *fan):
        parts += part.turn("x", 90).move(0.82, -0.34, 0.32).pair()
    parts += wheels([(0.3, -0.68, -0.1)], 0.15, 0.12, STEEL)
    parts += capsule((0.3, -0.3, -0.1), (0.3, -0.66, -0.1), 0.05, GREY).pair()
    parts += wheels([(0.07, -0.7, length - 0.6)], 0.13, 0.08, STEEL)
    parts += [capsule((0, -0.3, length - 0.6), (0, -0.7, length - 0.6), 0.045, GREY)]
    return Model(parts, details=("two engines",))


def _wing(
    span: float,
    root: float,
    tip: float,
    thick: float,
    paint: Paint,
    sweep: float = 0.0,
    rise: float = 0.0,
) -> Part:
    """The wing at x > 0, rooted at the origin, with the chords `root` and `tip`."""
    lying = Hull.through(
        [(0.0, root / 2, -thick, thick), (span - 0.1, tip / 2, -0.7 * thick, 0.7 * thick)]
        + [(span, 0.36 * tip, -0.5 * thick, 0.5 * thick)],
        power=2.4,
        rounding=0.2,
        bevel=0.3 * thick,
        count=14,
    ).part(paint, 28)

    def bend(points: np.ndarray) -> np.ndarray:
        along = points[:, 0] / span
        points[:, 1] += rise * along
        points[:, 2] -= sweep * along
        return points

    return lying.turn("y", 90).warp(bend)


def _tail_plane(look: Look, z: float, y: float, sweep: float = 0.12) -> list[Part]:
    fin = _wing(0.62, 0.52, 0.36, 0.06, look.main, sweep).turn("z", 90).move(y=y - 0.04, z=z)
    return [fin, *_wing(0.62, 0.42, 0.3, 0.05, look.second, sweep).move(y=y - 0.02, z=z).pair()]


def _cockpit(body: Hull, canopy: bool) -> list[Part]:
    if canopy:
        bubble = ellipsoid(0.26, 0.3, 0.5, GLASS).move(y=0.36, z=0.05)
        return [bubble]
    opening = body.panel("+y", disc(0.0, -0.12, 0.24), BLACK, 0.02)
    ring = torus(0.25, 0.04, Paint((0.35, 0.2, 0.12))).turn("x", -3).move(y=0.41, z=-0.12)
    shield = ellipsoid(0.25, 0.2, 0.04, GLASS, 24).turn("x", -20).move(y=0.45, z=0.16)
    return [opening, ring, shield]


def _propeller(rng: np.random.Generator, look: Look, z: float) -> list[Part]:
    """A cowling ring, a spinner and two or three blades."""
    count, first = int(rng.integers(2, 4)), rng.uniform(0, 360)
    spinner = lathe(
        [(0.13, 0), (0.12, 0.1), (0.07, 0.22), (0.0, 0.27)], look.third, crease=60
    ).turn("x", 90)
    cowl = torus(0.31, 0.08, STEEL).turn("x", 90).move(z=z - 0.06)
    face = cylinder(0.3, 0.06, BLACK).turn("x", 90).move(z=z - 0.05)
    blade = ellipsoid(0.1, 0.36, 0.025, WOOD, 18).turn("y", 18).move(y=0.4)
    blades = [blade.turn("z", first + 360 * i / count).move(z=z + 0.1) for i in range(count)]
    return [cowl, face, spinner.move(z=z), *blades]
