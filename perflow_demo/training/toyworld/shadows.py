"""How much light a point is left: shadow map, floor and ambient occlusion (numba kernels)."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, fastmath=True)
def shadow_at(px, py, pz, light_axes, shadow, span, taps, softness):
    """Share of the key light that reaches a point; penumbrae grow with the blocker's distance."""
    size = shadow.shape[0]
    lx = light_axes[0, 0] * px + light_axes[0, 1] * py + light_axes[0, 2] * pz
    ly = light_axes[1, 0] * px + light_axes[1, 1] * py + light_axes[1, 2] * pz
    lz = 10.0 - (light_axes[2, 0] * px + light_axes[2, 1] * py + light_axes[2, 2] * pz)
    u, v = (lx / span + 1) * size / 2, (1 - ly / span) * size / 2
    pixel = size / (2 * span)
    blockers, distance = 0, 0.0
    for i in range(taps.shape[0]):
        c, r = int(u + taps[i, 0] * 0.10 * pixel), int(v + taps[i, 1] * 0.10 * pixel)
        if 0 <= c < size and 0 <= r < size and shadow[r, c] < lz - 0.02:
            blockers += 1
            distance += lz - shadow[r, c]
    if blockers == 0:
        return 1.0
    if blockers == taps.shape[0] and distance / blockers * softness < 0.02:
        return 0.0
    radius = (0.015 + softness * distance / blockers) * pixel
    lit = 0.0
    for i in range(taps.shape[0]):
        c, r = int(u + taps[i, 0] * radius), int(v + taps[i, 1] * radius)
        if not (0 <= c < size and 0 <= r < size) or shadow[r, c] >= lz - 0.02:
            lit += 1.0
    return lit / taps.shape[0]


@numba.njit(cache=True, fastmath=True)
def floor_light(count, reach, floor_y, light_axes, shadow, span, underside, under_span, taps):
    """count×count grid over the floor (±reach): key visibility and openness to the dome."""
    key = np.ones((count, count), np.float32)
    dome = np.ones((count, count), np.float32)
    size = underside.shape[0]
    for i in range(count):
        for j in range(count):
            x, z = (j + 0.5) / count * 2 * reach - reach, (i + 0.5) / count * 2 * reach - reach
            key[i, j] = shadow_at(x, floor_y, z, light_axes, shadow, span, taps, 0.16)
            hidden = 0.0
            for k in range(taps.shape[0]):
                for radius in (0.10, 0.28):
                    c = int(((x + taps[k, 0] * radius) / under_span + 1) * size / 2)
                    r = int(((z + taps[k, 1] * radius) / under_span + 1) * size / 2)
                    if 0 <= c < size and 0 <= r < size:
                        hidden += max(0.0, 1.0 - underside[r, c] / (2.2 * radius))
            dome[i, j] = 1.0 - 0.75 * hidden / (2 * taps.shape[0])
    return key, dome


@numba.njit(cache=True, fastmath=True)
def occlusion(position, normal, mask, axes, eye, half_height, orthographic, depth, taps, floor_y):
    """Openness to the dome at every second pixel (size/2 × size/2), from the depth buffer."""
    size = depth.shape[0]
    half = size // 2
    out = np.ones((half, half), np.float32)
    for i in range(half):
        for j in range(half):
            r, c = 2 * i, 2 * j
            if not mask[r, c]:
                continue
            hidden = 0.0
            for k in range(taps.shape[0]):
                sx, sy, sz = taps[k]
                if sx * normal[r, c, 0] + sy * normal[r, c, 1] + sz * normal[r, c, 2] < 0:
                    sx, sy, sz = -sx, -sy, -sz
                qx = position[r, c, 0] + sx + 0.02 * normal[r, c, 0]
                qy = position[r, c, 1] + sy + 0.02 * normal[r, c, 1]
                qz = position[r, c, 2] + sz + 0.02 * normal[r, c, 2]
                if qy < floor_y:
                    hidden += 0.5
                    continue
                dx, dy, dz = qx - eye[0], qy - eye[1], qz - eye[2]
                vz = -(axes[2, 0] * dx + axes[2, 1] * dy + axes[2, 2] * dz)
                scale = half_height if orthographic else half_height * vz
                u = (axes[0, 0] * dx + axes[0, 1] * dy + axes[0, 2] * dz) / scale
                v = (axes[1, 0] * dx + axes[1, 1] * dy + axes[1, 2] * dz) / scale
                cc, rr = int((u + 1) * size / 2), int((1 - v) * size / 2)
                if 0 <= cc < size and 0 <= rr < size:
                    behind = vz - depth[rr, cc]
                    if 0.012 < behind < 0.5:
                        hidden += 1.0 - behind / 0.5
            out[i, j] = 1.0 - hidden / taps.shape[0]
    return out
