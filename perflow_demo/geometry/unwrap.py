"""A mesh cut open and laid flat, and a texture baked from a field of colours; no OpenGL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import xatlas
from scipy.ndimage import distance_transform_edt

from perflow_demo.geometry.mesh import Mesh

PADDING = 2  # texels between charts, so that filtering does not mix them
BATCH = 2**20  # texels looked at at once
Colors = Callable[[np.ndarray], np.ndarray]


def unwrap(mesh: Mesh, size: int = 1024) -> Mesh:
    """The mesh with texture coordinates for a size×size texture; vertices on seams are doubled."""
    atlas = xatlas.Atlas()
    atlas.add_mesh(np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.uint32))
    options = xatlas.PackOptions()
    options.resolution, options.padding, options.bilinear = size, PADDING, True
    atlas.generate(pack_options=options)
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
    width, height = (high - low + 1).clip(0).T
    ends = np.cumsum(width * height)
    start = 0
    while start < len(flat):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + BATCH, "right")))
        _cover_part(slice(start, stop), flat, low, width, height, face, weights)
        start = stop
    return face, weights


def _cover_part(part: slice, flat, low, width, height, face, weights) -> None:
    counts = (width * height)[part]
    which = np.repeat(np.arange(part.start, part.stop), counts)
    if not len(which):
        return
    order = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    texel = low[which] + np.column_stack([order % width[which], order // width[which]])
    a, b, c = (flat[which, corner] for corner in range(3))
    area = _cross(b - a, c - a)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = (
            np.column_stack(
                [
                    _cross(b - texel, c - texel),
                    _cross(c - texel, a - texel),
                    _cross(a - texel, b - texel),
                ]
            )
            / area[:, None]
        )
    inside = (shares >= -1e-6).all(1)
    column, row = texel[inside].T
    face[row, column] = which[inside]
    weights[row, column] = shares[inside]


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
