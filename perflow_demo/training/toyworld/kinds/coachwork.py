"""What cars are fitted with: windows, fenders, lamps, grilles, bumpers."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.hull import Hull, Outline, disc, rectangle, rounded
from perflow_demo.training.toyworld.palette import BLACK, GLASS, LAMP_LIGHT, STEEL
from perflow_demo.training.toyworld.parts import Paint, Part
from perflow_demo.training.toyworld.primitives import box, capsule, ellipsoid, lathe, tube

TAIL_LIGHT = Paint((0.75, 0.05, 0.06), "glossy")
CHASSIS = Paint((0.13, 0.13, 0.14))


def windscreen(cabin: Hull, low: float, high: float, half: float) -> Part:
    narrow = half * (1 - 0.6 * cabin.lean)
    pane = rounded([(-half, low), (half, low), (narrow, high), (-narrow, high)], 0.09)
    return cabin.panel("+z", pane, GLASS)


def split_windscreen(cabin: Hull, tall: float) -> list[Part]:
    low, high = 1.15, tall - 0.16
    pane = rounded([(0.025, low), (0.44, low), (0.39, high), (0.025, high)], 0.06)
    return cabin.panel("+z", pane, GLASS).pair()


def side_windows(
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


def fenders(paint: Paint, front: float, back: float, r: float, thick: float) -> list[Part]:
    """Fenders that swoop over the wheels, joined by running boards."""
    t = thick
    over_front = [(0.46, 0.08, 0.6), (0.4, 0.3, 0.95), (0.16, 0.45, 1), (-0.14, 0.46, 1)]
    over_front += [(-0.42, 0.26, 0.9), (-0.62, 0.0, 0.7), (-0.86, -0.14, 0.4)]
    over_back = [(0.7, -0.14, 0.4), (0.5, 0.08, 0.8), (0.3, 0.34, 1), (0.0, 0.47, 1.05)]
    over_back += [(-0.3, 0.4, 1.05), (-0.48, 0.16, 0.95), (-0.54, -0.06, 0.6)]
    parts = []
    for axle, path in ((front, over_front), (back, over_back)):
        points = [(0.0, r + y, axle + z) for z, y, _ in path]
        arc = tube(points, [t * w for *_, w in path], paint, 12).stretch(x=0.21 / t)
        parts += arc.move(x=0.62).pair()
    board = box(0.42, 0.09, front - back - 1.0, CHASSIS, 0.03)
    return parts + board.move(0.6, r - 0.12, (front + back) / 2 - 0.05).pair()


def arches(body: Hull, axles: tuple[float, ...], r: float) -> list[Part]:
    return [
        part
        for z in axles
        for part in body.panel("+x", arch(z, r, body.stations[:, 2].min()), CHASSIS, 0.012).pair()
    ]


def arch(z: float, r: float, low: float) -> Outline:
    """The dark of a wheel well, cut off above the body's underside."""
    outline = disc(z, r + 0.02, 1.08 * r)
    outline[:, 1] = np.maximum(outline[:, 1], low + 0.07)
    return outline


def lamp(radius: float) -> list[Part]:
    """A round headlamp facing +Z: chrome cup, glowing lens."""
    r = radius
    cup = lathe(
        [(0.0, -1.5 * r), (0.6 * r, -1.1 * r), (0.95 * r, -0.3 * r), (r, 0), (0.9 * r, 0.12 * r)],
        STEEL,
    )
    lens = ellipsoid(0.86 * r, 0.3 * r, 0.86 * r, LAMP_LIGHT, 24).move(y=0.08 * r)
    return [part.turn("x", 90) for part in (cup, lens)]


def bullet_lamps(x: float, y: float, z: float, radius: float) -> list[Part]:
    """Headlamps that stand beside the bonnet, with the bar that carries them."""
    bar = tube([(-x, y - 0.1, z - 0.1), (x, y - 0.1, z - 0.1)], 0.035, STEEL, 10)
    return [bar, *(twin for part in lamp(radius) for twin in part.move(x, y, z).pair())]


