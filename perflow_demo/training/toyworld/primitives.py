"""The shapes that everything in Toy World is made of; each is one closed Part around the origin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perflow_demo.training.toyworld.parts import Paint, Part, smooth_normals
from perflow_demo.training.toyworld.topology import (
    closed_grid_faces,
    grid_faces,
    not_degenerate,
    rings_to_faces,
)

ROUND = 36  # segments of a full turn: smooth at 512 px


def ellipsoid(rx: float, ry: float, rz: float, paint: Paint, detail: int = ROUND) -> Part:
    """An ellipsoid with radii rx, ry, rz."""
    rings = max(6, detail * 2 // 3)
    polar = np.pi * np.arange(1, rings) / rings
    turn = 2 * np.pi * np.arange(detail) / detail
    y = np.cos(polar)[:, None] + 0 * turn
    x = np.sin(polar)[:, None] * np.sin(turn)
    z = np.sin(polar)[:, None] * np.cos(turn)
    body = np.stack([x, y, z], -1).reshape(-1, 3)
    unit = np.concatenate([[[0, 1, 0]], body, [[0, -1, 0]]]).astype(np.float32)
    faces = rings_to_faces(rings - 1, detail, poles=True)
    radii = np.array([rx, ry, rz], np.float32)
    normals = unit / radii
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return Part(unit * radii, normals.astype(np.float32), faces, paint)


def sphere(radius: float, paint: Paint, detail: int = ROUND) -> Part:
    return ellipsoid(radius, radius, radius, paint, detail)


def box(width: float, height: float, depth: float, paint: Paint, bevel: float = 0.0) -> Part:
    """A box; with `bevel` > 0 its edges are rounded with that radius."""
    half = np.array([width, height, depth], np.float32) / 2
    bevel = float(min(bevel, half.min() * 0.999))
    vertices, normals, faces = [], [], []
    for axis in range(3):
        u_axis, v_axis = (axis + 1) % 3, (axis + 2) % 3
        for side in (-1, 1):
            u, v = (_edge_loop(half[a], bevel) for a in (u_axis, v_axis))
            grid = np.zeros((len(u), len(v), 3))
            grid[..., axis] = side * half[axis]
            grid[..., u_axis], grid[..., v_axis] = u[:, None], v[None, :]
            flat = np.zeros_like(grid)
            flat[..., axis] = side
            inner = np.clip(grid, -(half - bevel), half - bevel)
            normal = flat if bevel == 0 else _unit(grid - inner)
            start = sum(len(block) for block in vertices)
            vertices.append((inner + bevel * normal).reshape(-1, 3))
            normals.append(normal.reshape(-1, 3))
            faces.append(grid_faces(len(u), len(v), flip=side < 0) + start)
    return Part(*_arrays(vertices, normals, faces), paint)


def lathe(
    profile: Sequence[tuple[float, float]], paint: Paint, crease: float = 35.0, detail: int = ROUND
) -> Part:
    """A solid of revolution about Y.

    profile: (radius, y) from the bottom to the top; where it does not begin or end on the axis, a
    flat cap closes it. Corners sharper than `crease` degrees are crisp.
    """
    points = [(float(r), float(y)) for r, y in profile]
    if points[0][0] > 0:
        points.insert(0, (0.0, points[0][1]))
    if points[-1][0] > 0:
        points.append((0.0, points[-1][1]))
    line = np.array(points, np.float32)
    edge = np.diff(line, axis=0)
    edge_normal = _unit(np.stack([edge[:, 1], -edge[:, 0]], -1))
    turn = 2 * np.pi * np.arange(detail) / detail
    vertices, normals, faces = [], [], []
    for i in range(len(edge)):
        for end in (0, 1):
            neighbour = i - 1 if end == 0 else i + 1
            normal = edge_normal[i]
            if 0 <= neighbour < len(edge):
                other = edge_normal[neighbour]
                if normal @ other > np.cos(np.radians(crease)):
                    normal = _unit(normal + other)
            vertices.append(_revolve(line[i + end], turn))
            normals.append(_revolve(normal, turn))
        first = 2 * i * detail
        band = rings_to_faces(2, detail, poles=False)[:, ::-1] + first
        radii = line[i, 0], line[i + 1, 0]
        faces.append(band[not_degenerate(radii, detail)])
    return Part(*_arrays(vertices, normals, faces), paint)


def cylinder(radius: float, height: float, paint: Paint, top: float | None = None) -> Part:
    """An upright cylinder, or a frustum with another `top` radius; crisp rims; centred."""
    top = radius if top is None else top
    return lathe([(radius, -height / 2), (top, height / 2)], paint)


def cone(radius: float, height: float, paint: Paint) -> Part:
    """An upright cone standing on y = 0."""
    return lathe([(radius, 0.0), (0.0, height)], paint)


def torus(radius: float, thickness: float, paint: Paint, detail: int = ROUND) -> Part:
    """A ring lying in the XZ plane; `thickness` is the tube's radius."""
    turn = 2 * np.pi * np.arange(detail) / detail
    around = 2 * np.pi * np.arange(16) / 16
    direction = np.stack([np.sin(turn), 0 * turn, np.cos(turn)], -1)[:, None]
    up = np.array([0.0, 1.0, 0.0])
    normal = np.cos(around)[None, :, None] * direction + np.sin(around)[None, :, None] * up
    vertices = radius * direction + thickness * normal
    faces = closed_grid_faces(detail, 16)
    return Part(
        vertices.reshape(-1, 3).astype(np.float32),
        normal.reshape(-1, 3).astype(np.float32),
        faces,
        paint,
    )


