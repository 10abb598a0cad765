"""Cars: vintage ones of the thirties and fifties, hatchbacks and sports cars."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.coachwork import (
    CHASSIS,
    TAIL_LIGHT,
    arches,
    bar_grille,
    bonnet_strip,
    bullet_lamps,
    bumper,
    face,
    fenders,
    lamp,
    roof_rack,
    shield_grille,
    side_windows,
    split_windscreen,
    spoiler,
    stretched,
    tail,
    windscreen,
)
from perflow_demo.training.toyworld.kinds.hull import (
    Hull,
    disc,
    rectangle,
    rounded,
    wheel,
    wheels,
)
from perflow_demo.training.toyworld.kinds.kind import Kind
from perflow_demo.training.toyworld.palette import BLACK, GLASS, LAMP_LIGHT, STEEL, Look
from perflow_demo.training.toyworld.parts import Model, Part
from perflow_demo.training.toyworld.primitives import box, ellipsoid


def car(rng: np.random.Generator, look: Look) -> Model:
    """A vintage car, a hatchback or a sports car."""
    builders = (_thirties, _fifties, _hatchback, _sports)
    return builders[rng.choice(4, p=(0.3, 0.2, 0.28, 0.22))](rng, look)


def _thirties(rng: np.random.Generator, look: Look) -> Model:
    """Upright cabin, long narrow bonnet, swooping fenders, running boards, a spare wheel."""
    nose, tall = rng.uniform(1.5, 1.75), rng.uniform(1.6, 1.74)
    body = Hull.through(
        [(-1.5, 0.42, 0.46, 0.8), (-1.3, 0.58, 0.38, 1.02), (-0.7, 0.64, 0.34, 1.1)]
        + [(0.15, 0.63, 0.34, 1.1), (0.55, 0.47, 0.36, 1.08), (nose, 0.33, 0.42, 1.02)],
        power=3.2,
        rounding=0.45,
    )
    cabin = Hull.through(
        [(-1.36, 0.4, 0.7, 1.05), (-1.2, 0.5, 0.7, 1.4), (-0.8, 0.57, 0.7, tall - 0.04)]
        + [(-0.2, 0.58, 0.7, tall), (0.2, 0.56, 0.7, tall - 0.05), (0.36, 0.55, 0.7, 1.2)],
        power=3.6,
        lean=0.13,
        rounding=0.3,
    )
    front, back, r = nose - 0.32, -0.98, 0.4
    beside_bonnet = rng.random() < 0.5
    parts = [body.part(look.main), cabin.part(look.second), *split_windscreen(cabin, tall)]
    parts += side_windows(cabin, [(-0.98, -0.46), (-0.36, 0.2)], 1.14, tall - 0.17)
    parts.append(cabin.panel("-z", rectangle(0, tall - 0.32, 0.4, 0.22, 0.1), GLASS))
    parts += fenders(look.main, front, back, r, 0.12)
    parts += wheels([(0.62, r, front), (0.62, r, back)], r, 0.22, look.main, white_wall=True)
    parts += _spare_wheels(look, beside_bonnet)
    parts += shield_grille(body, nose)
    parts += bullet_lamps(0.46, 1.0, front + 0.2, 0.165)
    parts += bumper(nose + 0.2, 0.42, 0.72) + bumper(-1.6 if beside_bonnet else -1.78, 0.44, 0.66)
    parts += [box(0.9, 0.2, nose + 1.3, CHASSIS).move(y=0.36, z=(nose - 1.3) / 2)]
    return Model(
        parts,
        noun="vintage car",
        details=(
            "round headlamps",
            "running boards",
            "spare wheels" if beside_bonnet else "a spare wheel",
        ),
        perch=(0.0, tall, -0.4),
    )


def _spare_wheels(look: Look, beside_bonnet: bool) -> list[Part]:
    """One on either side of the bonnet, or one on the back."""
    spare = wheel(0.33, 0.17, look.main, white_wall=True)
    if beside_bonnet:
        return [twin for part in spare for twin in part.move(0.5, 0.78, 0.62).pair()]
    return [part.turn("y", 90).move(0.0, 0.82, -1.6) for part in spare]


def _fifties(rng: np.random.Generator, look: Look) -> Model:
    """A round little saloon with bulging fenders, lamps set into them, much chrome."""
    tall, nose = rng.uniform(1.42, 1.56), rng.uniform(1.42, 1.58)
    body = Hull.through(
        [
            (-1.62, 0.4, 0.4, 0.66),
            (-1.4, 0.58, 0.34, 0.9),
            (-0.9, 0.66, 0.3, 1.0),
            (0.0, 0.67, 0.3, 1.0),
        ]
        + [(0.6, 0.58, 0.3, 0.98), (nose - 0.3, 0.48, 0.32, 0.88), (nose, 0.38, 0.36, 0.66)],
        power=2.7,
        rounding=0.5,
        bevel=0.14,
    )
    cabin = Hull.through(
        [(-1.3, 0.42, 0.6, 0.9), (-1.0, 0.53, 0.6, tall - 0.2), (-0.55, 0.57, 0.6, tall)]
        + [(0.0, 0.57, 0.6, tall - 0.02), (0.32, 0.55, 0.6, tall - 0.22), (0.62, 0.5, 0.6, 0.95)],
        power=3.0,
        lean=0.16,
        rounding=0.45,
    )
    front, back, r = nose - 0.42, -0.95, 0.36
    parts = [body.part(look.main), cabin.part(look.second)]
    parts += [windscreen(cabin, 1.0, tall - 0.15, 0.38)]
    parts += [cabin.panel("-z", rectangle(0, tall - 0.3, 0.62, 0.22, 0.1), GLASS)]
    parts += side_windows(cabin, [(-0.86, -0.36), (-0.27, 0.3)], 1.03, tall - 0.15)
    parts += fenders(look.main, front, back, r, 0.17)
    parts += wheels([(0.64, r, front), (0.64, r, back)], r, 0.2, look.third, white_wall=True)
    for part in lamp(0.15):
        parts += part.move(0.62, r + 0.25, front + 0.58).pair()
    parts += bar_grille(body, 0.58)
    parts += bumper(nose + 0.12, 0.34, 0.76) + bumper(-1.72, 0.36, 0.72)
    parts += [bonnet_strip(body, nose)]
    parts += ellipsoid(0.07, 0.09, 0.06, TAIL_LIGHT, 16).move(0.66, 0.66, back - 0.52).pair()
    return Model(
        parts,
        noun="vintage car",
        details=("round headlamps", "chrome bumpers"),
        perch=(0.0, tall, -0.4),
    )


def _hatchback(rng: np.random.Generator, look: Look) -> Model:
    """A short, tall, friendly modern car."""
    tall, nose = rng.uniform(1.42, 1.6), rng.uniform(1.4, 1.6)
    body = Hull.through(
        [(-1.5, 0.64, 0.3, 0.9), (-1.3, 0.74, 0.24, 0.98), (0.5, 0.74, 0.24, 0.96)]
        + [(nose - 0.35, 0.72, 0.24, 0.86), (nose, 0.6, 0.28, 0.72)],
        power=3.6,
        rounding=0.4,
        bevel=0.13,
    )
    cabin = Hull.through(
        [(-1.46, 0.56, 0.6, 0.98), (-1.26, 0.63, 0.6, tall - 0.1), (-0.8, 0.66, 0.6, tall)]
        + [(0.0, 0.66, 0.6, tall - 0.02), (0.3, 0.64, 0.6, tall - 0.16), (0.85, 0.6, 0.6, 0.92)],
        power=3.8,
        lean=0.2,
        rounding=0.35,
    )
    axles, r = (nose - 0.5, -0.92), 0.34
    parts = [body.part(look.main), cabin.part(look.second)]
    parts += [windscreen(cabin, 0.99, tall - 0.15, 0.5)]
    parts += [cabin.panel("-z", rectangle(0, tall - 0.28, 0.8, 0.3, 0.09), GLASS)]
    parts += side_windows(cabin, [(-1.14, -0.5), (-0.4, 0.3)], 1.0, tall - 0.15)
    parts += arches(body, axles, r)
    parts += wheels([(0.62, r, z) for z in axles], r, 0.26, STEEL)
    parts += face(body, 0.66, 0.4) + tail(body, 0.72, 0.46)
    parts += ellipsoid(0.1, 0.07, 0.06, look.main, 16).move(0.63, 1.0, 0.44).pair()
    details: tuple[str, ...] = ()
    if rng.random() < 0.35:
        parts += roof_rack(tall)
        details = ("a roof rack",)
    return Model(parts, details=details, perch=(0.0, tall + (0.06 if details else 0.0), -0.45))


def _sports(rng: np.random.Generator, look: Look) -> Model:
    """Low and wide, round haunches, often with a spoiler or stripes."""
    tall, nose = rng.uniform(1.06, 1.16), rng.uniform(1.75, 1.9)
    body = Hull.through(
        [(-1.72, 0.66, 0.34, 0.78), (-1.45, 0.8, 0.24, 0.86), (-0.95, 0.84, 0.22, 0.84)]
        + [(-0.2, 0.76, 0.22, 0.76), (0.5, 0.77, 0.22, 0.76), (1.1, 0.82, 0.22, 0.84)]
        + [(nose - 0.2, 0.74, 0.22, 0.6), (nose, 0.6, 0.24, 0.48)],
        power=3.0,
        rounding=0.45,
        bevel=0.1,
    )
    cabin = Hull.through(
        [(-1.4, 0.5, 0.5, 0.82), (-0.9, 0.58, 0.5, tall - 0.1), (-0.45, 0.62, 0.5, tall)]
        + [(-0.1, 0.62, 0.5, tall - 0.02), (0.65, 0.56, 0.5, 0.74)],
        power=3.0,
        lean=0.26,
        rounding=0.5,
    )
    axles, r = (1.08, -1.0), 0.33
    parts = [body.part(look.main), cabin.part(look.second)]
    parts += [windscreen(cabin, 0.79, tall - 0.1, 0.44)]
    parts += [cabin.panel("-z", rectangle(0, tall - 0.15, 0.56, 0.14, 0.05), GLASS)]
    parts += side_windows(cabin, [(-0.85, 0.2)], 0.83, tall - 0.09, slant=0.24)
    parts += arches(body, axles, r)
    parts += wheels([(0.68, r, z) for z in axles], r, 0.28, STEEL)
    parts += [body.panel("+z", rectangle(0, 0.36, 0.62, 0.12, 0.06), BLACK)]
    for x in (0.52, -0.52):
        parts.append(body.panel("+y", stretched(disc(x, nose - 0.33, 0.13), 1.0, 1.5), LAMP_LIGHT))
    parts += tail(body, 0.66, 0.46)
    details = []
    if rng.random() < 0.5:
        parts += spoiler(look.main)
        details.append("a spoiler")
    if rng.random() < 0.5:
        stripe = rounded([(0.05, 0.6), (0.21, 0.6), (0.21, nose - 0.12), (0.05, nose - 0.12)], 0.02)
        parts += body.panel("+y", stripe, look.third, 0.02).pair()
        details.append("racing stripes")
    return Model(parts, noun="sports car", details=tuple(details), perch=(0.0, tall, -0.35))


KINDS = (
    Kind(
        name="car",
        build=car,
        nouns=("car",),
        natural=(
            ("red", "white"),
            ("blue", "white"),
            ("green", "black"),
            ("yellow", "black"),
            ("turquoise", "white"),
        ),
        second_part="a {colour} roof",
        never=("automobile", "vehicle", "oldtimer"),
        finishes=("glossy", "metallic"),
        holds=True,
    ),
)
