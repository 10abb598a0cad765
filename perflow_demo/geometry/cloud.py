"""The surface of a mesh as a cloud of painted points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perflow_demo.geometry.mesh import Mesh


@dataclass(frozen=True)
class Cloud:
    """Points of a surface, N×3 each: their places, unit normals and sRGB colours in [0, 1]."""

    places: np.ndarray
    normals: np.ndarray
    colours: np.ndarray


def cloud(mesh: Mesh, count: int, seed: int = 0) -> Cloud:
    """`count` points spread evenly over the mesh, which must not be empty; one without colours is
    grey."""
    rng, shape = np.random.default_rng(seed), mesh.shape()
    areas = shape.area_faces
    face = rng.choice(len(areas), count, p=areas / areas.sum())
    root, share = np.sqrt(rng.random(count)), rng.random(count)
    weights = np.stack([1 - root, root * (1 - share), root * share], 1)

    def between(values: np.ndarray) -> np.ndarray:
        return np.einsum("nc,ncx->nx", weights, values[mesh.faces[face]])

    normals = between(mesh.normals())
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    if mesh.texture is not None:
        colours = _looked_up(mesh.texture, between(mesh.uv))
    elif mesh.colors is not None:
        colours = between(mesh.colors)
    else:
        colours = np.full((count, 3), 0.8)
    return Cloud(between(mesh.vertices), normals, colours)


def _looked_up(texture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    height, width = texture.shape[:2]
    column = np.clip((uv[:, 0] * width).astype(np.int64), 0, width - 1)
    row = np.clip(((1 - uv[:, 1]) * height).astype(np.int64), 0, height - 1)
    return texture[row, column] / 255