def tube(
    points: Sequence[tuple[float, float, float]],
    radii: Sequence[float] | float,
    paint: Paint,
    detail: int = 18,
) -> Part:
    """A round tube along a smooth curve through `points` (2 or more), with round ends.

    radii: one for all, or one a point (interpolated between).
    """
    control = np.array(points, float)
    widths = np.broadcast_to(np.asarray(radii, float), len(control)).copy()
    samples = 2 if len(control) == 2 else 6 * (len(control) - 1) + 1
    curve, width = _spline(control, widths, samples)
    curve, width = _round_ends(curve, width)
    frames = _parallel_frames(curve)
    turn = 2 * np.pi * np.arange(detail) / detail
    ring = np.stack([np.cos(turn), np.sin(turn)], -1)
    offset = np.einsum("dk,nkc->ndc", ring, frames) * width[:, None, None]
    body = (curve[:, None] + offset)[1:-1].reshape(-1, 3)
    vertices = np.concatenate([curve[:1], body, curve[-1:]]).astype(np.float32)
    faces = rings_to_faces(len(curve) - 2, detail, poles=True)
    if _signed_volume(vertices, faces) < 0:
        faces = faces[:, ::-1]
    return Part(vertices, smooth_normals(vertices, faces), faces, paint)


def capsule(
    start: tuple[float, float, float],
    end: tuple[float, float, float],
    radius: float,
    paint: Paint,
    end_radius: float | None = None,
) -> Part:
    """A limb: two balls and what lies between them."""
    return tube([start, end], [radius, radius if end_radius is None else end_radius], paint)


def prism(outline: Sequence[tuple[float, float]], depth: float, paint: Paint) -> Part:
    """A flat shape with thickness and crisp edges: `outline` (x, y) pushed along Z.

    The outline must be star-shaped about its mean.
    """
    points = np.array(outline, float)
    area = np.sum(
        points[:, 0] * np.roll(points[:, 1], -1) - points[:, 1] * np.roll(points[:, 0], -1)
    )
    points = points if area > 0 else points[::-1]
    count, half = len(points), depth / 2
    rim = np.arange(count)
    fan = np.stack([np.full(count, count), rim, (rim + 1) % count], -1)
    cap = np.concatenate([points, points.mean(0, keepdims=True)])
    vertices, normals, faces = [], [], []
    for side in (1, -1):
        start = sum(len(block) for block in vertices)
        vertices.append(np.column_stack([cap, np.full(count + 1, side * half)]))
        normals.append(np.tile([0.0, 0.0, side], (count + 1, 1)))
        faces.append((fan if side > 0 else fan[:, ::-1]) + start)
    edge = np.roll(points, -1, 0) - points
    outward = _unit(np.column_stack([edge[:, 1], -edge[:, 0], np.zeros(count)]))
    for i in range(count):
        a, b = points[i], points[(i + 1) % count]
        start = sum(len(block) for block in vertices)
        vertices.append(np.array([[*a, -half], [*b, -half], [*b, half], [*a, half]]))
        normals.append(np.tile(outward[i], (4, 1)))
        faces.append(np.array([[0, 1, 2], [0, 2, 3]]) + start)
    return Part(*_arrays(vertices, normals, faces), paint)


def _arrays(
    vertices: list, normals: list, faces: list
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        np.concatenate(vertices).astype(np.float32),
        np.concatenate(normals).astype(np.float32),
        np.concatenate(faces).astype(np.int32),
    )


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def _revolve(point: np.ndarray, turn: np.ndarray) -> np.ndarray:
    return np.stack(
        [point[0] * np.sin(turn), np.full_like(turn, point[1]), point[0] * np.cos(turn)], -1
    )


def _edge_loop(half: float, bevel: float) -> np.ndarray:
    """Where a box face is cut along one axis: finely in its rounded margins, not at all between."""
    if bevel == 0:
        return np.array([-half, half])
    margin = bevel * np.linspace(0, 1, 4)
    return np.concatenate([margin - half, half - margin[::-1]])


def _spline(control: np.ndarray, widths: np.ndarray, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Catmull–Rom curve through the control points."""
    padded = np.concatenate(
        [2 * control[:1] - control[1:2], control, 2 * control[-1:] - control[-2:-1]]
    )
    at = np.linspace(0, len(control) - 1, samples)
    i = np.minimum(at.astype(int), len(control) - 2)
    t = (at - i)[:, None]
    p0, p1, p2, p3 = (padded[i + k] for k in range(4))
    curve = 0.5 * (
        2 * p1
        + (p2 - p0) * t
        + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
        + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
    return curve, np.interp(at, np.arange(len(control)), widths)


def _round_ends(curve: np.ndarray, width: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half a ball at either end, of the end's radius."""
    angle = np.linspace(0, np.pi / 2, 7)[:-1]
    start, finish = _unit(curve[0] - curve[1]), _unit(curve[-1] - curve[-2])
    head = curve[0] + start * width[0] * np.cos(angle)[:, None]
    tail = curve[-1] + finish * width[-1] * np.cos(angle[::-1])[:, None]
    return (
        np.concatenate([head, curve, tail]),
        np.concatenate([width[0] * np.sin(angle), width, width[-1] * np.sin(angle[::-1])]),
    )


def _parallel_frames(curve: np.ndarray) -> np.ndarray:
    """Two unit vectors across the curve at every point, N×2×3, turned as little as possible."""
    tangent = _unit(np.gradient(curve, axis=0))
    across = np.cross(tangent[0], [0.0, 1.0, 0.0] if abs(tangent[0][1]) < 0.9 else [1.0, 0.0, 0.0])
    frames = np.empty((len(curve), 2, 3))
    for i, direction in enumerate(tangent):
        across = _unit(across - (across @ direction) * direction)
        frames[i] = across, np.cross(direction, across)
    return frames


def _signed_volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)))
