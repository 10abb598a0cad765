"""Samples of a field on a lattice, and one brick of it turned into triangles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from skimage.measure import marching_cubes

CHUNK = 2**13  # points in one call of the field, at most
# Vertices keep this share of an edge from its ends, so that no two fall together. In the decision
# which corners are joined, differences are limited to [SMALL, LARGE] of their usual size; vertices
# themselves stand where the unlimited values have them.
MARGIN, SMALL, LARGE = 5e-4, 1e-2, 1e2
CLOSE = 0.25  # of a cell's own change: how far its samples may be off a level it crosses unseen
UNEQUAL, IRRATIONAL = 1e-3, (0.7548776662, 0.5698402910, 0.3819660113)
SETTLED = 1e-4  # of the usual difference

Field = Callable[[np.ndarray], np.ndarray]


class Lattice:
    """The box's samples by their integer indices; values are relative to the level."""

    def __init__(
        self,
        field: Field,
        level: float,
        resolution: int,
        bounds: np.ndarray,
        rising: Callable[[np.ndarray], np.ndarray],
        closed: bool,
        smooth: bool,
    ) -> None:
        self.field, self.level, self.rising = field, level, rising
        self.closed, self.smooth = closed, smooth
        self.resolution, self.last = resolution, resolution - 1
        self.lower, self.step = bounds[0], (bounds[1] - bounds[0]) / self.last
        # Of values, from the level, near the surface; known once coarse samples are.
        self.usual = np.float32(1)
        self._settled: dict[int, np.float32] = {}

    def place(self, indices: np.ndarray) -> np.ndarray:
        """World points N×3 at indices N×3, fractions allowed."""
        points = indices * self.step
        points += self.lower
        return points

    def evaluate(self, indices: np.ndarray) -> np.ndarray:
        """Field minus level, float32 N, at integer indices N×3."""
        values = np.empty(len(indices), np.float32)
        for start in range(0, len(indices), CHUNK):
            part = indices[start : start + CHUNK]
            values[start : start + CHUNK] = self.field(self.place(part).astype(np.float32))
        values -= np.float32(self.level)
        if self.closed:
            rim = ((indices == 0) | (indices == self.last)).any(1)
            below = -np.float32(1e-3 * (1 + abs(self.level)))
            values[rim] = np.minimum(values[rim], below)
        return values

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Values relative to the level, on the scale where they change evenly in space."""
        level = np.float32(self.level)
        return self.rising(values + level) - self.rising(level)

    def keys(self, indices: np.ndarray) -> np.ndarray:
        """A number for each sample, int64 N, at integer indices N×3."""
        x, y, z = indices.T.astype(np.int64)
        return (x * self.resolution + y) * self.resolution + z

    def settle(self, indices: np.ndarray, values: np.ndarray) -> None:
        """Let the first value hold, in place, for samples that more than one brick evaluates.

        A second evaluation may differ in the last digit; this close to the level it could change
        sides, and the surface would tear between bricks.
        """
        close = np.abs(values) < SETTLED * max(self.usual, abs(self.level))
        for row, key in zip(np.flatnonzero(close), self.keys(indices[close]), strict=True):
            values[row] = self._settled.setdefault(int(key), values[row])


class Brick:
    """The fine samples of one part of the lattice, as far as they are known.

    axes: the indices of its coarse samples along each axis; coarse: their values.
    """

    def __init__(self, lattice: Lattice, axes: list[np.ndarray], coarse: np.ndarray) -> None:
        self.lattice = lattice
        self.origin = np.array([axis[0] for axis in axes])
        self.axes = [axis - axis[0] for axis in axes]
        self.shape = tuple(int(axis[-1]) + 1 for axis in self.axes)
        self.values = np.zeros(self.shape, np.float32)
        self.known = np.zeros(self.shape, bool)
        self.values[np.ix_(*self.axes)] = coarse
        self.known[np.ix_(*self.axes)] = True

    def know(self, cells: np.ndarray, every: int = 1) -> None:
        """Evaluate the samples of these coarse cells; `every`: only each so-many-th an axis."""
        if not cells.any():
            return
        wanted = self._samples(cells) & ~self.known
        if every > 1:
            wanted &= self._every(every)
        local = np.argwhere(wanted)
        indices = local + self.origin
        values = self.lattice.evaluate(indices)
        shared = ((local == 0) | (local == np.array(self.shape) - 1)).any(1)
        border = values[shared]
        self.lattice.settle(indices[shared], border)
        values[shared] = border
        self.values[wanted] = values
        self.known |= wanted

    def close(self, cells: np.ndarray) -> np.ndarray:
        """Those of the coarse cells whose known samples come close to the level."""
        if not cells.any():
            return cells
        values = self.lattice.scaled(self.values)
        low = self._fold(np.minimum, np.where(self.known, values, np.inf))
        high = self._fold(np.maximum, np.where(self.known, values, -np.inf))
        reach = CLOSE * (high - low)
        return cells & (low - reach <= 0) & (high + reach > 0)

    def mixed(self) -> np.ndarray:
        """Coarse cells with known samples on both sides of the level."""
        inside = self.values > 0
        return self._any(self.known & inside) & self._any(self.known & ~inside)

    def mixed_face(self, axis: int, side: int) -> np.ndarray:
        """Likewise of the squares that coarse cells have on one of the brick's outer faces."""
        plane = np.s_[:1] if side < 0 else np.s_[-1:]
        at = tuple(plane if a == axis else np.s_[:] for a in range(3))
        known, inside = self.known[at], self.values[at] > 0
        rest = [a for a in range(3) if a != axis]
        mixed = self._any(known & inside, rest) & self._any(known & ~inside, rest)
        return mixed.squeeze(axis)

    def surface(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Edge keys N (negative inside a cell), fractional indices N×3 float32, faces M×3 int32;
        None for none.

        Marching cubes after Lewiner et al. 2003, "Efficient implementation of marching cubes'
        cases with topological guarantees".
        """
        if not self.mixed().any():
            return None
        mask = np.zeros(self.shape, bool)
        mask[1:, 1:, 1:] = self._fine_cells(cells)
        size = np.clip(np.abs(self.values) / self.lattice.usual, SMALL, LARGE) * self._unequal()
        signed = np.where(self.values > 0, size, -size)
        points, faces, _, _ = marching_cubes(
            signed, 0.0, mask=mask, gradient_direction="ascent", allow_degenerate=True
        )
        keys, points = self._on_edges(points.astype(np.float64))
        return keys, (points + self.origin).astype(np.float32), faces

    def _unequal(self) -> np.ndarray:
        """Factors near 1 that differ from sample to sample, the same in every brick.

        Where the products of a square's opposite corners are equal, marching cubes may decide
        differently on the two sides of the square, and leave a hole.
        """
        x, y, z = np.ix_(
            *(start + np.arange(size) for start, size in zip(self.origin, self.shape, strict=True))
        )
        sums = x * IRRATIONAL[0] + y * IRRATIONAL[1] + z * IRRATIONAL[2]
        return (1 + UNEQUAL * (sums % 1)).astype(np.float32)

    def _on_edges(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Each vertex' edge, and its place there by the values themselves."""
        start = np.floor(points).astype(np.int64)
        fraction = points - start
        on_edge = np.count_nonzero(fraction, axis=1) == 1
        axis = fraction.argmax(1)
        rows = np.flatnonzero(on_edge)
        end = start.copy()
        end[rows, axis[rows]] += 1
        first, second = (self.values[tuple(samples[rows].T)] for samples in (start, end))
        if self.lattice.smooth:
            first, second = self.lattice.scaled(first), self.lattice.scaled(second)
        first, second = first.astype(np.float64), second.astype(np.float64)
        points[rows, axis[rows]] = start[rows, axis[rows]] + np.clip(
            first / (first - second), MARGIN, 1 - MARGIN
        )
        keys = self.lattice.keys(start + self.origin) * 3 + axis
        return np.where(on_edge, keys, -1), points

    def _fine_cells(self, cells: np.ndarray) -> np.ndarray:
        for axis, samples in enumerate(self.axes):
            cells = np.repeat(cells, np.diff(samples), axis)
        return cells

    def _samples(self, cells: np.ndarray) -> np.ndarray:
        """Samples of coarse cells, their faces included."""
        fine = np.pad(self._fine_cells(cells), 1)
        for axis in range(3):
            before, after = (
                tuple(part if a == axis else np.s_[:] for a in range(3))
                for part in (np.s_[:-1], np.s_[1:])
            )
            fine = fine[before] | fine[after]
        return fine

    def _any(self, samples: np.ndarray, axes=(0, 1, 2)) -> np.ndarray:
        """Per coarse cell: whether any of its samples is set, its faces' included."""
        return self._fold(np.logical_or, samples, axes)

    def _fold(self, both: np.ufunc, samples: np.ndarray, axes=(0, 1, 2)) -> np.ndarray:
        """Per coarse cell: all of its samples folded into one, its faces' included."""
        for axis in axes:
            ends = self.axes[axis]
            inner = both.reduceat(samples, ends[:-1], axis)
            samples = both(inner, samples.take(ends[1:], axis))
        return samples

    def _every(self, step: int) -> np.ndarray:
        """Samples at every `step`-th index of each axis, and at coarse ones."""
        chosen = np.zeros(self.shape, bool)
        axes = [np.union1d(axis, np.arange(0, axis[-1], step)) for axis in self.axes]
        chosen[np.ix_(*axes)] = True
        return chosen
