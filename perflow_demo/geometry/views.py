"""The six views of an object, and how a multiview network is told which is which."""

from __future__ import annotations

import numpy as np

from perflow_demo.geometry.cameras import Camera

VIEWS = ("front", "front_right", "right", "back", "left", "front_left")
# Degrees from the input view to each view, for `Camera.orbit`.
AZIMUTHS = (0.0, 45.0, 90.0, 180.0, 270.0, 315.0)
DOMAINS = ("normals", "colours")

# Polar angle and azimuth of each view less those of the front, in radians, as Wonder3D's weights
# know them: rounded, and kept in half precision. They are labels rather than measurements, for the
# reference's cameras circle a tilted axis (the test derives them from poses).
ANGLES = (
    (0.0, 0.0),
    (-0.2362, 0.8125),
    (-0.1686, 1.6934),
    (0.5220, 3.1406),
    (0.6904, 4.8359),
    (0.3733, 5.5859),
)


def angles_between(eyes: np.ndarray) -> np.ndarray:
    """Polar angle and azimuth of cameras less those of the first, in radians, V×2.

    eyes: V×3, places of cameras that look at the origin, +Y up; the azimuth is that of
    `Camera.orbit` and given in [0, 2π).
    """
    x, y, z = (eyes / np.linalg.norm(eyes, axis=1, keepdims=True)).T
    polar, azimuth = np.arccos(y), np.arctan2(x, z)
    return np.column_stack([polar - polar[0], (azimuth - azimuth[0]) % (2 * np.pi)])


def camera_rows(angles: np.ndarray | None = None) -> np.ndarray:
    """The class labels of a multiview network, 2×V×10 float32: domains, then views.

    angles: V×2 as of `angles_between`; None stands for `ANGLES`. A row is the sine and the cosine
    of [0, polar angle, azimuth, 1 for normals, 1 for colours] (Wonder3D, arXiv 2310.15008, as
    published; the 0 is the elevation of the input view).
    """
    if angles is None:
        angles = np.asarray(ANGLES, np.float16)
    raw = np.zeros((len(DOMAINS), len(angles), 5), np.float32)
    raw[:, :, 1:3] = angles
    raw[:, :, 3:] = np.eye(len(DOMAINS))[:, None]
    return np.concatenate([np.sin(raw), np.cos(raw)], axis=2)


def view_cameras(distance: float = 2.0) -> list[Camera]:
    """The level orthographic cameras of the views, of pictures that reach from −1 to 1.

    The world's +Z is towards the front camera, +Y up: normals of the views are on its axes. What
    fits into a picture is nearer to the origin than `distance`.
    """
    return [Camera.orbit(azimuth, 0, distance, 1.0, orthographic=True) for azimuth in AZIMUTHS]
