"""Light on the things: deferred shading of what is seen, in linear light (numba kernels).

Three lights (a soft key with a shadow map, a rim from behind, an ambient dome), ambient occlusion
from depth, contact shadows on the floor, and a small painted environment for reflections.
"""

from __future__ import annotations

import numba
import numpy as np

from perflow_demo.training.toyworld.noise import noise, smoothstep
from perflow_demo.training.toyworld.parts import FINISHES
from perflow_demo.training.toyworld.shadows import shadow_at

MATTE, GLOSSY, METALLIC, WOODEN, STRIPED, DOTTED, GLASS, GLOWING = range(
    len(FINISHES)
)  # in their order


@numba.njit(cache=True, fastmath=True)
def environment(dx, dy, dz, horizon, zenith, floor, lx, ly, lz, out):
    """Light from a direction for reflections: floor, sky gradient and two soft boxes."""
    t = smoothstep(-0.15, 0.25, dy)
    up = smoothstep(0.0, 1.0, dy)
    box = smoothstep(0.80, 0.90, dx * lx + dy * ly + dz * lz) * 3.0
    strip = smoothstep(0.86, 0.93, -dx * lx * 0.8 + dy * 0.45 + dz * lz * 0.4) * 1.2
    for c in range(3):
        sky = horizon[c] * (1 - up) + zenith[c] * up
        out[c] = (0.55 * floor[c]) * (1 - t) + sky * t + box + strip


@numba.njit(cache=True, fastmath=True)
def pattern(finish, px, py, pz, first, second, out):
    """The albedo at an object point under a patterned finish."""
    blend = 0.0
    if finish == STRIPED:
        s = 4.2 * (0.25 * px + 0.92 * py + 0.30 * pz)
        wave = abs(s - np.floor(s) - 0.5) * 2.0
        blend = smoothstep(0.48, 0.56, wave)
    elif finish == DOTTED:
        cell = 0.27
        x, y, z = px / cell, py / cell + 0.5, pz / cell + 0.25
        x += 0.5 * (np.floor(y) % 2)
        x, y, z = x - np.floor(x) - 0.5, y - np.floor(y) - 0.5, z - np.floor(z) - 0.5
        blend = 1.0 - smoothstep(0.34, 0.39, np.sqrt(x * x + y * y + z * z))
    tone = 1.0
    if finish == WOODEN:
        ring = 9.0 * (px * 0.9 + pz * 0.5) + 2.5 * noise(px * 3 + pz * 2, py * 1.2)
        tone = 0.80 + 0.28 * smoothstep(0.1, 0.9, abs(ring - np.floor(ring) - 0.5) * 2.0)
    for c in range(3):
        out[c] = (first[c] * (1 - blend) + second[c] * blend) * tone


@numba.njit(cache=True, fastmath=True)
def _finished(finish, albedo, diffuse, mirror, light, nh, fresnel, open_dome):
    """One channel of what a finish sends to the eye: `diffuse`, the mirrored environment and a
    highlight of the key light (Blinn–Phong: `nh` is normal · half vector), tinted by Schlick's
    `fresnel` = (1 − cos)^5."""
    if finish == METALLIC:
        tint = albedo + (1 - albedo) * fresnel
        shine = mirror * 0.75 * (0.35 + 0.65 * open_dome) + light * nh**60
        return diffuse * 0.25 + tint * shine
    if finish == GLASS:
        tint = 0.25 + 0.75 * fresnel
        return diffuse * 0.55 + tint * mirror * 0.6 + light * nh**120 * 1.5
    if finish == GLOWING:
        return albedo * 1.25 + 0.1 * diffuse
    if finish == GLOSSY:
        tint = (0.05 + 0.6 * fresnel) * (0.3 + 0.7 * open_dome)
        return diffuse + tint * mirror + light * nh**90 * 0.55
    return diffuse + 0.10 * fresnel * mirror * open_dome + light * nh**12 * 0.025


@numba.njit(cache=True, fastmath=True)
def shade_surface(
    position, normal, paint_at, albedo1, albedo2, finishes, openness, eye, orthographic, view_dir,
    light, light_axes, key, ambient, horizon, zenith, floor, floor_y, shadow, span, taps,
):  # fmt: skip
    """Linear colour of every seen object pixel, size×size×3."""
    size = paint_at.shape[0]
    image = np.zeros((size, size, 3), np.float32)
    albedo, mirror = np.empty(3), np.empty(3)
    lx, ly, lz = light
    for r in range(size):
        for c in range(size):
            paint = paint_at[r, c]
            if paint < 0:
                continue
            px, py, pz = position[r, c]
            nx, ny, nz = normal[r, c]
            vx, vy, vz = eye[0] - px, eye[1] - py, eye[2] - pz
            if orthographic:
                vx, vy, vz = view_dir
            inverse = 1.0 / np.sqrt(vx * vx + vy * vy + vz * vz)
            vx, vy, vz = vx * inverse, vy * inverse, vz * inverse
            facing = nx * vx + ny * vy + nz * vz
            if facing < 0.0:
                nx, ny, nz = (
                    nx - 1.02 * facing * vx,
                    ny - 1.02 * facing * vy,
                    nz - 1.02 * facing * vz,
                )
                facing = 0.02
            finish = finishes[paint]
            pattern(finish, px, py, pz, albedo1[paint], albedo2[paint], albedo)
            open_dome = openness[r // 2, c // 2]
            nl = nx * lx + ny * ly + nz * lz
            lit = 0.0
            if nl > -0.15:
                lit = shadow_at(
                    px + 0.03 * nx, py + 0.03 * ny, pz + 0.03 * nz,
                    light_axes, shadow, span, taps, 0.09,
                )  # fmt: skip
            wrapped = max(0.0, (nl + 0.15) / 1.15) * lit
            rim = max(0.0, -nx * lx * 0.9 + ny * 0.35 - nz * lz * 0.9) * (1 - facing) ** 2
            up = 0.5 + 0.5 * ny
            near_floor = 1.0 - 0.45 * (1.0 - up) * np.exp(-max(0.0, py - floor_y) * 4.0)
            rx, ry, rz = 2 * facing * nx - vx, 2 * facing * ny - vy, 2 * facing * nz - vz
            environment(rx, ry, rz, horizon, zenith, floor, lx, ly, lz, mirror)
            hx, hy, hz = lx + vx, ly + vy, lz + vz
            nh = max(0.0, (nx * hx + ny * hy + nz * hz) / np.sqrt(hx * hx + hy * hy + hz * hz))
            fresnel = (1.0 - facing) ** 5
            for ch in range(3):
                dome = ambient * (zenith[ch] * 0.5 + 0.35) * up + ambient * (1 - up) * (
                    0.45 * floor[ch] + 0.12
                )
                dome *= open_dome * open_dome * near_floor
                diffuse = albedo[ch] * (key[ch] * wrapped * 0.36 + dome * 0.72 + 0.35 * rim)
                image[r, c, ch] = _finished(
                    finish, albedo[ch], diffuse, mirror[ch], key[ch] * lit, nh, fresnel, open_dome
                )
    return image
