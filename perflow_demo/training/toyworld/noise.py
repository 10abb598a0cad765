"""Smooth steps and value noise, which light, finishes and scenery share (numba kernels).

Numba's cache looks at the file of the kernel that is called, not at those it calls: after a change
here, delete `__pycache__`.
"""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, fastmath=True, inline="always")
def smoothstep(low, high, x):
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@numba.njit(cache=True, fastmath=True)
def hashed(x, y):
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
    low = hashed(ix, iy) * (1 - fx) + hashed(ix + 1, iy) * fx
    high = hashed(ix, iy + 1) * (1 - fx) + hashed(ix + 1, iy + 1) * fx
    return low * (1 - fy) + high * fy
