"""The surface where a field crosses a level, evaluated only near that surface.

A coarse lattice (every fourth sample; every one at low resolutions) is evaluated first. Bricks of
about 32×32×32 cells then get their fine samples, but only in coarse cells the surface crosses;
where a crossing leaves a cell through a face, the cell behind that face follows, so a surface once
touched is found whole. Cells that come near the level without crossing it are probed at every
second sample, and in full where that comes closer, so that small parts are not lost between coarse
samples. Memory holds the coarse
lattice, one brick and the surface.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
from scipy.ndimage import maximum_filter

from perflow_demo.geometry.bricks import Brick, Field, Lattice

COARSE = 64  # samples an axis of the coarse lattice, where that is no more than every
STRIDE = 4  # fourth sample
BRICK = 32  # fine cells along a brick, or a little less
REACH = 0.5  # of the steepest change nearby: how far a cell's corners may be off the level
COARSE_SHARE = 0.2  # of the whole progress

Progress = Callable[[float], None]


def working_bytes(resolution: int) -> int:
    """About how many bytes an extraction and `mesh.finished` take at most, for an object that fills
    the box.

    The coarse lattice with its classification, and a surface with what its care takes: for the box
    itself at 256, 340 MB were measured, for a ball 125, of which its extraction took 50 and 22.
    """
    coarse = resolution // min(max(resolution // COARSE, 1), STRIDE) + 1
    return 32 * coarse**3 + 5000 * resolution**2


def extract_surface(
    field: Field,
    level: float,
    resolution: int,
    bounds: np.ndarray,
    *,
    rising: Callable[[np.ndarray], np.ndarray] | None = None,
    closed: bool = False,
    smooth: bool = False,
    progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Vertices N×3 (float64, world) and faces M×3 (int32), their normals towards lower values.

    field: points N×3 (float32, world) → N finite values; higher is inside. N is limited.
    resolution: samples along each axis of the box, 2 or more, the box's faces included.
    bounds: 2×3, the box's lower and upper corner.
    rising: a rising function of values that makes them about linear in space, to judge what is near
        (a logarithm for exponential densities).
    closed: counts the box's faces as outside, so that the surface ends there and has no rim.
    smooth: vertices stand where values scaled by `rising` cross the level between two samples; else
        where the values do, as usual, which is in steps where they change a thousandfold there.
    progress: told the share done, from 0 to 1, between slabs and bricks; what it raises ends the
        extraction.
    Returns empty arrays where nothing crosses the level. Same surface as marching cubes on all
    resolution³ samples, but for parts too thin to show at every fourth sample or nearby.
    """
    if resolution < 2:
        raise ValueError(f"a box needs 2 samples an axis, not {resolution}")
    box = np.asarray(bounds, np.float64)
    lattice = Lattice(field, level, resolution, box, rising or np.positive, closed, smooth)
    return _Extraction(lattice, progress or (lambda share: None)).run()


