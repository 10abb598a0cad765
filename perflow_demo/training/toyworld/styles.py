"""The same scenes drawn otherwise: cel-shaded with outlines, coloured pencil on paper."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from perflow_demo.training.toyworld.render import Rendered
from perflow_demo.training.toyworld.scene import Scene

INK = np.array([0.10, 0.08, 0.12])
PAPER = np.array([0.975, 0.96, 0.925])


def draw(scene: Scene, size: int, style: str) -> np.ndarray:
    """The scene in a style of STYLES, size×size×3 uint8; drawn at twice the size, then halved."""
    rendered = scene.render(2 * size, supersampling=1)
    page = STYLES[style](rendered, scene.phase)
    page = page.reshape(size, 2, size, 2, 3).mean((1, 3))
    return np.rint(np.clip(page, 0, 1) * 255).astype(np.uint8)


def cel(rendered: Rendered, phase: float) -> np.ndarray:
    """Flat tones in three steps, dark outlines, a plain background."""
    colour = rendered.colour / 255.0
    inside = (rendered.part >= 0)[..., None]
    value = colour.max(-1, keepdims=True)
    smooth = ndimage.gaussian_filter(value, (2, 2, 0))
    step = np.select([smooth < 0.22, smooth < 0.50, smooth < 0.78], [0.16, 0.42, 0.70], 0.97)
    flat = np.clip(colour / np.maximum(value, 0.02) * step, 0, 1)
    grey = flat.mean(-1, keepdims=True)
    flat = grey + 1.18 * (flat - grey)
    behind = ndimage.gaussian_filter(colour, (3, 3, 0))
    behind = np.round(behind * 7) / 7
    page = np.where(inside, flat, behind)
    ink = ndimage.grey_dilation(_outline(rendered), size=(3, 3))[..., None]
    return page * (1 - ink) + INK * ink


def pencil(rendered: Rendered, phase: float) -> np.ndarray:
    """Hatching that grows with the dark, pale colour, soft outlines, warm paper."""
    colour = rendered.colour / 255.0
    inside = (rendered.part >= 0).astype(float)
    size = len(colour)
    tone = ndimage.gaussian_filter(colour @ np.array([0.30, 0.59, 0.11]), 1.5)
    row, column = np.mgrid[:size, :size] * (512 / size)
    wobble = 3 * np.sin(row * 0.05 + phase) + 3 * np.sin(column * 0.04 + 2 * phase)
    strokes = np.zeros_like(tone)
    for angle, threshold in ((0.75, 0.80), (2.35, 0.50), (0.0, 0.26)):
        wave = np.sin((row * np.cos(angle) + column * np.sin(angle) + wobble) * 2 * np.pi / 13.0)
        depth = np.clip((threshold - tone) / 0.35, 0, 1)
        strokes = np.maximum(strokes, np.clip(wave * 0.9 - 0.55 + depth, 0, 1) * (depth > 0))
    strokes *= np.where(inside > 0, 1.0, 0.12)
    tint = (0.34 + 0.42 * strokes)[..., None] * np.where(inside > 0, 1.0, 0.22)[..., None]
    page = PAPER * (1 - tint) + PAPER * colour * tint * 0.92
    page = page * (1 - 0.28 * strokes[..., None])
    line = np.clip(ndimage.gaussian_filter(_outline(rendered).astype(float), 0.9) * 1.5, 0, 0.85)
    return page * (1 - line[..., None]) + 0.22 * line[..., None]


def _outline(rendered: Rendered) -> np.ndarray:
    """1 where silhouettes, parts of another depth, or sharp folds meet; size×size."""
    depth = np.where(rendered.part >= 0, rendered.depth, rendered.depth.max() + 2.0)
    normal = rendered.normal.astype(np.float32)
    edge = np.zeros(depth.shape, bool)
    for axis in (0, 1):
        jump = np.abs(np.diff(depth, axis=axis)) > 0.09
        first, second = (
            np.take(normal, range(k, normal.shape[axis] - 1 + k), axis) for k in (0, 1)
        )
        fold = (first * second).sum(-1) < 0.45
        fold &= np.diff(rendered.part, axis=axis) != 0
        where = [slice(None), slice(None)]
        where[axis] = slice(0, -1)
        edge[tuple(where)] |= jump | fold
    return edge.astype(np.float32)


STYLES: dict[str, Callable[[Rendered, float], np.ndarray]] = {"cel": cel, "pencil": pencil}
