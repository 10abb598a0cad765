"""Cars: vintage ones of the thirties and fifties, hatchbacks and sports cars."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.hull import (
    Hull,
    Outline,
    disc,
    rectangle,
    rounded,
    wheel,
    wheels,
)
from perflow_demo.training.toyworld.kinds.kind import Kind
from perflow_demo.training.toyworld.palette import BLACK, GLASS, LAMP_LIGHT, STEEL, Look
from perflow_demo.training.toyworld.parts import Model, Paint, Part
from perflow_demo.training.toyworld.primitives import box, capsule, ellipsoid, lathe, tube

TAIL_LIGHT = Paint((0.75, 0.05, 0.06), "glossy")
CHASSIS = Paint((0.13, 0.13, 0.14))


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
    side = rng.random() < 0.5
    spare = (
        wheel(0.33, 0.17, look.main, white_wall=True)
        if side
        else [p.turn("y", 90) for p in wheel(0.33, 0.17, look.main, white_wall=True)]
    )
    place = (0.5, 0.78, 0.62) if side else (0.0, 0.82, -1.6)
    parts = [body.part(look.main), cabin.part(look.second), *_split_windscreen(cabin, tall)]
    parts += _side_windows(cabin, [(-0.98, -0.46), (-0.36, 0.2)], 1.14, tall - 0.17)
    parts.append(cabin.panel("-z", rectangle(0, tall - 0.32, 0.4, 0.22, 0.1), GLASS))
    parts += _fenders(look.main, front, back, r, 0.12)
    parts += wheels([(0.62, r, front), (0.62, r, back)], r, 0.22, look.main, white_wall=True)
    parts += [p for part in spare for p in ([part.move(*place)] if not side else part.move(*place).pair())]
    parts += _shield_grille(body, nose)
    parts += _bullet_lamps(0.46, 1.0, front + 0.2, 0.165)
    parts += _bumper(nose + 0.2, 0.42, 0.72) + _bumper(-1.6 if side else -1.78, 0.44, 0.66)
    parts += [box(0.9, 0.2, nose + 1.3, CHASSIS).move(y=0.36, z=(nose - 1.3) / 2)]
    return Model(
        parts,
        noun="vintage car",
        details=("round headlamps", "running boards", "spare wheels" if side else "a spare wheel"),
        perch=(0.0, tall, -0.4),
    )


def _fifties(rng: np.random.Generator, look: Look) -> Model:
    """A round little saloon with bulging fenders, lamps set into them, much chrome."""
    tall, nose = rng.uniform(1.42, 1.56), rng.uniform(1.42, 1.58)
    body = Hull.through(
        [(-1.62, 0.4, 0.4, 0.66), (-1.4, 0.58, 0.34, 0.9), (-0.9, 0.66, 0.3, 1.0), (0.0, 0.67, 0.3, 1.0)]
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
    parts += [_windscreen(cabin, 1.0, tall - 0.15, 0.38)]
    parts += [cabin.panel("-z", rectangle(0, tall - 0.3, 0.62, 0.22, 0.1), GLASS)]
    parts += _side_windows(cabin, [(-0.86, -0.36), (-0.27, 0.3)], 1.03, tall - 0.15)
    parts += _fenders(look.main, front, back, r, 0.17)
    parts += wheels([(0.64, r, front), (0.64, r, back)], r, 0.2, look.third, white_wall=True)
    for lamp in _lamp(0.15):
        parts += lamp.move(0.62, r + 0.25, front + 0.58).pair()
    parts += _bar_grille(body, 0.58)
    parts += _bumper(nose + 0.12, 0.34, 0.76) + _bumper(-1.72, 0.36, 0.72)
    parts += [_bonnet_strip(body, nose)]
    for lamp in [ellipsoid(0.07, 0.09, 0.06, TAIL_LIGHT, 16).move(0.66, 0.66, back - 0.52)]:
        parts += lamp.pair()
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
    parts += [_windscreen(cabin, 0.99, tall - 0.15, 0.5)]
    parts += [cabin.panel("-z", rectangle(0, tall - 0.28, 0.8, 0.3, 0.09), GLASS)]
    parts += _side_windows(cabin, [(-1.14, -0.5), (-0.4, 0.3)], 1.0, tall - 0.15)
    parts += _arches(body, axles, r)
    parts += wheels([(0.62, r, z) for z in axles], r, 0.26, STEEL)
    parts += _face(body, 0.66, 0.4) + _tail(body, 0.72, 0.46)
    parts += ellipsoid(0.1, 0.07, 0.06, look.main, 16).move(0.68, 1.0, 0.5).pair()
    details: tuple[str, ...] = ()
    if rng.random() < 0.35:
        parts += _roof_rack(tall)
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
    parts += [_windscreen(cabin, 0.79, tall - 0.1, 0.44)]
    parts += [cabin.panel("-z", rectangle(0, tall - 0.15, 0.56, 0.14, 0.05), GLASS)]
    parts += _side_windows(cabin, [(-0.85, 0.2)], 0.83, tall - 0.09, slant=0.24)
    parts += _arches(body, axles, r)
    parts += wheels([(0.68, r, z) for z in axles], r, 0.28, STEEL)
    parts += [body.panel("+z", rectangle(0, 0.36, 0.62, 0.12, 0.06), BLACK)]
    for x in (0.52, -0.52):
        parts.append(body.panel("+y", _stretched(disc(x, nose - 0.33, 0.13), 1.0, 1.5), LAMP_LIGHT))
    parts += _tail(body, 0.66, 0.46)
    details = []
    if rng.random() < 0.5:
        parts += _spoiler(look.main)
        details.append("a spoiler")
    if rng.random() < 0.5:
        stripe = rounded([(0.05, 0.6), (0.21, 0.6), (0.21, nose - 0.12), (0.05, nose - 0.12)], 0.02)
        parts += body.panel("+y", stripe, look.third, 0.01).pair()
        details.append("racing stripes")
    return Model(parts, noun="sports car", details=tuple(details), perch=(0.0, tall, -0.35))


def _windscreen(cabin: Hull, low: float, high: float, half: float) -> Part:
    narrow = half * (1 - 0.6 * cabin.lean)
    pane = rounded([(-half, low), (half, low), (narrow, high), (-narrow, high)], 0.09)
    return cabin.panel("+z", pane, GLASS)


def _split_windscreen(cabin: Hull, tall: float) -> list[Part]:
    low, high = 1.15, tall - 0.16
    pane = rounded([(0.025, low), (0.44, low), (0.39, high), (0.025, high)], 0.06)
    return cabin.panel("+z", pane, GLASS).pair()


def _side_windows(
    cabin: Hull, spans: list[tuple[float, float]], low: float, high: float, slant: float = 0.1
) -> list[Part]:
    """Panes between z limits; the hindmost and foremost edges follow the slope of the roof."""
    parts = []
    for i, (back, front) in enumerate(spans):
        top_back = back + (slant if i == 0 else 0.0)
        top_front = front - (slant if i == len(spans) - 1 else 0.0)
        pane = rounded([(back, low), (front, low), (top_front, high), (top_back, high)], 0.09)
        parts += cabin.panel("+x", pane, GLASS).pair()
    return parts


def _fenders(paint: Paint, front: float, back: float, r: float, thick: float) -> list[Part]:
    """Fenders that swoop over the wheels, joined by running boards."""
    t = thick
    over_front = [(0.46, 0.08, 0.6), (0.4, 0.3, 0.95), (0.16, 0.45, 1), (-0.14, 0.46, 1)]
    over_front += [(-0.42, 0.26, 0.9), (-0.62, 0.0, 0.7), (-0.86, -0.14, 0.4)]
    over_back = [(0.7, -0.14, 0.4), (0.5, 0.08, 0.8), (0.3, 0.34, 1), (0.0, 0.47, 1.05)]
    over_back += [(-0.3, 0.4, 1.05), (-0.48, 0.16, 0.95), (-0.54, -0.06, 0.6)]
    parts = []
    for axle, path in ((front, over_front), (back, over_back)):
        points = [(0.0, r + y, axle + z) for z, y, _ in path]
        arc = tube(points, [t * w for *_, w in path], paint, 14).stretch(x=0.21 / t)
        parts += arc.move(x=0.62).pair()
    board = box(0.42, 0.09, front - back - 1.0, CHASSIS, 0.03)
    return parts + board.move(0.6, r - 0.12, (front + back) / 2 - 0.05).pair()


def _arches(body: Hull, axles: tuple[float, ...], r: float) -> list[Part]:
    return [
        part
        for z in axles
        for part in body.panel("+x", _arch(z, r, body.stations[:, 2].min()), CHASSIS, 0.012).pair()
    ]


def _arch(z: float, r: float, low: float) -> Outline:
    """The dark of a wheel well, cut off above the body's underside."""
    outline = disc(z, r + 0.02, 1.08 * r)
    outline[:, 1] = np.maximum(outline[:, 1], low + 0.07)
    return outline


