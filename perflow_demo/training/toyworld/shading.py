"""Light: deferred shading of what the rasteriser saw, in linear light (numba kernels).

Three lights (a soft key with a shadow map, a rim from behind, an ambient dome), ambient occlusion
from depth, contact shadows on the floor, and a small painted environment for reflections.
"""

from __future__ import annotations

import numba
import numpy as np

MATTE, GLOSSY, METALLIC, WOODEN, STRIPED, DOTTED, GLASS, GLOWING = range(8)
PLAIN, GRASS, SAND, SNOW, WOOD = range(5)


@numba.njit(cache=True, fastmath=True, inline="always")
def smoothstep(low, high, x):
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@numba.njit(cache=True, fastmath=True, inline="always")
def _tone(x):
    """A soft shoulder above 0.8 instead of clipping."""
    return max(x, 0.0) if x < 0.8 else 1.0 - 0.2 * np.exp((0.8 - x) * 5.0)


@numba.njit(cache=True, fastmath=True)
def to_bytes(image, paint_at, background):
    """Linear light → sRGB bytes: blocks of the image's finer pixels averaged over `background`."""
    size = background.shape[0]
    factor = image.shape[0] // size
    colour = np.empty((size, size, 3), np.uint8)
    alpha = np.empty((size, size), np.uint8)
    total = np.empty(3)
    for r in range(size):
        for c in range(size):
            total[:] = 0.0
            covered = 0
            for i in range(factor * r, factor * r + factor):
                for j in range(factor * c, factor * c + factor):
                    if paint_at[i, j] >= 0:
                        covered += 1
                        for ch in range(3):
                            total[ch] += _tone(image[i, j, ch])
            empty = factor * factor - covered
            alpha[r, c] = int(255.0 * covered / (factor * factor) + 0.5)
            for ch in range(3):
                x = (total[ch] + empty * _tone(background[r, c, ch])) / (factor * factor)
                x = 12.92 * x if x <= 0.0031308 else 1.055 * x ** (1 / 2.4) - 0.055
                colour[r, c, ch] = int(x * 255 + 0.5)
    return colour, alpha


@numba.njit(cache=True, fastmath=True)
def _hashed(x, y):
    """A number in [0, 1) for an integer lattice point."""
    h = (x * 374761393 + y * 668265263) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((h ^ (h >> 16)) & 0xFFFF) / 65536.0


@numba.njit(cache=True, fastmath=True)
def noise(x, y):
    """Smooth value noise in [0, 1]."""
    ix, iy = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - ix, y - iy
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    low = _hashed(ix, iy) * (1 - fx) + _hashed(ix + 1, iy) * fx
    high = _hashed(ix, iy + 1) * (1 - fx) + _hashed(ix + 1, iy + 1) * fx
    return low * (1 - fy) + high * fy


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
                if finish == METALLIC:
                    tint = albedo[ch] + (1 - albedo[ch]) * fresnel
                    value = diffuse * 0.25 + tint * (
                        mirror[ch] * 0.75 * (0.35 + 0.65 * open_dome) + key[ch] * lit * nh**60
                    )
                elif finish == GLASS:
                    tint = 0.25 + 0.75 * fresnel
                    value = diffuse * 0.55 + tint * mirror[ch] * 0.6 + key[ch] * lit * nh**120 * 1.5
                elif finish == GLOWING:
                    value = albedo[ch] * 1.25 + 0.1 * diffuse
                elif finish == GLOSSY:
                    tint = (0.05 + 0.6 * fresnel) * (0.3 + 0.7 * open_dome)
                    value = diffuse + tint * mirror[ch] + key[ch] * lit * nh**90 * 0.55
                else:
                    value = diffuse + 0.10 * fresnel * mirror[ch] * open_dome
                    value += key[ch] * lit * nh**12 * 0.025
                image[r, c, ch] = value
    return image


