"""How grids and rings of vertices are joined into triangles, F×3 int32 indices."""

from __future__ import annotations

import numpy as np


def grid_faces(rows: int, columns: int, flip: bool) -> np.ndarray:
    """Faces of an open sheet, counter-clockwise from row to column; with `flip` the other way."""
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns - 1), indexing="ij")
    a = (i * columns + j).ravel()
    faces = np.concatenate(
        [np.stack([a, a + columns, a + columns + 1], -1), np.stack([a, a + columns + 1, a + 1], -1)]
    )
    return faces[:, ::-1] if flip else faces


def closed_grid_faces(rows: int, columns: int) -> np.ndarray:
    """Faces of a sheet that is joined to itself both ways (a torus)."""
    i, j = (g.ravel() for g in np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"))
    below, right = (i + 1) % rows, (j + 1) % columns
    a, b = i * columns + j, below * columns + j
    c, d = below * columns + right, i * columns + right
    return np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).astype(np.int32)


def rings_to_faces(rings: int, detail: int, poles: bool) -> np.ndarray:
    """Faces between rings of `detail` vertices; with poles the first and last vertex are single."""
    i, j = (g.ravel() for g in np.meshgrid(np.arange(rings - 1), np.arange(detail), indexing="ij"))
    first = int(poles)
    a, b = first + i * detail + j, first + i * detail + (j + 1) % detail
    c, d = a + detail, b + detail
    faces = [np.stack([a, c, d], -1), np.stack([a, d, b], -1)]
    if poles:
        k = np.arange(detail)
        last = 1 + rings * detail
        low = 1 + (rings - 1) * detail
        faces.append(np.stack([0 * k, 1 + k, 1 + (k + 1) % detail], -1))
        faces.append(np.stack([0 * k + last, low + (k + 1) % detail, low + k], -1))
    return np.concatenate(faces).astype(np.int32)


def not_degenerate(radii: tuple[float, float], detail: int) -> np.ndarray:
    """Which of a band's 2·detail triangles have area when one of its rings is a point."""
    keep = np.ones(2 * detail, bool)
    if radii[1] == 0:
        keep[:detail] = False
    if radii[0] == 0:
        keep[detail:] = False
    return keep
