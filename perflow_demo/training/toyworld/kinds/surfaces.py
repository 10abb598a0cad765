"""Shapes that the primitives lack: surfaces through rings, drips that run round, soft slabs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perflow_demo.training.toyworld.parts import Paint, Part, smooth_normals

TURN = 2 * np.pi


def skin(rings: np.ndarray, paint: Paint, wrap: bool = False) -> Part:
    """A smooth closed surface through rings of points N×K×3.

    The rings go from the top down, each counter-clockwise from above. The first and the last are
    closed by a fan; with `wrap` they are joined to each other instead.
    """
    count, around = rings.shape[:2]
    index = np.arange(count * around).reshape(count, around)
    upper, lower = (index, np.roll(index, -1, 0)) if wrap else (index[:-1], index[1:])
    a, b, c, d = upper, np.roll(upper, -1, 1), lower, np.roll(lower, -1, 1)
    faces = [np.stack([a, c, d], -1).reshape(-1, 3), np.stack([a, d, b], -1).reshape(-1, 3)]
    points = [rings.reshape(-1, 3)]
    if not wrap:
        top, bottom = count * around, count * around + 1
        first, last = index[0], index[-1]
        faces.append(np.stack([np.full(around, top), first, np.roll(first, -1)], -1))
        faces.append(np.stack([np.full(around, bottom), np.roll(last, -1), last], -1))
        points += [rings[:1].mean(1), rings[-1:].mean(1)]
    vertices = np.concatenate(points).astype(np.float32)
    faces = np.concatenate(faces).astype(np.int32)
    return Part(vertices, smooth_normals(vertices, faces), faces, paint)


def turned(radius: np.ndarray, height: np.ndarray, paint: Paint) -> Part:
    """A surface of revolution whose profile may change on the way round: radius and height N×K."""
    turn = TURN * np.arange(radius.shape[1]) / radius.shape[1]
    return skin(np.stack([radius * np.sin(turn), height, radius * np.cos(turn)], -1), paint)


def rows(blocks: Sequence[np.ndarray], around: int) -> np.ndarray:
    """Blocks of rows below one another; a lone number stands for all `around` places of its row."""
    blocks = [np.asarray(block, float) for block in blocks]
    blocks = [block[:, None] if block.ndim == 1 else block for block in blocks]
    return np.concatenate([np.broadcast_to(block, (len(block), around)) for block in blocks])


def drips(rng: np.random.Generator, count: int, low: float, high: float, around: int) -> np.ndarray:
    """How far icing has run down at `around` places on its way round, in low..high."""
    at = count * np.arange(around) / around + rng.uniform()
    length = rng.uniform(0.25, 1.0, count)[at.astype(int) % count]
    return low + (high - low) * length * np.abs(np.sin(np.pi * at)) ** 0.7


def toward(polar: float, turn: float) -> np.ndarray:
    """The unit direction at `polar` degrees from +Y and `turn` degrees from +Z towards +X."""
    p, t = np.radians([polar, turn])
    return np.array([np.sin(p) * np.sin(t), np.cos(p), np.sin(p) * np.cos(t)])


def around_y(part: Part, count: int, radius: float, y: float, start: float = 0.0) -> list[Part]:
    """`count` copies on a circle about Y, the first at +Z."""
    return [part.move(y=y, z=radius).turn("y", start + 360 * i / count) for i in range(count)]


def rounded_outline(outline: np.ndarray, size: float) -> np.ndarray:
    """The outline (K×2) resampled finely, its corners rounded over about `size`."""
    closed = np.concatenate([outline, outline[:1]])
    walk = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    at = np.linspace(0, walk[-1], 600, endpoint=False)
    fine = np.stack([np.interp(at, walk, closed[:, i]) for i in (0, 1)], 1)
    width = max(3, int(600 * size / walk[-1]))
    kernel = np.ones(2 * width + 1) / (2 * width + 1)
    wrapped = np.concatenate([fine[-width:], fine, fine[:width]])
    smooth = np.stack([np.convolve(wrapped[:, i], kernel, "valid") for i in (0, 1)], 1)
    return smooth[::8]


def slab(outline: np.ndarray, height: float, paint: Paint) -> Part:
    """A flat shape (K×2, x and z) with thickness and rounded edges, standing on y = 0."""
    centre = outline.mean(0)
    e = min(0.035, height / 3)
    insets = [0.12, 1.2 * e, 0.35 * e, 0, 0, 0, 0.35 * e, 1.2 * e, 0.12]
    levels = [height, height, height - 0.3 * e, height - e, height / 2, e, 0.3 * e, 0, 0]
    rings = [
        np.insert(centre + (outline - centre) * (1 - i), 1, y, 1)
        for i, y in zip(insets, levels, strict=True)
    ]
    return skin(np.stack(rings), paint)
