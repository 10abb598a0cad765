"""Pictures of a mesh from all around, without OpenGL."""

from __future__ import annotations

import numpy as np
from PIL import Image

from perflow_demo.geometry.cameras import Camera
from perflow_demo.geometry.mesh import Mesh
from perflow_demo.geometry.raster import blended, draw

FINER = 2  # pixels drawn along a side of each that is shown
PAPER = 246
AMBIENT, LIGHT = 0.62, np.array([-0.35, 0.55, 0.75])  # from the camera: right, up, backward
ELEVATION = 12.0
GREY = 0.8  # of a mesh without colours


class Turntable:
    """A mesh (+Y up, facing +Z) ready to be looked at; every picture has the same scale."""

    def __init__(self, mesh: Mesh, size: int = 256) -> None:
        """size: pixels along a picture's side. The mesh must not be empty."""
        self.mesh, self.size = mesh, size
        self.normals = mesh.normals()
        self.places = mesh.vertices - (mesh.vertices.min(0) + mesh.vertices.max(0)) / 2
        self.reach = 1.04 * np.linalg.norm(self.places, axis=1).max()

    def view(self, azimuth: float, elevation: float = ELEVATION) -> Image.Image:
        """From `azimuth` degrees (0: its front, 90: its left side), orthographic, RGB; faces are
        seen from outside alone."""
        camera = Camera.orbit(azimuth, elevation, 3 * self.reach, self.reach, orthographic=True)
        fine = self.size * FINER
        corners = camera.project(self.places, fine)[self.mesh.faces]
        edges = corners[:, 1:, :2] - corners[:, :1, :2]
        facing = np.flatnonzero(np.linalg.det(edges) < 0)  # rows grow downwards
        pixel, face, weights = draw(corners[facing], fine)
        corners = self.mesh.faces[facing[face]]
        light = self.normals @ camera.axes.T @ (LIGHT / np.linalg.norm(LIGHT))
        shade = AMBIENT + (1 - AMBIENT) * np.clip(light, 0, 1)
        picture = np.full((fine**2, 3), PAPER, np.uint8)
        colours = self._colours(corners, weights) * blended(shade[:, None], corners, weights)
        picture[pixel] = np.clip(colours * 255, 0, 255)
        whole = Image.fromarray(picture.reshape(fine, fine, 3))
        return whole.resize((self.size, self.size), Image.Resampling.BOX)

    def _colours(self, corners: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """As `blended` has them: P×3 in [0, 1]."""
        mesh = self.mesh
        if mesh.texture is None:
            grey = np.full((len(mesh.vertices), 3), GREY)
            return blended(grey if mesh.colors is None else mesh.colors, corners, weights)
        u, v = blended(mesh.uv, corners, weights).T
        height, width = mesh.texture.shape[:2]
        column = np.clip((u * width).astype(np.int64), 0, width - 1)
        row = np.clip(((1 - v) * height).astype(np.int64), 0, height - 1)
        return mesh.texture[row, column] / np.float32(255)

    def turn(self, frames: int = 36) -> list[Image.Image]:
        """One whole turn, its front first."""
        return [self.view(360 * i / frames) for i in range(frames)]
