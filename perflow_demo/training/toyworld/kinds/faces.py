"""Eyes, and places on a rounded head or body: shared by all creatures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perflow_demo.training.toyworld.palette import BLACK, EYE_WHITE, NOSE, WHITE
from perflow_demo.training.toyworld.parts import Paint, Part, Point
from perflow_demo.training.toyworld.primitives import ROUND, ellipsoid, tube


@dataclass(frozen=True)
class Ball:
    """An ellipsoid whose surface is told by two angles in degrees.

    turn: from the front (+Z) towards its left (+X); lift: above (or below) its middle.
    """

    centre: Point
    radii: Point

    def at(self, turn: float, lift: float, out: float = 1.0) -> Point:
        """The place at `turn` and `lift`; `out` is 1 on the surface, 0 at the centre."""
        yaw, pitch = np.radians([turn, lift])
        ray = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
        x, y, z = np.array(self.centre) + out * ray * np.array(self.radii)
        return float(x), float(y), float(z)

    def stick(self, part: Part, turn: float, lift: float, out: float = 1.0) -> Part:
        """`part` at that place, its +Z pointing away from the centre."""
        return part.turn("x", -lift).turn("y", turn).move(*self.at(turn, lift, out))

    def part(self, paint: Paint, detail: int = ROUND) -> Part:
        return ellipsoid(*self.radii, paint, detail).move(*self.centre)


def eyes(head: Ball, turn: float, lift: float, size: float, pupil: float = 0.75) -> list[Part]:
    """Two eyes at ±turn: whites of radius `size`, pupils `pupil` times as wide, and glints."""
    white = ellipsoid(size, size * 1.1, size * 0.5, EYE_WHITE, 24)
    dark = ellipsoid(size * pupil, size * 1.1 * pupil, size * 0.4, BLACK, 20)
    parts = head.stick(white, turn, lift).pair()
    x, y, z = head.at(turn * 0.96, lift)
    aim = turn * 0.8
    ahead = size * 0.28 * np.array([np.sin(np.radians(aim)), 0.1, np.cos(np.radians(aim))])
    parts += dark.turn("x", -lift * 0.8).turn("y", aim).move(x, y, z).move(*ahead).pair()
    for side in (-1, 1):
        shine = np.array([side * x, y, z]) + ahead * (side, 1, 1) * 2.1
        glint = ellipsoid(*[size * 0.24] * 3, WHITE, 12)
        parts.append(
            glint.move(shine[0] - size * 0.25, shine[1] + size * 0.38, shine[2] - size * 0.06)
        )
    return parts


def smile(muzzle: Ball, width: float, lift: float) -> Part:
    """A curved line across a muzzle: `width` degrees to either side, lowest at `lift`."""
    places = [
        (-width, lift + 12),
        (-width / 2, lift),
        (0, lift - 3),
        (width / 2, lift),
        (width, lift + 12),
    ]
    return tube([muzzle.at(turn, low, 1.0) for turn, low in places], 0.04, NOSE, 10)
