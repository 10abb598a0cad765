"""What the alpha of a cut-out tells: how many things, which borders they touch, their colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

SPECK = 0.02  # smaller parts than this share of the largest are faults of whoever cut it out
THING = 0.15  # larger parts than this share of the largest are things of their own
RIM = 2  # pixels that a soft edge may reach beyond where alpha is half
TRACE = 0.02
OPAQUE = 0.95
REACH = 4  # pixels from which the rim takes its colours


@dataclass(frozen=True)
class Silhouette:
    """An alpha without specks, and what it shows.

    alpha: H×W in [0, 1], 0 wherever there is nothing. things: separate parts of like size.
    borders: sides of the picture that they touch, 0..4. rim: share of its outermost pixels that
    they cover. share: of the picture that they cover.
    """

    alpha: np.ndarray
    things: int
    borders: int
    rim: float
    share: float


def read(alpha: np.ndarray) -> Silhouette:
    """The silhouette of an alpha, H×W in [0, 1]."""
    labels, count = ndimage.label(alpha > 0.5, np.ones((3, 3)))
    if not count:
        return Silhouette(np.zeros_like(alpha), 0, 0, 0.0, 0.0)
    areas = np.bincount(labels.ravel())
    areas[0] = 0  # what no part covers
    solid = (areas >= SPECK * areas.max())[labels] & (labels > 0)
    near = ndimage.binary_dilation(solid, np.ones((3, 3)), RIM)
    sides = solid[0], solid[-1], solid[:, 0], solid[:, -1]
    return Silhouette(
        np.where(near & (alpha >= TRACE), alpha, 0),
        int((areas >= THING * areas.max()).sum()),
        sum(bool(side.any()) for side in sides),
        float(np.concatenate(sides).mean()),
        float(solid.mean()),
    )


def own_colours(picture: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The picture with the rim in the colours of the nearest opaque pixels, H×W×3 uint8.

    alpha: H×W in [0, 1]. What lay behind the rim would shine through on any other background.
    """
    rim = (alpha > 0) & (alpha < OPAQUE)
    distance, nearest = ndimage.distance_transform_edt(alpha < OPAQUE, return_indices=True)
    changed = rim & (distance <= REACH)
    coloured = picture.copy()
    coloured[changed] = picture[tuple(nearest[:, changed])]
    return coloured
