"""A scene of parts → a picture and its truth: colour, alpha, normals, depth, part ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from perflow_demo.geometry.cameras import Camera
from perflow_demo.training.toyworld.backdrop import shade_background
from perflow_demo.training.toyworld.parts import FINISHES, Part
from perflow_demo.training.toyworld.rasteriser import rasterise, surface
from perflow_demo.training.toyworld.scenery import FLOORS, Scenery
from perflow_demo.training.toyworld.shading import shade_surface
from perflow_demo.training.toyworld.shadows import floor_light, occlusion
from perflow_demo.training.toyworld.srgb import decode, to_bytes

SHADOW_SIZE, SHADOW_SPAN = 512, 1.9
FLOOR_COUNT, FLOOR_REACH = 192, 3.4
LIGHT_DISTANCE = 10.0


@dataclass(frozen=True)
class Rendered:
    """size×size arrays: colour uint8 ×3 (sRGB), alpha uint8, normal float16 ×3 (world, 0 outside),
    depth float32 (along the view axis, 0 outside), part int16 (−1 outside)."""

    colour: np.ndarray
    alpha: np.ndarray
    normal: np.ndarray
    depth: np.ndarray
    part: np.ndarray


@dataclass(frozen=True)
class Merged:
    """All parts of a scene as one mesh."""

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    part_of_face: np.ndarray


def render(
    parts: Sequence[Part],
    camera: Camera,
    scenery: Scenery,
    size: int,
    light_azimuth: float,
    light_elevation: float = 48.0,
    phase: float = 0.0,
    supersampling: int = 2,
) -> Rendered:
    """Renders `parts` (within 1.7 of the origin) on a floor at the height of their lowest point.

    light_azimuth, light_elevation: where the key light stands, degrees, world; phase: which stretch
    of the scenery's patterns, hills and stars is seen (any number).
    """
    mesh = merge(parts)
    fine = size * supersampling
    seen = rasterise(mesh.vertices, mesh.faces, camera, fine)
    position, normal, part_at = surface(
        mesh.vertices, mesh.normals, mesh.faces, mesh.part_of_face, seen.face, seen.u, seen.v
    )
    image, background = _shade(
        parts, mesh, camera, scenery, seen, position, normal, part_at, size,
        light_azimuth, light_elevation, phase,
    )  # fmt: skip
    colour, alpha = to_bytes(image, part_at, background)
    centre = slice(supersampling // 2, None, supersampling)
    part = part_at[centre, centre]
    inside = part >= 0
    return Rendered(
        colour=colour,
        alpha=alpha,
        normal=(normal[centre, centre] * inside[..., None]).astype(np.float16),
        depth=seen.depth[centre, centre] * inside,
        part=part.astype(np.int16),
    )


def coverage(
    parts: Sequence[Part], camera: Camera, size: int, supersampling: int = 2
) -> np.ndarray:
    """The alpha of `render` alone, without its light: size×size uint8."""
    mesh = merge(parts)
    seen = rasterise(mesh.vertices, mesh.faces, camera, size * supersampling).face >= 0
    blocks = seen.reshape(size, supersampling, size, supersampling)
    return (255 * blocks.mean((1, 3)) + 0.5).astype(np.uint8)


def merge(parts: Sequence[Part]) -> Merged:
    """One mesh of all parts; `part_of_face` tells which part a face came from."""
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    return Merged(
        np.concatenate([part.vertices for part in parts]).astype(np.float32),
        np.concatenate([part.normals for part in parts]).astype(np.float32),
        np.concatenate(
            [part.faces + start for part, start in zip(parts, starts, strict=False)]
        ).astype(np.int32),
        np.repeat(np.arange(len(parts), dtype=np.int32), [len(part.faces) for part in parts]),
    )


def _shade(
    parts, mesh, camera, scenery, seen, position, normal, part_at, size, azimuth, elevation, phase
) -> tuple[np.ndarray, np.ndarray]:
    """Linear colour of the things at the fine resolution, and of what is behind them at `size`."""
    light = Camera.orbit(azimuth, elevation, LIGHT_DISTANCE, SHADOW_SPAN, orthographic=True)
    shadow = rasterise(mesh.vertices, mesh.faces, light, SHADOW_SIZE).depth
    floor_y = float(mesh.vertices[:, 1].min())
    light_axes = light.axes.astype(np.float32)
    horizon, zenith, floor = (decode(c) for c in (scenery.horizon, scenery.zenith, scenery.floor))
    key = np.array(scenery.key) * scenery.key_strength
    taps = _disc(20)
    openness = occlusion(
        position, normal, part_at >= 0, camera.axes.astype(np.float32), camera.eye,
        camera.half_height, camera.orthographic, seen.depth, _ball(20), floor_y,
    )  # fmt: skip
    image = shade_surface(
        position, normal, part_at, *_paint_table(parts), openness, camera.eye, camera.orthographic,
        camera.axes[2], light.axes[2], light_axes, key, scenery.ambient, horizon, zenith, floor,
        floor_y, shadow, SHADOW_SPAN, taps,
    )  # fmt: skip
    key_grid, dome_grid = floor_light(
        FLOOR_COUNT, FLOOR_REACH, floor_y, light_axes, shadow, SHADOW_SPAN,
        _underside(mesh, floor_y), SHADOW_SPAN, _disc(56),
    )  # fmt: skip
    forward = -camera.axes[2]
    facing = forward[[0, 2]] / max(np.linalg.norm(forward[[0, 2]]), 1e-6)
    background = shade_background(
        size, camera.eye, camera.axes, camera.half_height, camera.orthographic, floor_y,
        FLOORS.index(scenery.floor_kind), floor, horizon, zenith,
        decode(scenery.hills or (0, 0, 0)), scenery.hills is not None, scenery.haze, key,
        scenery.ambient, scenery.stars, scenery.sun, scenery.sea, facing, FLOOR_REACH, key_grid,
        dome_grid, phase,
    )  # fmt: skip
    return image, background


def _paint_table(parts: Sequence[Part]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Linear first and second colour (P×3) and finish index (P) of every part."""
    return (
        np.array([decode(part.paint.colour) for part in parts]),
        np.array([decode(part.paint.second) for part in parts]),
        np.array([FINISHES.index(part.paint.finish) for part in parts]),
    )


def _underside(mesh: Merged, floor_y: float) -> np.ndarray:
    """Height above the floor of the lowest surface on a grid (row z, column x), 1e9 where empty."""
    flipped = mesh.vertices[:, [0, 2, 1]] * np.array([1, -1, -1], np.float32)
    above = Camera(np.array([0, 0, 0.0]), np.eye(3), SHADOW_SPAN, orthographic=True)
    flipped[:, 2] = -(mesh.vertices[:, 1] - floor_y)
    return rasterise(flipped, mesh.faces, above, 160).depth


def _disc(count: int) -> np.ndarray:
    """`count` points spread evenly over the unit disc (Vogel's spiral)."""
    index = np.arange(count) + 0.5
    radius, angle = np.sqrt(index / count), index * 2.399963
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]).astype(np.float32)


def _ball(count: int) -> np.ndarray:
    """`count` offsets in a ball of radius 0.34, denser at its centre (a Fibonacci spiral)."""
    index = np.arange(count) + 0.5
    y, angle = 1 - 2 * index / count, index * 2.399963
    flat = np.sqrt(1 - y * y)
    radius = 0.05 + 0.29 * ((index * 0.618034) % 1.0) ** 1.5
    return (
        np.column_stack([flat * np.cos(angle), y, flat * np.sin(angle)]) * radius[:, None]
    ).astype(np.float32)