def _lamp(radius: float) -> list[Part]:
    """A round headlamp facing +Z: chrome cup, glowing lens."""
    r = radius
    cup = lathe([(0.0, -1.5 * r), (0.6 * r, -1.1 * r), (0.95 * r, -0.3 * r), (r, 0), (0.9 * r, 0.12 * r)], STEEL)
    lens = ellipsoid(0.86 * r, 0.3 * r, 0.86 * r, LAMP_LIGHT, 24).move(y=0.08 * r)
    return [part.turn("x", 90) for part in (cup, lens)]


def _bullet_lamps(x: float, y: float, z: float, radius: float) -> list[Part]:
    """Headlamps that stand beside the bonnet, with the bar that carries them."""
    bar = tube([(-x, y - 0.1, z - 0.1), (x, y - 0.1, z - 0.1)], 0.035, STEEL, 10)
    return [bar, *(twin for part in _lamp(radius) for twin in part.move(x, y, z).pair())]


def _shield_grille(body: Hull, nose: float) -> list[Part]:
    """A tall chrome radiator shell with upright bars."""
    shell = rounded([(-0.2, 0.46), (0.2, 0.46), (0.27, 0.78), (0.2, 0.98), (-0.2, 0.98), (-0.27, 0.78)], 0.12)
    middle = shell.mean(0)
    parts = [body.panel("+z", shell, STEEL, 0.04)]
    parts.append(body.panel("+z", middle + 0.82 * (shell - middle), BLACK, 0.05))
    for x in (-0.12, -0.04, 0.04, 0.12):
        reach = 0.19 - 0.35 * abs(x)
        parts.append(capsule((x, 0.72 - reach, nose + 0.05), (x, 0.72 + reach, nose + 0.05), 0.018, STEEL))
    parts.append(ellipsoid(0.05, 0.06, 0.09, STEEL, 14).move(y=1.03, z=nose - 0.06))
    return parts


