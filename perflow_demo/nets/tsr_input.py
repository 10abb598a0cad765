"""A cut-out object as TSR expects it: centred, sized, on grey. 8-bit arrays throughout."""

from __future__ import annotations

import numpy as np

FOREGROUND_RATIO = 0.85
GREY = 0.5


def frame_object(cutout: np.ndarray, ratio: float = FOREGROUND_RATIO) -> np.ndarray:
    """A square RGBA picture whose longer side the object fills to `ratio`; transparent around it.

    cutout: H×W×4 uint8. ratio: in (0, 1]. Raises ValueError where nothing is opaque.
    The object's box leaves out its last row and column, as the published weights' preparation does.
    """
    rows, columns = np.nonzero(cutout[..., 3] > 0)
    if not len(rows):
        raise ValueError("the picture is transparent all over")
    box = cutout[rows.min() : rows.max(), columns.min() : columns.max()]
    side = max(box.shape[:2])
    if min(box.shape[:2]) == 0:
        raise ValueError("the object is one pixel wide or high")
    return _centre(_centre(box, side), int(side / ratio))


def on_grey(picture: np.ndarray, grey: float = GREY) -> np.ndarray:
    """RGBA H×W×4 uint8 over a plain grey in [0, 1], as RGB H×W×3 uint8, rounded down."""
    colours = picture.astype(np.float32) / 255
    alpha = colours[..., 3:]
    return ((colours[..., :3] * alpha + grey * (1 - alpha)) * 255).astype(np.uint8)


def _centre(picture: np.ndarray, side: int) -> np.ndarray:
    height, width = picture.shape[:2]
    top, left = (side - height) // 2, (side - width) // 2
    square = np.zeros((side, side, 4), np.uint8)
    square[top : top + height, left : left + width] = picture
    return square
