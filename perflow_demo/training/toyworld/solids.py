"""A thing as a solid: what lies inside it, points on its skin, and the colours it has there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numba
import numpy as np
from scipy.ndimage import binary_fill_holes

from perflow_demo.training.toyworld.parts import FINISHES, Part
from perflow_demo.training.toyworld.render import merge
from perflow_demo.training.toyworld.shading import pattern
from perflow_demo.training.toyworld.srgb import decode, encode

CELLS = 64  # along a side of the grid that brings points and faces together
SKIN = 2e-3  # how far off the skin it is asked what lies on either side of a face
VOXELS = 80  # an axis, to find cavities
OFF = 0.5137  # of a voxel: where it is asked, so that no plane of symmetry is hit


class Solid:
    """The union of closed parts within the unit sphere: +Y up, facing +Z."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.mesh = merge(parts)
        self.paints = [part.paint for part in parts]

    def inside(self, points: np.ndarray) -> np.ndarray:
        """Which of the points N×3 lie in any of the parts, or in a cavity that they enclose.

        What is under the coffee in a mug counts as mug: nobody sees that it is empty.
        """
        voxel = np.clip((points + 1) * (VOXELS / 2), 0, VOXELS - 1).astype(np.int64)
        return self._in_parts(points) | self._cavities[tuple(voxel.T)]

    def _in_parts(self, points: np.ndarray) -> np.ndarray:
        """Parts overlap, and a bent one may cut through itself, so neither parity nor normals tell.

        A point is in a part whose surface winds around it, which the faces above the point count,
        each as it faces up or down; parts are closed.
        """
        points = np.asarray(points, np.float64)
        corners = self.mesh.vertices.astype(np.float64)[self.mesh.faces]
        order, starts = _in_cells(points)
        winding = np.zeros((len(points), len(self.paints)), np.int16)
        _count_above(points, order, starts, corners, self.mesh.part_of_face, winding)
        return (winding != 0).any(1)

    @cached_property
    def _cavities(self) -> np.ndarray:
        """Voxels of the box ±1 outside the parts that no way leads to from outside."""
        axis = (np.arange(VOXELS) + OFF) * 2 / VOXELS - 1
        places = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
        solid = self._in_parts(places).reshape(VOXELS, VOXELS, VOXELS)
        return binary_fill_holes(solid) & ~solid

    def skin(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """`count` points on the outside, evenly by area: places and colours (sRGB uint8), N×3.

        What one part hides of another is no outside.
        """
        corners = self.mesh.vertices.astype(np.float64)[self.mesh.faces]
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        area = np.linalg.norm(across, axis=1)
        face = rng.choice(len(area), 3 * count, p=area / area.sum())
        root, share = np.sqrt(rng.random(len(face))), rng.random(len(face))
        weights = np.stack([1 - root, root * (1 - share), root * share], 1)
        places = np.einsum("nc,ncx->nx", weights, corners[face])
        normals = across[face] / area[face, None]
        outside = ~self.inside(places + SKIN * normals) & self.inside(places - SKIN * normals)
        chosen = np.resize(np.flatnonzero(outside), count)  # repeats where there are too few
        colours = self._colours(places[chosen], self.mesh.part_of_face[face[chosen]])
        return places[chosen], colours

    def _colours(self, places: np.ndarray, part: np.ndarray) -> np.ndarray:
        first, second = (
            np.array([decode(getattr(paint, name)) for paint in self.paints])
            for name in ("colour", "second")
        )
        finishes = np.array([FINISHES.index(paint.finish) for paint in self.paints])
        linear = _patterns(places, part, first, second, finishes)
        return np.rint(encode(linear) * 255).astype(np.uint8)


def _in_cells(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The points' order by the cell of the XZ plane they lie over, and where each cell starts."""
    cell = np.clip(((points[:, [0, 2]] + 1) * (CELLS / 2)).astype(np.int64), 0, CELLS - 1)
    key = cell[:, 0] * CELLS + cell[:, 1]
    order = np.argsort(key, kind="stable")
    return order, np.searchsorted(key[order], np.arange(CELLS * CELLS + 1))


@numba.njit(cache=True)
def _side(ax, az, bx, bz, px, pz):
    """On which side of the line a→b p lies; exactly the opposite for b→a, so no gap is left."""
    if ax < bx or (ax == bx and az < bz):
        return (bx - ax) * (pz - az) - (bz - az) * (px - ax) > 0
    return not (ax - bx) * (pz - bz) - (az - bz) * (px - bx) > 0


@numba.njit(cache=True)
def _cell(x):
    return min(max(int((x + 1) * (CELLS / 2)), 0), CELLS - 1)


@numba.njit(cache=True)
def _count_above(points, order, starts, corners, part_of_face, winding):
    """Add to winding (point, part) +1 for each face above a point that faces up, −1 if down."""
    for f in range(corners.shape[0]):
        (ax, ay, az), (bx, by, bz), (cx, cy, cz) = corners[f]
        area = (bz - az) * (cx - ax) - (bx - ax) * (cz - az)
        if area == 0.0:
            continue
        top = max(ay, by, cy)
        first, last = _cell(min(az, bz, cz)), _cell(max(az, bz, cz))
        for column in range(_cell(min(ax, bx, cx)), _cell(max(ax, bx, cx)) + 1):
            start, end = starts[column * CELLS + first], starts[column * CELLS + last + 1]
            for i in range(start, end):
                px, py, pz = points[order[i]]
                if py > top:
                    continue
                one, two = _side(ax, az, bx, bz, px, pz), _side(bx, bz, cx, cz, px, pz)
                if one != two or one != _side(cx, cz, ax, az, px, pz):
                    continue
                v = ((pz - az) * (cx - ax) - (px - ax) * (cz - az)) / area
                w = ((bz - az) * (px - ax) - (bx - ax) * (pz - az)) / area
                if ay + v * (by - ay) + w * (cy - ay) > py:
                    winding[order[i], part_of_face[f]] += 1 if area > 0 else -1


@numba.njit(cache=True)
def _patterns(places, part, first, second, finishes):
    """Albedo N×3 (linear) of places on parts, as the renderer has it."""
    colours = np.empty((len(places), 3))
    for i in range(len(places)):
        p = part[i]
        x, y, z = places[i]
        pattern(finishes[p], x, y, z, first[p], second[p], colours[i])
    return colours
