"""What is behind the things: floor with shadows, wall or sky (numba kernels, linear light)."""

from __future__ import annotations

import numba
import numpy as np

from perflow_demo.training.toyworld.noise import hashed, noise, smoothstep
from perflow_demo.training.toyworld.scenery import FLOORS

PLAIN, GRASS, SAND, SNOW, WOOD = range(len(FLOORS))  # in their order
SUN_LIGHT = (1.2, 0.75, 0.3)
WATER = (0.03, 0.32, 0.50)


@numba.njit(cache=True, fastmath=True)
def _ray(a, b, eye, axes, orthographic):
    """Origin and unit direction of the line of sight through (a, b) of the image plane."""
    ox, oy, oz = eye
    dx, dy, dz = -axes[2, 0], -axes[2, 1], -axes[2, 2]
    sx = a * axes[0, 0] + b * axes[1, 0]
    sy = a * axes[0, 1] + b * axes[1, 1]
    sz = a * axes[0, 2] + b * axes[1, 2]
    if orthographic:
        return ox + sx, oy + sy, oz + sz, dx, dy, dz
    dx, dy, dz = dx + sx, dy + sy, dz + sz
    length = np.sqrt(dx * dx + dy * dy + dz * dz)
    return ox, oy, oz, dx / length, dy / length, dz / length


@numba.njit(cache=True, fastmath=True)
def _sun(azimuth, height):
    """A disc with a halo, its centre at azimuth 0.13 and height 0.07."""
    off = np.sqrt((azimuth - 0.13) ** 2 + (height - 0.07) ** 2)
    return 1.0 - smoothstep(0.055, 0.065, off) + 0.35 * np.exp(-off * 5.0)


@numba.njit(cache=True, fastmath=True)
def _star(azimuth, height):
    """At most one star in each cell of a lattice on the sky; its hash sets place and size."""
    x, y = azimuth * 26.0, height * 26.0
    ix, iy = np.floor(x), np.floor(y)
    h = hashed(int(ix), int(iy))
    if h <= 0.72:
        return 0.0
    ex, ey = x - ix - 0.25 - 0.5 * h, y - iy - 1.6 * (h - 0.6)
    return max(0.0, 1.0 - np.sqrt(ex * ex + ey * ey) / (0.05 + 0.09 * (h - 0.72) / 0.28))


@numba.njit(cache=True, fastmath=True)
def _hill_cover(azimuth, height):
    """1 below the ridge of the hills, 0 above."""
    ridge = 0.030 + 0.022 * np.sin(azimuth * 7.0) + 0.012 * np.sin(azimuth * 15.0 + 1.3)
    return 1.0 - smoothstep(ridge - 0.002, ridge + 0.004, height)


@numba.njit(cache=True, fastmath=True)
def _between(grid, row, column):
    """The grid's value between four of its points (bilinear), 1 outside of it."""
    count = grid.shape[0]
    if not (0.0 <= column < count - 1 and 0.0 <= row < count - 1):
        return 1.0
    i, j = int(row), int(column)
    v, u = row - i, column - j
    return (
        (1 - u) * (1 - v) * grid[i, j]
        + u * (1 - v) * grid[i, j + 1]
        + (1 - u) * v * grid[i + 1, j]
        + u * v * grid[i + 1, j + 1]
    )