def _bar_grille(body: Hull, y: float) -> list[Part]:
    """Three chrome bars across the nose."""
    return [
        body.panel("+z", rectangle(0, y + dy, width, 0.05, 0.025), STEEL, 0.03)
        for dy, width in ((-0.1, 0.62), (0.0, 0.54), (0.1, 0.42))
    ]


def _bonnet_strip(body: Hull, nose: float) -> Part:
    strip = rounded([(-0.02, 0.66), (0.02, 0.66), (0.03, nose - 0.1), (-0.03, nose - 0.1)], 0.015)
    return body.panel("+y", strip, STEEL, 0.02)


def _bumper(z: float, y: float, half: float) -> list[Part]:
    """A bowed chrome bumper, bulging away from the car."""
    bow = -0.12 if z > 0 else 0.12
    line = [(-half, y, z + 1.6 * bow), (-0.7 * half, y, z + 0.5 * bow), (0.0, y, z)]
    line += [(-x, y, depth) for x, y, depth in line[1::-1]]
    horn = ellipsoid(0.045, 0.1, 0.05, STEEL, 14).move(0.3, y, z + 0.2 * bow)
    return [tube(line, 0.055, STEEL, 12), *horn.pair()]


def _face(body: Hull, lamp_y: float, grille_y: float) -> list[Part]:
    """Headlamps and a smiling air intake."""
    mouth = rounded([(-0.3, grille_y + 0.08), (-0.22, grille_y - 0.07), (0.22, grille_y - 0.07), (0.3, grille_y + 0.08)], 0.08)
    eye = _stretched(disc(0.44, lamp_y, 0.11), 1.15, 1.0)
    return [
        body.panel("+z", mouth, CHASSIS, 0.012),
        *body.panel("+z", _stretched(eye, 1.2, 1.2), BLACK, 0.012).pair(),
        *body.panel("+z", eye, LAMP_LIGHT, 0.03).pair(),
    ]


def _tail(body: Hull, lamp_y: float, x: float) -> list[Part]:
    plate = rectangle(0, lamp_y - 0.22, 0.3, 0.12, 0.02)
    lamp = body.panel("-z", rectangle(x, lamp_y, 0.2, 0.13, 0.05), TAIL_LIGHT, 0.02)
    return [body.panel("-z", plate, STEEL), *lamp.pair()]


def _roof_rack(tall: float) -> list[Part]:
    rail = tube([(0.38, tall - 0.04, -1.0), (0.38, tall + 0.07, -0.85), (0.38, tall + 0.07, -0.05), (0.38, tall - 0.06, 0.1)], 0.03, STEEL, 10)
    bars = [tube([(-0.38, tall + 0.07, z), (0.38, tall + 0.07, z)], 0.025, STEEL, 10) for z in (-0.75, -0.2)]
    return [*rail.pair(), *bars]


def _spoiler(paint: Paint) -> list[Part]:
    post = box(0.05, 0.24, 0.14, CHASSIS, 0.02).move(0.5, 0.86, -1.5)
    return [box(1.5, 0.06, 0.3, paint, 0.03).turn("x", -6).move(y=0.98, z=-1.54), *post.pair()]


def _stretched(outline: Outline, x: float, y: float) -> Outline:
    middle = outline.mean(0)
    return middle + (outline - middle) * np.array([x, y])


KINDS = (
    Kind(
        name="car",
        build=car,
        nouns=("car",),
        natural=(("red", "white"), ("blue", "white"), ("green", "black"), ("yellow", "black"), ("turquoise", "white")),
        second_part="a {colour} roof",
        never=("automobile", "vehicle", "oldtimer"),
        finishes=("glossy", "metallic"),
        holds=True,
    ),
)
