"""Cameras that look at the world's origin: +Y up, objects face +Z."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Camera:
    """A square picture's camera.

    eye: its place; axes: 3×3, rows right, up, backward (unit, world); half_height: half of what the
    picture's height shows at distance 1 (perspective: tan(fov/2)) or anywhere (orthographic).
    """

    eye: np.ndarray
    axes: np.ndarray
    half_height: float
    orthographic: bool = False

    @classmethod
    def orbit(
        cls,
        azimuth: float,
        elevation: float,
        distance: float,
        half_height: float,
        target: tuple[float, float, float] = (0.0, 0.0, 0.0),
        orthographic: bool = False,
    ) -> Camera:
        """Looking at `target` from `azimuth` and `elevation` in degrees.

        Azimuth 0 is in front of the target, 90 on its left side.
        """
        a, e = np.radians(azimuth), np.radians(elevation)
        backward = np.array([np.cos(e) * np.sin(a), np.sin(e), np.cos(e) * np.cos(a)])
        right = np.array([np.cos(a), 0.0, -np.sin(a)])
        axes = np.stack([right, np.cross(backward, right), backward])
        return cls(np.asarray(target) + distance * backward, axes, half_height, orthographic)

    def to_view(self, points: np.ndarray) -> np.ndarray:
        """World points N×3 → (right, up, depth) N×3; depth is positive in front of the camera."""
        return (points - self.eye) @ self.axes.T * np.array([1.0, 1.0, -1.0])

    def project(self, points: np.ndarray, size: int) -> np.ndarray:
        """World points N×3 → (column, row, depth) N×3 in a size×size picture, row 0 on top."""
        view = self.to_view(points)
        scale = self.half_height * (1.0 if self.orthographic else view[:, 2:3])
        plane = view[:, :2] / scale
        return np.column_stack(
            [(plane[:, 0] + 1) * size / 2, (1 - plane[:, 1]) * size / 2, view[:, 2]]
        )

    def rays(self, pixels: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        """The way back from `project`: origins and unit directions, world N×3, of what is seen at
        places (column, row) N×2 of a size×size picture."""
        plane = (2 * pixels / size - 1) * (self.half_height, -self.half_height)
        across = plane @ self.axes[:2]
        if self.orthographic:
            return self.eye + across, np.broadcast_to(-self.axes[2], across.shape)
        directions = across - self.axes[2]
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        return np.broadcast_to(self.eye, across.shape), directions
