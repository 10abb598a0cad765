"""A mesh cut open and laid flat, and a texture baked from a field of colours; no OpenGL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import xatlas
from scipy.ndimage import distance_transform_edt

from perflow_demo.geometry.mesh import Mesh

PADDING = 2  # texels between charts, so that filtering does not mix them
LARGEST = 0.06  # of the surface, in one chart: to lay out larger ones takes three times as long
BATCH = 2**20  # texels looked at at once
ROUNDED = 1e-5  # of a face, beyond its edges: no texel between two faces is missed
Colors = Callable[[np.ndarray], np.ndarray]


def unwrap(mesh: Mesh, size: int = 1024) -> Mesh:
    """The mesh with texture coordinates for a size×size texture; vertices on seams are doubled."""
    atlas = xatlas.Atlas()
    atlas.add_mesh(np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.uint32))
    cutting, packing = xatlas.ChartOptions(), xatlas.PackOptions()
    cutting.max_chart_area = LARGEST * mesh.shape().area
    packing.resolution, packing.padding, packing.bilinear = size, PADDING, True
    atlas.generate(cutting, packing)
    origins, faces, uv = atlas.get_mesh(0)
    colors = None if mesh.colors is None else mesh.colors[origins]
    return Mesh(mesh.vertices[origins], faces.astype(np.int32), colors, np.clip(uv, 0, 1))


def bake(mesh: Mesh, colors_at: Colors, size: int = 1024) -> Mesh:
    """The unwrapped mesh with a size×size texture.

    colors_at: points N×3 in the mesh's axes → sRGB N×3 in [0, 1]; asked at the middle of every
    texel that a face covers. Texels between charts take the nearest colour.
    """
    face, weights = _cover(mesh, size)
    row, column = np.nonzero(face >= 0)
    corners = mesh.vertices[mesh.faces[face[row, column]]]  # T 3 3
    points = np.einsum("tc,tcx->tx", weights[row, column], corners)
    texture = np.zeros((size, size, 3), np.uint8)
    texture[row, column] = np.rint(np.clip(colors_at(points), 0, 1) * 255)
    if len(row):
        _, (row, column) = distance_transform_edt(face < 0, return_indices=True)
        texture = texture[row, column]
    return replace(mesh, texture=texture)


def _cover(mesh: Mesh, size: int) -> tuple[np.ndarray, np.ndarray]:
    """For each texel the face that covers its middle (−1: none), and the weights of its corners."""
    face = np.full((size, size), -1, np.int32)
    weights = np.zeros((size, size, 3), np.float32)
    # Columns and rows of the corners, row 0 on top, in texels whose middles are whole numbers.
    flat = mesh.uv[mesh.faces] * (1, -1) * size + (-0.5, size - 0.5)
    low = np.ceil(flat.min(1)).astype(np.int64).clip(0)
    high = np.floor(flat.max(1)).astype(np.int64).clip(max=size - 1)
    begin, slopes = (low - flat[:, 0]).astype(np.float32), _slopes(flat)
    width, height = (high - low + 1).clip(0).T
    ends = np.cumsum(width * height)
    start = 0
    while start < len(flat):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + BATCH, "right")))
        which, across, down = _boxes(start, width[start:stop], height[start:stop])
        # From the first corner on, so that single precision is enough.
        right, below = begin[which, 0] + across, begin[which, 1] + down
        second, third = (slopes[which, k, 0] * right + slopes[which, k, 1] * below for k in (0, 1))
        shares = np.stack([1 - second - third, second, third], 1)
        inside = (shares >= -ROUNDED).all(1)
        which = which[inside]
        at = low[which, 1] + down[inside], low[which, 0] + across[inside]
        face[at], weights[at] = which, shares[inside]
        start = stop
    return face, weights


def _slopes(flat: np.ndarray) -> np.ndarray:
    """How much the weights of the second and the third corner of triangles F×3×2 grow to the right
    and downwards: F×2×2 float32; nan where there is no area."""
    (x2, y2), (x3, y3) = (flat[:, 1] - flat[:, 0]).T, (flat[:, 2] - flat[:, 0]).T
    area = x2 * y3 - y2 * x3
    slopes = np.array([[y3, -x3], [-y2, x2]]) / np.where(area == 0, np.nan, area)
    return slopes.astype(np.float32).transpose(2, 0, 1)


def _boxes(
    first: int, width: np.ndarray, height: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each texel in the boxes of faces from `first` on: the face, its column and row there."""
    counts = width * height
    box = np.repeat(np.arange(len(counts)), counts)
    order = np.arange(len(box), dtype=np.int32) - np.repeat(np.cumsum(counts) - counts, counts)
    down, across = np.divmod(order.astype(np.int32), width.astype(np.int32)[box])
    return first + box, across, down
