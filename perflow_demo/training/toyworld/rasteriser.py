"""Triangles → which face is seen at each pixel, where on it and how far (numba z-buffer)."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from perflow_demo.geometry.cameras import Camera


@dataclass(frozen=True)
class Visible:
    """size×size arrays: `face` (−1: nothing), the weights `u`, `v` of its second and third corner,
    and `depth` (1e9 where nothing is)."""

    face: np.ndarray
    u: np.ndarray
    v: np.ndarray
    depth: np.ndarray


@numba.njit(cache=True, fastmath=True)
def surface(vertices, normals, faces, part_of_face, face_at, u_at, v_at):
    """World position, unit normal (size×size×3 each) and part index (−1: none) at every pixel."""
    size = face_at.shape[0]
    position = np.zeros((size, size, 3), np.float32)
    normal = np.zeros((size, size, 3), np.float32)
    part_at = np.full((size, size), -1, np.int32)
    for r in range(size):
        for c in range(size):
            f = face_at[r, c]
            if f < 0:
                continue
            u, v = u_at[r, c], v_at[r, c]
            a, b, d = faces[f]
            part_at[r, c] = part_of_face[f]
            length = np.float32(1e-12)
            for k in range(3):
                position[r, c, k] = (
                    (1 - u - v) * vertices[a, k] + u * vertices[b, k] + v * vertices[d, k]
                )
                n = (1 - u - v) * normals[a, k] + u * normals[b, k] + v * normals[d, k]
                normal[r, c, k] = n
                length += n * n
            for k in range(3):
                normal[r, c, k] /= np.sqrt(length)
    return position, normal, part_at


def rasterise(vertices: np.ndarray, faces: np.ndarray, camera: Camera, size: int) -> Visible:
    """What `camera` sees of a mesh (vertices V×3, faces F×3), all of which lies in front of it."""
    screen = camera.project(vertices, size).astype(np.float32)
    weight = np.ones(len(screen), np.float32) if camera.orthographic else 1 / screen[:, 2]
    face, u, v, depth = _rasterise(screen, weight.astype(np.float32), faces, size)
    return Visible(face, u, v, depth)


@numba.njit(cache=True, fastmath=True)
def _rasterise(screen, weight, faces, size):
    face_at = np.full((size, size), -1, np.int32)
    u_at = np.zeros((size, size), np.float32)
    v_at = np.zeros((size, size), np.float32)
    depth_at = np.full((size, size), np.float32(1e9), np.float32)
    for f in range(faces.shape[0]):
        a, b, c = faces[f]
        ax, ay, bx, by, cx, cy = (
            screen[a, 0],
            screen[a, 1],
            screen[b, 0],
            screen[b, 1],
            screen[c, 0],
            screen[c, 1],
        )
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0:
            continue
        left = max(0, int(np.ceil(min(ax, bx, cx) - 0.5)))
        right = min(size - 1, int(np.floor(max(ax, bx, cx) - 0.5)))
        top = max(0, int(np.ceil(min(ay, by, cy) - 0.5)))
        bottom = min(size - 1, int(np.floor(max(ay, by, cy) - 0.5)))
        for row in range(top, bottom + 1):
            y = row + 0.5
            for column in range(left, right + 1):
                x = column + 0.5
                u = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area
                v = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area
                if u < 0.0 or v < 0.0 or u + v > 1.0:
                    continue
                wu, wv, w0 = u * weight[b], v * weight[c], (1.0 - u - v) * weight[a]
                total = wu + wv + w0
                u, v = wu / total, wv / total
                depth = (1.0 - u - v) * screen[a, 2] + u * screen[b, 2] + v * screen[c, 2]
                if depth < depth_at[row, column]:
                    depth_at[row, column] = depth
                    face_at[row, column] = f
                    u_at[row, column] = u
                    v_at[row, column] = v
    return face_at, u_at, v_at, depth_at