def shield_grille(body: Hull, nose: float) -> list[Part]:
    """A tall chrome radiator shell with upright bars."""
    shell = rounded(
        [(-0.2, 0.46), (0.2, 0.46), (0.27, 0.78), (0.2, 0.98), (-0.2, 0.98), (-0.27, 0.78)], 0.12
    )
    middle = shell.mean(0)
    parts = [body.panel("+z", shell, STEEL, 0.04)]
    parts.append(body.panel("+z", middle + 0.82 * (shell - middle), BLACK, 0.05))
    for x in (-0.12, -0.04, 0.04, 0.12):
        reach = 0.19 - 0.35 * abs(x)
        parts.append(
            capsule((x, 0.72 - reach, nose + 0.05), (x, 0.72 + reach, nose + 0.05), 0.018, STEEL)
        )
    parts.append(ellipsoid(0.05, 0.06, 0.09, STEEL, 14).move(y=1.03, z=nose - 0.06))
    return parts


def bar_grille(body: Hull, y: float) -> list[Part]:
    """Three chrome bars across the nose."""
    return [
        body.panel("+z", rectangle(0, y + dy, width, 0.05, 0.025), STEEL, 0.03)
        for dy, width in ((-0.1, 0.62), (0.0, 0.54), (0.1, 0.42))
    ]


def bonnet_strip(body: Hull, nose: float) -> Part:
    strip = rounded([(-0.02, 0.66), (0.02, 0.66), (0.03, nose - 0.1), (-0.03, nose - 0.1)], 0.015)
    return body.panel("+y", strip, STEEL, 0.02)


def bumper(z: float, y: float, half: float) -> list[Part]:
    """A bowed chrome bumper, bulging away from the car."""
    bow = -0.12 if z > 0 else 0.12
    line = [(-half, y, z + 1.6 * bow), (-0.7 * half, y, z + 0.5 * bow), (0.0, y, z)]
    line += [(-x, y, depth) for x, y, depth in line[1::-1]]
    horn = ellipsoid(0.045, 0.1, 0.05, STEEL, 14).move(0.3, y, z + 0.2 * bow)
    return [tube(line, 0.055, STEEL, 12), *horn.pair()]


def face(body: Hull, lamp_y: float, grille_y: float) -> list[Part]:
    """Headlamps and a smiling air intake."""
    mouth = rounded(
        [
            (-0.3, grille_y + 0.08),
            (-0.22, grille_y - 0.07),
            (0.22, grille_y - 0.07),
            (0.3, grille_y + 0.08),
        ],
        0.08,
    )
    eye = stretched(disc(0.44, lamp_y, 0.11), 1.15, 1.0)
    return [
        body.panel("+z", mouth, CHASSIS, 0.012),
        *body.panel("+z", stretched(eye, 1.2, 1.2), BLACK, 0.012).pair(),
        *body.panel("+z", eye, LAMP_LIGHT, 0.03).pair(),
    ]


def tail(body: Hull, lamp_y: float, x: float) -> list[Part]:
    plate = rectangle(0, lamp_y - 0.22, 0.3, 0.12, 0.02)
    lamp = body.panel("-z", rectangle(x, lamp_y, 0.2, 0.13, 0.05), TAIL_LIGHT, 0.02)
    return [body.panel("-z", plate, STEEL), *lamp.pair()]


def roof_rack(tall: float) -> list[Part]:
    rail = tube(
        [
            (0.38, tall - 0.04, -1.0),
            (0.38, tall + 0.07, -0.85),
            (0.38, tall + 0.07, -0.05),
            (0.38, tall - 0.06, 0.1),
        ],
        0.03,
        STEEL,
        10,
    )
    bars = [
        tube([(-0.38, tall + 0.07, z), (0.38, tall + 0.07, z)], 0.025, STEEL, 10)
        for z in (-0.75, -0.2)
    ]
    return [*rail.pair(), *bars]


def spoiler(paint: Paint) -> list[Part]:
    post = box(0.05, 0.24, 0.14, CHASSIS, 0.02).move(0.5, 0.86, -1.5)
    return [box(1.5, 0.06, 0.3, paint, 0.03).turn("x", -6).move(y=0.98, z=-1.54), *post.pair()]


def stretched(outline: Outline, x: float, y: float) -> Outline:
    middle = outline.mean(0)
    return middle + (outline - middle) * np.array([x, y])
