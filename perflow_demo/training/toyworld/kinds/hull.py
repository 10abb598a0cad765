"""Smooth vehicle bodies lofted along Z, panels that lie on them, and the wheels below them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from perflow_demo.training.toyworld.palette import RUBBER, STEEL, WHITE
from perflow_demo.training.toyworld.parts import Paint, Part, smooth_normals
from perflow_demo.training.toyworld.primitives import ellipsoid, lathe

Outline = np.ndarray  # N×2, a closed line without its first point repeated


@dataclass(frozen=True)
class Hull:
    """A closed body whose cross-sections across Z are superellipses.

    stations: M×4 rows (z, half width, lowest y, highest y) with z ascending; power: 2 is an
    ellipse, larger is boxier; lean: by what fraction the top is narrower than the bottom.
    """

    stations: np.ndarray
    power: float
    lean: float

    @classmethod
    def through(
        cls,
        rows: Sequence[Sequence[float]],
        power: float = 3.0,
        lean: float = 0.0,
        rounding: float = 0.15,
        bevel: float = 0.08,
        count: int = 28,
    ) -> Hull:
        """A hull along the polyline of `rows` (z, half width, low, high; z ascending).

        rounding: length over which the polyline's corners are smoothed; bevel: radius of the
        edges of the flat ends.
        """
        z, columns = _smooth_polyline(np.array(rows, float), rounding)
        angle = np.linspace(0, np.pi / 2, 6)
        margin, inset = bevel * (1 - np.cos(angle)), bevel * (1 - np.sin(angle))
        middle = np.linspace(z[0] + bevel, z[-1] - bevel, count)[1:-1]
        at = np.concatenate([z[0] + margin, middle, z[-1] - margin[::-1]])
        inset = np.concatenate([inset, 0 * middle, inset[::-1]])
        width, low, high = (np.interp(at, z, column) for column in columns.T)
        return cls(np.stack([at, width - inset, low + inset, high - inset], -1), power, lean)

    def part(self, paint: Paint, detail: int = 36) -> Part:
        """The hull's surface."""
        turn = 2 * np.pi * np.arange(detail) / detail
        across, up = (
            np.sign(f) * np.abs(f) ** (2 / self.power) for f in (np.cos(turn), np.sin(turn))
        )
        z, width, low, high = (column[:, None] for column in self.stations.T)
        y = (low + high) / 2 + (high - low) / 2 * up
        x = width * across * (1 - self.lean * (1 + up) / 2)
        rings = np.stack([x, y, z + 0 * x], -1)
        return loft(rings, paint)

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Which of the points …×3 lie inside."""
        x, y, z = np.moveaxis(points, -1, 0)
        at, *columns = self.stations.T
        width, low, high = (np.interp(z, at, column) for column in columns)
        height = (y - low) / (high - low)
        width = width * (1 - self.lean * np.clip(height, 0, 1))
        section = np.abs(x / width) ** self.power + np.abs(2 * height - 1) ** self.power
        return (section < 1) & (z > at[0]) & (z < at[-1])

    def panel(self, side: str, outline: Outline, paint: Paint, thickness: float = 0.015) -> Part:
        """A thin plate that follows the surface: a window, a stripe, a lamp.

        side: '+x', '-x', '+y', '+z' or '-z', whence it is seen; outline: N×2 in the plane of that
        side, as (z, y), (z, y), (x, z), (x, y), (x, y).
        """
        sign, axis = (-1 if side[0] == "-" else 1), "xyz".index(side[1])
        plane = {0: (2, 1), 1: (0, 2), 2: (0, 1)}[axis]
        centre = outline.mean(0)
        reach = np.array([0.0, 0.35, 0.7, 0.95, 1.0, 1.0])
        lift = thickness * np.array([1.0, 1.0, 1.0, 1.0, 0.4, -1.5])
        flat = centre + reach[:, None, None] * (outline - centre)
        points = np.zeros((*flat.shape[:2], 3))
        points[..., plane[0]], points[..., plane[1]] = flat[..., 0], flat[..., 1]
        points[..., axis] = self._surface(points, axis, sign) + sign * lift[:, None]
        return loft(points[1:], paint, first=points[0, 0])

    def _surface(self, points: np.ndarray, axis: int, sign: int) -> np.ndarray:
        """Where the lines through `points` along `axis` leave the hull, by bisection."""
        z, width, low, high = self.stations.T
        if axis == 1:
            inner = np.interp(points[..., 2], z, (low + high) / 2)
        else:
            inner = np.full(points.shape[:-1], 0.0 if axis == 0 else z.mean())
        outer = np.full_like(inner, sign * (width.max(), high.max(), z[-1])[axis])
        if axis == 2 and sign < 0:
            outer[:] = z[0]
        probe = points.copy()
        for _ in range(24):
            middle = (inner + outer) / 2
            probe[..., axis] = middle
            hit = self.contains(probe)
            inner, outer = np.where(hit, middle, inner), np.where(hit, outer, middle)
        return inner


def loft(rings: np.ndarray, paint: Paint, first: np.ndarray | None = None) -> Part:
    """A closed smooth surface through rings S×R×3, ending in their centres (or in `first`)."""
    count, detail = rings.shape[:2]
    ends = [rings[0].mean(0) if first is None else first, rings[-1].mean(0)]
    vertices = np.concatenate([rings.reshape(-1, 3), ends]).astype(np.float32)
    i, j = (g.ravel() for g in np.meshgrid(np.arange(count - 1), np.arange(detail), indexing="ij"))
    a, b = i * detail + j, i * detail + (j + 1) % detail
    rim, after = np.arange(detail), (np.arange(detail) + 1) % detail
    last, base = (count - 1) * detail, count * detail
    faces = np.concatenate(
        [
            np.stack([a, b, b + detail], -1),
            np.stack([a, b + detail, a + detail], -1),
            np.stack([rim * 0 + base, after, rim], -1),
            np.stack([rim * 0 + base + 1, last + rim, last + after], -1),
        ]
    ).astype(np.int32)
    p, q, r = (vertices[faces[:, k]] for k in range(3))
    if np.einsum("ij,ij->", p, np.cross(q, r)) < 0:
        faces = faces[:, ::-1]
    return Part(vertices, smooth_normals(vertices, faces), faces, paint)


def rounded(corners: Sequence[tuple[float, float]], radius: float, count: int = 32) -> Outline:
    """The polygon through `corners` with rounded corners, as `count` points at equal distances."""
    points = np.array(corners, float)
    before, after = np.roll(points, 1, 0) - points, np.roll(points, -1, 0) - points
    lengths = [np.linalg.norm(side, axis=1, keepdims=True) for side in (before, after)]
    start = points + before / lengths[0] * np.minimum(radius, lengths[0] * 0.499)
    end = points + after / lengths[1] * np.minimum(radius, lengths[1] * 0.499)
    t = np.linspace(0, 1, 7)[None, :, None]
    curve = (1 - t) ** 2 * start[:, None] + 2 * t * (1 - t) * points[:, None] + t**2 * end[:, None]
    line = curve.reshape(-1, 2)
    line = np.concatenate([line, line[:1]])
    travelled = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.linspace(0, travelled[-1], count, endpoint=False)
    return np.stack([np.interp(at, travelled, line[:, k]) for k in range(2)], -1)


def disc(x: float, y: float, radius: float, count: int = 32) -> Outline:
    turn = 2 * np.pi * np.arange(count) / count
    return np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], -1)


def rectangle(x: float, y: float, width: float, height: float, radius: float = 0.05) -> Outline:
    """A rounded rectangle centred on (x, y)."""
    w, h = width / 2, height / 2
    return rounded([(x - w, y - h), (x + w, y - h), (x + w, y + h), (x - w, y + h)], radius)


def wheel(radius: float, width: float, rim: Paint, white_wall: bool = False) -> list[Part]:
    """A wheel around the origin with its axle along X and its outer face towards +X."""
    r, w = radius, width / 2
    tyre = [(0.86 * r, -w), (0.96 * r, -0.8 * w), (r, -0.4 * w), (r, 0.4 * w), (0.96 * r, 0.8 * w)]
    tyre += [(0.86 * r, w), (0.66 * r, w), (0.6 * r, 0.7 * w)]
    rim_line = [
        (0.64 * r, 0.3 * w),
        (0.64 * r, 1.02 * w),
        (0.57 * r, 1.16 * w),
        (0.46 * r, 1.02 * w),
    ]
    parts = [
        lathe(tyre, RUBBER, detail=24),
        lathe(rim_line, rim, detail=24),
        ellipsoid(0.27 * r, 0.35 * w, 0.27 * r, STEEL, detail=12).move(y=1.05 * w),
    ]
    if white_wall:
        ring = [(0.87 * r, 0.5 * w), (0.87 * r, 1.0 * w), (0.82 * r, 1.06 * w), (0.6 * r, 1.0 * w)]
        parts.append(lathe(ring, WHITE, detail=24))
    return [part.turn("z", -90) for part in parts]


def wheels(
    at: Sequence[tuple[float, float, float]],
    radius: float,
    width: float,
    rim: Paint,
    **options: bool,
) -> list[Part]:
    """Wheels at the points (x > 0, y, z) and their mirror images."""
    return [
        twin
        for point in at
        for part in wheel(radius, width, rim, **options)
        for twin in part.move(*point).pair()
    ]


def _smooth_polyline(rows: np.ndarray, rounding: float) -> tuple[np.ndarray, np.ndarray]:
    """Points densely along the polyline, its corners smoothed over the length `rounding`."""
    steps = np.linalg.norm(np.diff(rows, axis=0), axis=1)
    travelled = np.concatenate([[0], np.cumsum(steps)])
    at = np.linspace(0, travelled[-1], 240)
    dense = np.stack([np.interp(at, travelled, column) for column in rows.T], -1)
    reach = max(1, round(rounding / travelled[-1] * len(at) / 2))
    window = np.hanning(2 * reach + 3)[1:-1]
    padded = np.concatenate(
        [2 * dense[:1] - dense[reach:0:-1], dense, 2 * dense[-1:] - dense[-2 : -reach - 2 : -1]]
    )
    smooth = np.stack([np.convolve(c, window / window.sum(), "valid") for c in padded.T], -1)
    return smooth[:, 0], smooth[:, 1:]
