"""Pictures of a mesh from all around, without OpenGL: as a cloud of painted points."""

from __future__ import annotations

import numpy as np
from PIL import Image

from perflow_demo.geometry.cameras import Camera
from perflow_demo.geometry.cloud import cloud
from perflow_demo.geometry.mesh import Mesh

FINER = 2  # pixels drawn along a side of each that is shown
DENSITY = 8  # points to a shown pixel, of a picture that the mesh's bounding sphere fills
SPLAT = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1]), -1).reshape(-1, 2)  # pixels of one point
PAPER = 246
AMBIENT, LIGHT = 0.62, np.array([-0.35, 0.55, 0.75])  # from the camera: right, up, backward
ELEVATION = 12.0


class Turntable:
    """A mesh (+Y up, facing +Z) ready to be looked at; every picture has the same scale."""

    def __init__(self, mesh: Mesh, size: int = 256, seed: int = 0) -> None:
        """size: pixels along a picture's side. seed: of the points. The mesh must not be empty."""
        self.size = size
        points = cloud(mesh, DENSITY * size**2, seed)
        self.normals, self.colours = points.normals, points.colours
        middle = (points.places.min(0) + points.places.max(0)) / 2
        self.places = points.places - middle
        self.reach = 1.04 * np.linalg.norm(self.places, axis=1).max()

    def view(self, azimuth: float, elevation: float = ELEVATION) -> Image.Image:
        """From `azimuth` degrees (0: its front, 90: its left side), orthographic, RGB."""
        camera = Camera.orbit(azimuth, elevation, 3 * self.reach, self.reach, orthographic=True)
        facing = self.normals @ camera.axes[2] > 0
        fine = self.size * FINER
        column, row, depth = camera.project(self.places[facing], fine).T
        light = self.normals[facing] @ camera.axes.T @ (LIGHT / np.linalg.norm(LIGHT))
        shade = AMBIENT + (1 - AMBIENT) * np.clip(light, 0, 1)
        colours = np.clip(self.colours[facing] * shade[:, None] * 255, 0, 255).astype(np.uint8)
        # From far to near: of several points on a pixel the last one written stays.
        order = np.argsort(-depth).astype(np.int32)
        pixel = row[order].astype(np.int32) * fine + column[order].astype(np.int32)
        seen = np.full(fine**2, len(order), np.int32)
        seen[pixel[:, None] + SPLAT @ (fine, 1)] = order[:, None]
        colours = np.concatenate([colours, np.full((1, 3), PAPER, np.uint8)])
        picture = Image.fromarray(colours[seen].reshape(fine, fine, 3))
        return picture.resize((self.size, self.size), Image.Resampling.BOX)

    def turn(self, frames: int = 36) -> list[Image.Image]:
        """One whole turn, its front first."""
        return [self.view(360 * i / frames) for i in range(frames)]
