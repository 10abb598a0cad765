"""A mesh cut open and laid flat, and a texture baked from a field of colours; no OpenGL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import xatlas
from scipy.ndimage import distance_transform_edt

from perflow_demo.geometry.mesh import Mesh
from perflow_demo.geometry.raster import blended, draw

PADDING = 3  # texels of an atlas up to half as large again: filtering does not mix charts
LARGEST = 0.06  # of the surface, in one chart: to lay out larger ones takes three times as long
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
    # Columns and rows of the vertices, row 0 on top; none is nearer than another.
    flat = np.column_stack([mesh.uv * (1, -1) * size + (0, size), np.zeros(len(mesh.uv))])
    texel, face, weights = draw(flat[mesh.faces], size)
    points = blended(mesh.vertices, mesh.faces[face], weights)
    texture, bare = np.zeros((size**2, 3), np.uint8), np.ones((size, size), bool)
    texture[texel] = np.rint(np.clip(colors_at(points), 0, 1) * 255)
    texture = texture.reshape(size, size, 3)
    if len(texel):
        bare.flat[texel] = False
        nearest = distance_transform_edt(bare, return_distances=False, return_indices=True)
        texture = texture[tuple(nearest)]
    return replace(mesh, texture=texture)