@numba.njit(cache=True, fastmath=True)
def shade_background(
    size, eye, axes, half_height, orthographic, floor_y, floor_kind, floor, horizon, zenith,
    hill, has_hill, haze, key, ambient, stars, sun, sea, facing, reach, key_grid, dome_grid, phase,
):  # fmt: skip
    """Linear colour of what is behind the things, size×size×3: floor with shadows, wall or sky."""
    image = np.zeros((size, size, 3), np.float32)
    count = key_grid.shape[0]
    for r in range(size):
        for c in range(size):
            a = ((c + 0.5) / size * 2 - 1) * half_height
            b = (1 - (r + 0.5) / size * 2) * half_height
            ox, oy, oz = eye
            dx, dy, dz = -axes[2, 0], -axes[2, 1], -axes[2, 2]
            sx = a * axes[0, 0] + b * axes[1, 0]
            sy = a * axes[0, 1] + b * axes[1, 1]
            sz = a * axes[0, 2] + b * axes[1, 2]
            if orthographic:
                ox, oy, oz = ox + sx, oy + sy, oz + sz
            else:
                dx, dy, dz = dx + sx, dy + sy, dz + sz
                length = np.sqrt(dx * dx + dy * dy + dz * dz)
                dx, dy, dz = dx / length, dy / length, dz / length
            seen = facing[0] * dx + facing[1] * dz, facing[1] * dx - facing[0] * dz
            azimuth = phase
            if dy > -0.12 and (stars or sun or has_hill):
                azimuth += np.arctan2(seen[1], seen[0])
            up = smoothstep(0.0, 0.45, dy)
            glow = 0.0
            if sun:
                off = np.sqrt((azimuth - phase - 0.13) ** 2 + (dy - 0.07) ** 2)
                glow = 1.0 - smoothstep(0.055, 0.065, off) + 0.35 * np.exp(-off * 5.0)
            star = 0.0
            if stars and dy > 0.0:
                gx, gy = azimuth * 26.0, dy * 26.0
                ix, iy = np.floor(gx), np.floor(gy)
                h = _hashed(int(ix), int(iy))
                if h > 0.72:
                    ex, ey = gx - ix - 0.25 - 0.5 * h, gy - iy - 1.6 * (h - 0.6)
                    star = max(
                        0.0, 1.0 - np.sqrt(ex * ex + ey * ey) / (0.05 + 0.09 * (h - 0.72) / 0.28)
                    )
            for ch in range(3):
                image[r, c, ch] = horizon[ch] * (1 - up) + zenith[ch] * up + star
            if sun:
                image[r, c, 0] += 1.2 * glow
                image[r, c, 1] += 0.75 * glow
                image[r, c, 2] += 0.3 * glow
            if has_hill and dy < 0.1:
                ridge = 0.030 + 0.022 * np.sin(azimuth * 7.0) + 0.012 * np.sin(azimuth * 15.0 + 1.3)
                cover = 1.0 - smoothstep(ridge - 0.002, ridge + 0.004, dy)
                for ch in range(3):
                    image[r, c, ch] = image[r, c, ch] * (1 - cover) + hill[ch] * cover
            if dy > -1e-4:
                continue
            distance = (floor_y - oy) / dy
            x, z = ox + dx * distance, oz + dz * distance
            away = np.sqrt(x * x + z * z)
            lit, open_dome = 1.0, 1.0
            gx, gz = (
                (x + reach) / (2 * reach) * count - 0.5,
                (z + reach) / (2 * reach) * count - 0.5,
            )
            if 0.0 <= gx < count - 1 and 0.0 <= gz < count - 1:
                ix, iz = int(gx), int(gz)
                fx, fz = gx - ix, gz - iz
                w00, w01, w10, w11 = (1 - fx) * (1 - fz), fx * (1 - fz), (1 - fx) * fz, fx * fz
                lit = (
                    w00 * key_grid[iz, ix]
                    + w01 * key_grid[iz, ix + 1]
                    + w10 * key_grid[iz + 1, ix]
                    + w11 * key_grid[iz + 1, ix + 1]
                )
                open_dome = (
                    w00 * dome_grid[iz, ix]
                    + w01 * dome_grid[iz, ix + 1]
                    + w10 * dome_grid[iz + 1, ix]
                    + w11 * dome_grid[iz + 1, ix + 1]
                )
            along, across = facing[0] * x + facing[1] * z, facing[1] * x - facing[0] * z
            along, across = along + 3.0 * phase, across + 5.0 * phase
            detail = np.exp(-away * 0.30)
            tone, r_shift = 1.0, 0.0
            if floor_kind == GRASS:
                blades = noise(across * 13, along * 13) - 0.5
                patches = noise(across * 1.7, along * 1.7) - 0.5
                tone = 1.0 + 0.30 * blades * detail + 0.30 * patches
            elif floor_kind == SAND:
                ripple = np.sin(8 * along + 3 * noise(across * 1.3, along * 1.3))
                tone = 1.0 + 0.05 * ripple * detail + 0.10 * (noise(across * 2, along * 2) - 0.5)
            elif floor_kind == SNOW:
                tone = 1.0 + 0.07 * (noise(across * 1.8, along * 1.8) - 0.5)
            elif floor_kind == WOOD:
                plank = across / 0.55 + 50.0
                edge = abs(plank - np.floor(plank) - 0.5) * 2.0
                shift = np.sin(np.floor(plank) * 12.9898) * 43.7
                shift -= np.floor(shift)
                grain = noise(across * 22, along * 1.1 + 9 * shift) - 0.5
                tone = (0.90 + 0.2 * shift + 0.22 * grain * detail) * (
                    1.0 - 0.45 * smoothstep(0.965, 0.99, edge) * detail
                )
            far = smoothstep(0.35 * haze, haze, away)
            water = 0.0
            if sea:
                shore = 3.6 + 0.25 * np.sin(across * 0.7) - (along - 3.0 * phase)
                water = 1.0 - smoothstep(-0.15, 0.15, shore)
                foam = np.exp(-(shore**2) * 12.0)
                r_shift = 0.55 * foam
            for ch in range(3):
                light = key[ch] * lit * 0.30 + ambient * 0.42 * open_dome
                ground = floor[ch] * tone * light / (0.30 * 2.2 + 0.42)
                if water > 0.0:
                    wave = 0.06 * np.sin(along * 5.0 + 2.0 * np.sin(across * 1.1))
                    blue = (0.03, 0.32, 0.50)[ch] + wave * 0.5
                    ground = ground * (1 - water) + blue * water
                ground += r_shift
                image[r, c, ch] = ground * (1 - far) + image[r, c, ch] * far
    return image
