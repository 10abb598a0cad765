"""Pictures made smaller and worse, as those that somebody wants refined."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter

CLEAN = 0.3  # share of pictures that are only made smaller


def degraded(picture: Image.Image, factor: float, rng: np.random.Generator) -> Image.Image:
    """The RGB picture `factor` times smaller, at random blurred before, noisy and JPEG after."""
    size = tuple(max(1, round(side / factor)) for side in picture.size)
    if rng.random() < CLEAN:
        return picture.resize(size, Image.Resampling.LANCZOS)
    blurred = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.5) * factor))
    small = blurred.resize(size, rng.choice(list(Image.Resampling)))
    levels = np.asarray(small) + rng.normal(0, rng.uniform(0, 10), (*size[::-1], 3))
    noisy = Image.fromarray(levels.clip(0, 255).round().astype(np.uint8))
    file = BytesIO()
    noisy.save(file, "JPEG", quality=int(rng.integers(40, 96)))
    return Image.open(file).convert("RGB")