class _Extraction:
    """One run: the coarse lattice, then bricks until no crossing leads into an unseen cell."""

    def __init__(self, lattice: Lattice, progress: Progress) -> None:
        self.lattice, self.progress = lattice, progress
        self.stride = min(max(lattice.resolution // COARSE, 1), STRIDE)
        self.side = BRICK // self.stride  # coarse cells along a brick
        cells_an_axis = -(-lattice.last // self.stride)
        self.bricks_an_axis = -(-cells_an_axis // self.side)
        # Cut off at the box's end, where the last cell may be smaller.
        self.axis = np.minimum(np.arange(cells_an_axis + 1) * self.stride, lattice.last)

    def run(self) -> tuple[np.ndarray, np.ndarray]:
        self.coarse = self._evaluate_coarse()
        self.active, self.near = self._classify()
        self.lattice.usual = self._usual_difference()
        waiting = deque(np.argwhere(self._in_bricks(self.active | self.near)))
        queued = {tuple(brick) for brick in waiting}
        pieces: dict[tuple[int, ...], tuple | None] = {}
        done, total, share = 0, len(waiting), COARSE_SHARE
        while waiting:
            brick = tuple(int(i) for i in waiting.popleft())
            queued.discard(brick)
            pieces[brick], reached = self._polygonise(brick)
            added = [other for other in reached if other not in queued]
            queued.update(added)
            waiting.extend(added)
            done, total = done + 1, total + len(added)
            share = max(share, COARSE_SHARE + (1 - COARSE_SHARE) * done / total)
            self.progress(share)
        found = [piece for piece in pieces.values() if piece is not None]
        pieces.clear()
        return self._join(found)

    def _evaluate_coarse(self) -> np.ndarray:
        """Values at coarse samples, C C C."""
        count = len(self.axis)
        coarse = np.empty((count, count, count), np.float32)
        plane = np.stack(np.meshgrid(self.axis, self.axis, indexing="ij"), -1).reshape(-1, 2)
        for i, x in enumerate(self.axis):
            indices = np.column_stack([np.full(len(plane), x), plane])
            coarse[i] = self.lattice.evaluate(indices).reshape(count, count)
            self.progress(COARSE_SHARE * (i + 1) / count)
        return coarse

    def _classify(self) -> tuple[np.ndarray, np.ndarray]:
        """Which coarse cells the surface crosses, and which it may cross unseen."""
        low, high = _corners(self.coarse, np.minimum), _corners(self.coarse, np.maximum)
        crossing = (low <= 0) & (high > 0)
        low, high = self.lattice.scaled(low), self.lattice.scaled(high)
        reach = maximum_filter(high - low, size=3, mode="nearest")
        reach *= REACH
        return crossing, (low <= reach) & (high > -reach) & ~crossing

    def _usual_difference(self) -> np.float32:
        """A usual distance of values from the level; one number for all bricks."""
        low, high = _corners(self.coarse, np.minimum), _corners(self.coarse, np.maximum)
        cells = self.active if self.active.any() else np.ones_like(self.active)
        usual = np.median(np.concatenate([-low[cells], high[cells]]))
        return np.float32(max(abs(usual), np.finfo(np.float32).tiny))

    def _in_bricks(self, cells: np.ndarray) -> np.ndarray:
        starts = np.arange(self.bricks_an_axis) * self.side
        for axis in range(3):
            cells = np.logical_or.reduceat(cells, starts, axis)
        return cells

    def _polygonise(self, brick: tuple[int, ...]) -> tuple[tuple | None, set[tuple[int, ...]]]:
        """One brick's piece of the surface, and the bricks it leads into anew."""
        self.brick = self._brick(brick)
        here = tuple(slice(i * self.side, (i + 1) * self.side) for i in brick)
        active = self.active[here]  # a view: what is found is kept
        near = self.near[here] & ~active
        self.brick.know(near, every=max(self.stride // 2, 1))
        active |= self.brick.close(near)
        self.brick.know(active)
        while (found := self.brick.mixed() & ~active).any():
            active |= found
            self.brick.know(found)
        return self.brick.surface(active), self._lead_on(brick)

    def _brick(self, brick: tuple[int, ...]) -> Brick:
        coarse = tuple(slice(i * self.side, (i + 1) * self.side + 1) for i in brick)
        axes = [self.axis[part] for part in coarse]
        return Brick(self.lattice, axes, self.coarse[coarse])

    def _lead_on(self, brick: tuple[int, ...]) -> set[tuple[int, ...]]:
        """Activate the cells behind crossed faces of the brick; the bricks they are in."""
        reached = set()
        for axis in range(3):
            for side in (-1, 1):
                other = tuple(i + side * (a == axis) for a, i in enumerate(brick))
                if not 0 <= other[axis] < self.bricks_an_axis:
                    continue
                here = [slice(i * self.side, (i + 1) * self.side) for i in brick]
                here[axis] = max(brick[axis], other[axis]) * self.side - (side < 0)
                behind = self.active[tuple(here)]
                found = self.brick.mixed_face(axis, side) & ~behind
                if found.any():
                    behind |= found
                    reached.add(other)
        return reached

    def _join(self, pieces: list[tuple]) -> tuple[np.ndarray, np.ndarray]:
        """One mesh of the pieces, which are used up: nothing large is held twice that need not be.
        Vertices on the same edge of the lattice become one."""
        if not pieces:
            return np.empty((0, 3)), np.empty((0, 3), np.int32)
        keys, indices = (np.concatenate([piece[i] for piece in pieces]) for i in range(2))
        # Two pieces have a vertex where bricks meet; one inside a cell is on no edge and in one.
        meeting = (indices % (self.side * self.stride) == 0).any(1)
        shared = np.flatnonzero(meeting & (keys >= 0))
        _, first, same = np.unique(keys[shared], return_index=True, return_inverse=True)
        kept = np.ones(len(keys), bool)
        kept[shared] = False
        kept[shared[first]] = True
        number = np.cumsum(kept, dtype=np.int32)
        number -= 1
        number[shared] = number[shared[first]][same]
        vertices = self.lattice.place(indices[kept])
        del keys, indices
        count = 0
        for part, _, faces in pieces:
            faces[:] = number[count:][faces]
            count += len(part)
        return vertices, np.concatenate([faces for *_, faces in pieces])


def _corners(samples: np.ndarray, least: np.ufunc) -> np.ndarray:
    """Per cell: the least (or largest) of its eight corners."""
    for axis in range(3):
        along = np.moveaxis(samples, axis, 0)
        samples = np.moveaxis(least(along[:-1], along[1:]), 0, axis)
    return samples
