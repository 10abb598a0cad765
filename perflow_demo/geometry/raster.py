"""Triangles drawn on a square page, without OpenGL: all rows of many of them at once."""

from __future__ import annotations

import numpy as np

BATCH = 2**16  # triangles at once
ROUNDED = 1e-5  # of a triangle, beyond its edges: no pixel between two of them is missed


def draw(corners: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pixels of a size×size page in whose middle a triangle is seen: the place of each, row ·
    size + column, P; the triangle, P; and how much its corners weigh there, P×3 float32.

    corners: F×3×3, their columns and rows in pixels from the page's upper left corner, and how far
    they are, all in front of the camera: of several triangles the nearest is seen. Weights and
    depths run evenly over the page, as in parallel projection; nearly so in small triangles.
    """
    parts = []
    for start in range(0, len(corners) or 1, BATCH):
        part = corners[start : start + BATCH]
        triangle, at, weights = _pixels(part - (0.5, 0.5, 0), size)
        far = (weights * part[..., 2].astype(np.float32)[triangle]).sum(1)
        parts.append((far, at, start + triangle, weights))
    far, *found = (np.concatenate(values) for values in zip(*parts, strict=True))
    seen = _nearest(far, found[0], size**2)
    return tuple(values[seen] for values in found)


def blended(values: np.ndarray, corners: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Values V… of vertices at places that weigh the vertices `corners` P×3 by `weights` P×3: P…
    float32."""
    return np.einsum("pc,pc...->p...", weights, values.astype(np.float32)[corners])


def _nearest(far: np.ndarray, at: np.ndarray, places: int) -> np.ndarray:
    """Which of N have the least `far` among those at their place, one a place."""
    order = np.argsort(-far)
    last = np.full(places, -1, np.int64)
    last[at[order]] = order  # from far to near: the last one written stays
    return last[last >= 0]


def _pixels(corners: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pixels of triangles F×3×3 where whole numbers are the middles: each one's triangle N,
    its place N, and the weights of the corners N×3."""
    x, y = corners[..., 0], corners[..., 1]
    across, down, flat = _slopes(corners)
    low, high = np.ceil(y.min(1)).clip(0), np.floor(y.max(1)).clip(max=size - 1)
    triangle, row = _runs(low, np.where(flat, 0, high - low + 1))
    # Each weight is 0 or more on one side of a place in the row.
    across, begin = across[triangle], x[triangle, 0]
    here = (1, 0, 0) + down[triangle] * (row - y[triangle, 0])[:, None]  # where the first corner is
    with np.errstate(divide="ignore", invalid="ignore"):
        edge = (-ROUNDED - here) / across
    left = np.where(across > 0, edge, -np.inf).max(1) + begin
    right = np.where(across < 0, edge, np.inf).min(1) + begin
    beside = ((across == 0) & (here < -ROUNDED)).any(1)
    first, last = np.ceil(left).clip(0), np.floor(right).clip(max=size - 1)
    span, column = _runs(first, np.where(beside, 0, last - first + 1))
    on = (column - begin[span]).astype(np.float32)[:, None]
    weights = here.astype(np.float32)[span] + across.astype(np.float32)[span] * on
    return triangle[span], (row[span] * size + column).astype(np.int64), weights


def _slopes(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How much the weights of the corners of triangles grow to the right, and downwards, F×3 each;
    and which have no area, F."""
    second, third = corners[:, 1, :2] - corners[:, 0, :2], corners[:, 2, :2] - corners[:, 0, :2]
    area = second[:, 0] * third[:, 1] - second[:, 1] * third[:, 0]
    flat = area == 0
    across = np.stack([third[:, 1], -second[:, 1]], 1) / np.where(flat, 1, area)[:, None]
    down = np.stack([-third[:, 0], second[:, 0]], 1) / np.where(flat, 1, area)[:, None]
    return (*(np.column_stack([-s.sum(1), s]) for s in (across, down)), flat)


def _runs(first: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers that count on from `first` R, `counts` R of each (none if negative): the run of each
    N, and itself N."""
    counts = counts.clip(0).astype(np.int64)
    run = np.repeat(np.arange(len(counts)), counts)
    return run, first[run] + np.arange(len(run)) - np.repeat(np.cumsum(counts) - counts, counts)
