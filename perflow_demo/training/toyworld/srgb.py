"""Between sRGB and linear light, and a picture's bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np


def decode(srgb: Sequence[float] | np.ndarray) -> np.ndarray:
    """sRGB in [0, 1] → linear light."""
    c = np.asarray(srgb, np.float64)
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def encode(linear: np.ndarray) -> np.ndarray:
    """Linear light → sRGB, both in [0, 1]; what is brighter is clipped."""
    c = np.clip(linear, 0, 1)
    return np.where(c <= 0.0031308, 12.92 * c, 1.055 * c ** (1 / 2.4) - 0.055)


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
