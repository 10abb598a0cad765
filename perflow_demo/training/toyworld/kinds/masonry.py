"""What buildings are fitted with: doors, windows, arches, facets."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.palette import BLACK, GLASS, GOLD, LEAF, WHITE, WOOD
from perflow_demo.training.toyworld.parts import Paint, Part
from perflow_demo.training.toyworld.primitives import box, cylinder, prism, sphere, torus

STONE = Paint((0.62, 0.60, 0.57))


def place(parts: list[Part], x: float, y: float, z: float) -> list[Part]:
    return [part.move(x, y, z) for part in parts]


def door(paint: Paint, width: float = 0.4, height: float = 0.68) -> list[Part]:
    """A door with frame and knob; its foot at the origin, on a wall at z = 0."""
    frame = box(width + 0.12, height + 0.07, 0.1, WHITE, 0.025).move(y=(height + 0.07) / 2)
    leaf = box(width, height, 0.08, paint, 0.025).move(y=height / 2, z=0.03)
    pane = box(0.5 * width, 0.24 * height, 0.06, GLASS, 0.02).move(y=0.74 * height, z=0.055)
    return [frame, leaf, pane, sphere(0.035, GOLD, 12).move(0.33 * width, 0.45 * height, 0.085)]


def window(
    width: float, height: float, shutters: Paint | None = None, flowers: bool = False
) -> list[Part]:
    """A framed window with glazing bars, centred on the origin of a wall at z = 0."""
    parts = [
        box(width + 0.1, height + 0.1, 0.08, WHITE),
        box(width, height, 0.06, GLASS).move(z=0.02),
        box(0.035, height, 0.05, WHITE).move(z=0.04),
        box(width, 0.035, 0.05, WHITE).move(z=0.04),
    ]
    if shutters:
        leaf = box(0.5 * width, height + 0.08, 0.07, shutters).move(x=0.78 * width + 0.05)
        parts += leaf.pair()
    if flowers:
        parts.append(box(width + 0.12, 0.1, 0.14, WOOD).move(y=-height / 2 - 0.08, z=0.07))
        tones = (Paint((0.93, 0.30, 0.38)), Paint((0.98, 0.80, 0.25)), Paint((0.93, 0.30, 0.38)))
        for i, tone in enumerate(tones):
            x = (i - 1) * 0.36 * width
            parts.append(sphere(0.07, LEAF, 10).move(x, -height / 2 - 0.02, 0.08))
            parts.append(sphere(0.055, tone, 10).move(x, -height / 2 + 0.04, 0.1))
    return parts


def round_window(radius: float) -> list[Part]:
    frame = torus(radius, 0.04, WHITE, 24).turn("x", 90)
    pane = cylinder(radius, 0.04, GLASS).turn("x", 90)
    return [frame, pane, box(2 * radius, 0.03, 0.05, WHITE), box(0.03, 2 * radius, 0.05, WHITE)]


def slit() -> list[Part]:
    """A narrow arched window."""
    frame = arch(0.15, 0.3, 0.06, STONE)
    hole = arch(0.09, 0.24, 0.08, BLACK)
    return [frame, hole]


def arch(width: float, height: float, depth: float, paint: Paint) -> Part:
    """A round-headed shape standing `height` tall about the origin."""
    r = width / 2
    turn = np.linspace(0, np.pi, 14)
    head = [(r * np.cos(a), height / 2 - r + r * np.sin(a)) for a in turn]
    return prism([(-r, -height / 2), (r, -height / 2), *head], depth, paint)


def faceted(part: Part) -> Part:
    """The same solid with flat faces and crisp edges."""
    corners = part.vertices[part.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    faces = np.arange(3 * len(corners), dtype=np.int32).reshape(-1, 3)
    return Part(corners.reshape(-1, 3), np.repeat(normals, 3, axis=0), faces, part.paint)