@numba.njit(cache=True, fastmath=True)
def _floor_tone(kind, along, across, detail):
    """Brightness of a floor's pattern, about 1; `detail` in (0, 1] fades fine grain far away."""
    if kind == GRASS:
        blades = noise(across * 13, along * 13) - 0.5
        patches = noise(across * 1.7, along * 1.7) - 0.5
        return 1.0 + 0.30 * blades * detail + 0.30 * patches
    if kind == SAND:
        ripple = np.sin(8 * along + 3 * noise(across * 1.3, along * 1.3))
        return 1.0 + 0.05 * ripple * detail + 0.10 * (noise(across * 2, along * 2) - 0.5)
    if kind == SNOW:
        return 1.0 + 0.07 * (noise(across * 1.8, along * 1.8) - 0.5)
    if kind == WOOD:
        plank = across / 0.55 + 50.0
        edge = abs(plank - np.floor(plank) - 0.5) * 2.0
        shift = np.sin(np.floor(plank) * 12.9898) * 43.7
        shift -= np.floor(shift)
        grain = noise(across * 22, along * 1.1 + 9 * shift) - 0.5
        gap = 0.45 * smoothstep(0.965, 0.99, edge) * detail
        return (0.90 + 0.2 * shift + 0.22 * grain * detail) * (1.0 - gap)
    return 1.0


@numba.njit(cache=True, fastmath=True)
def shade_background(
    size, eye, axes, half_height, orthographic, floor_y, floor_kind, floor, horizon, zenith,
    hill, has_hill, haze, key, ambient, stars, sun, sea, facing, reach, key_grid, dome_grid, phase,
):  # fmt: skip
    """Linear colour of what is behind the things, size×size×3: floor with shadows, wall or sky.

    facing: the view's direction on the floor (x, z); key_grid, dome_grid: `floor_light` in ±reach;
    the rest as in Scenery and Camera. One loop, since sky and floor share the line of sight.
    """
    image = np.zeros((size, size, 3), np.float32)
    count = key_grid.shape[0]
    for r in range(size):
        for c in range(size):
            a = ((c + 0.5) / size * 2 - 1) * half_height
            b = (1 - (r + 0.5) / size * 2) * half_height
            ox, oy, oz, dx, dy, dz = _ray(a, b, eye, axes, orthographic)
            azimuth = 0.0
            if dy > -0.12 and (stars or sun or has_hill):
                ahead, aside = facing[0] * dx + facing[1] * dz, facing[1] * dx - facing[0] * dz
                azimuth = np.arctan2(aside, ahead)
            up = smoothstep(0.0, 0.45, dy)
            star = _star(azimuth + phase, dy) if stars and dy > 0.0 else 0.0
            glow = _sun(azimuth, dy) if sun else 0.0
            cover = _hill_cover(azimuth + phase, dy) if has_hill and dy < 0.1 else 0.0
            for ch in range(3):
                sky = horizon[ch] * (1 - up) + zenith[ch] * up + star + SUN_LIGHT[ch] * glow
                image[r, c, ch] = sky * (1 - cover) + hill[ch] * cover
            if dy > -1e-4:
                continue
            distance = (floor_y - oy) / dy
            x, z = ox + dx * distance, oz + dz * distance
            away = np.sqrt(x * x + z * z)
            row = (z + reach) / (2 * reach) * count - 0.5
            column = (x + reach) / (2 * reach) * count - 0.5
            lit, open_dome = _between(key_grid, row, column), _between(dome_grid, row, column)
            ahead, aside = facing[0] * x + facing[1] * z, facing[1] * x - facing[0] * z
            along, across = ahead + 3.0 * phase, aside + 5.0 * phase
            tone = _floor_tone(floor_kind, along, across, np.exp(-away * 0.30))
            far = smoothstep(0.35 * haze, haze, away)
            water, foam = 0.0, 0.0
            if sea:
                shore = 3.6 + 0.25 * np.sin(across * 0.7) - ahead
                water = 1.0 - smoothstep(-0.15, 0.15, shore)
                foam = 0.55 * np.exp(-(shore**2) * 12.0)
            wave = 0.06 * np.sin(along * 5.0 + 2.0 * np.sin(across * 1.1))
            for ch in range(3):
                light = key[ch] * lit * 0.30 + ambient * 0.42 * open_dome
                ground = floor[ch] * tone * light / (0.30 * 2.2 + 0.42)
                ground = ground * (1 - water) + (WATER[ch] + wave * 0.5) * water + foam
                image[r, c, ch] = ground * (1 - far) + image[r, c, ch] * far
    return image
