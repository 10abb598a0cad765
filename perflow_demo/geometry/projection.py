"""What a picture shows of a thing, painted on the mesh that was made of it.

A network that makes a solid of a picture keeps its colours softly: eyes, windows and stripes are
lost. They are in the picture; it only has to be found from where that was taken. What the mesh has
there keeps its own slow changes, so that the picture's light and the seam to what it does not show
are not painted too (this project's own way).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from PIL import Image
from scipy.ndimage import binary_erosion, gaussian_filter, map_coordinates, minimum_filter

from perflow_demo.geometry.cameras import Camera
from perflow_demo.geometry.cloud import cloud
from perflow_demo.geometry.mesh import Mesh

COARSE = 64  # pixels along a side, when outlines are compared
FEW, DENSITY = 8_000, 8  # points of the mesh: for outlines; for what is seen of it, to a pixel
ELEVATIONS, ZOOMS = range(-10, 45, 5), (0.85, 0.92, 1.0, 1.08)
USUAL, DOUBT = 12.0, 0.001  # degrees; of the outline's IoU, for each degree beside the usual
TOUCHED = 0.2  # of a pixel of an outline; points cover a pixel that they touch
FINER = ((2.0, 0.03), (1.0, 0.015))  # degrees; zoom, and aim in the picture's half sides
OPAQUE, RIM = 0.8, 2  # alpha, and pixels inside it that may show what is behind
GRAZING, FACING = 0.1, 0.4  # cosines: seen too flat to paint, seen well enough
DEEPER = 0.03  # of the mesh's diagonal: what is so far behind what is seen is hidden
SLOW = 0.08  # of a side: longer waves are the mesh's, shorter ones the picture's


@dataclass(frozen=True)
class Lens:
    """How far from the world's middle a camera stands, in the mesh's units, and half of what its
    picture shows at distance 1."""

    distance: float
    half_height: float


@dataclass(frozen=True)
class Projection:
    """A picture in front of a mesh: colours S×S×3 in [0, 1], how far each pixel is painted S×S in
    [0, 1], and at which depth the mesh is seen there S×S, from `camera`."""

    camera: Camera
    colours: np.ndarray
    shares: np.ndarray
    depths: np.ndarray
    tolerance: float

    def paint(self, places: np.ndarray, colours: np.ndarray) -> np.ndarray:
        """Colours N×3 of points N×3 of the mesh's surface, with the picture's where it shows."""
        size = len(self.shares)
        column, row, depth = self.camera.project(places, size).T
        at = np.stack([row, column]) - 0.5

        def seen(page: np.ndarray) -> np.ndarray:
            return map_coordinates(page, at, order=1, mode="nearest")

        nearest = map_coordinates(self.depths, at, order=0, mode="nearest")
        share = np.where(depth <= nearest + self.tolerance, seen(self.shares), 0)[:, None]
        shown = np.stack([seen(self.colours[..., channel]) for channel in range(3)], 1)
        return (1 - share) * colours + share * shown


def project(mesh: Mesh, picture: np.ndarray, lens: Lens) -> Projection:
    """The picture that a mesh (+Y up, facing +Z, with colours) was made of, in front of it.

    picture: S×S×4 uint8, the cut-out thing as the network was shown it.
    """
    alpha, size = picture[..., 3] / 255, len(picture)
    camera = viewpoint(cloud(mesh, FEW).places, alpha, lens)
    points = cloud(mesh, DENSITY * size**2)
    projected = camera.project(points.places, size)
    seen = _nearest(projected, size)
    towards = camera.eye - points.places
    cosines = (points.normals * towards).sum(1) / np.linalg.norm(towards, axis=1)
    covered = binary_erosion(alpha > OPAQUE, iterations=RIM) & (seen >= 0)
    slope = (cosines[seen] - GRAZING) / (FACING - GRAZING)
    shares = gaussian_filter(np.where(covered, slope.clip(0, 1), 0), 1)
    given, own = picture[..., :3] / 255, points.colours[seen]
    blur = _blurred((own - given) * covered[..., None]) / np.maximum(_blurred(covered), 1e-6)
    colours = np.clip(given + blur, 0, 1)
    # Some pixels have no point: what their neighbours hide they hide.
    depths = minimum_filter(np.where(seen >= 0, projected[seen, 2], np.inf), 3)
    diagonal = np.linalg.norm(np.ptp(points.places, axis=0))
    return Projection(camera, colours, shares, depths, DEEPER * diagonal)


def viewpoint(places: np.ndarray, alpha: np.ndarray, lens: Lens) -> Camera:
    """The camera before the front, from which points of a mesh N×3 cover most exactly what a
    picture's alpha, S×S in [0, 1], covers: its elevation, its zoom and its aim.

    Outlines of round things say little of the elevation; then it is about the usual one.
    """
    outline = Image.fromarray(np.uint8(alpha * 255)).resize((COARSE, COARSE), Image.Resampling.BOX)
    truth = np.asarray(outline) > TOUCHED * 255

    def camera(elevation: float, zoom: float, right: float, up: float) -> Camera:
        half = lens.half_height / zoom
        reach = half * lens.distance
        axes = Camera.orbit(0, elevation, 1, 1).axes
        target = tuple(-right * reach * axes[0] - up * reach * axes[1])
        return Camera.orbit(0, elevation, lens.distance, half, target)

    def agreement(view: tuple[float, ...]) -> float:
        shown = _outline(camera(*view).project(places, COARSE))
        overlap = (shown & truth).sum() / max(1, (shown | truth).sum())
        return overlap - DOUBT * abs(view[0] - USUAL)

    best = max(product(ELEVATIONS, ZOOMS, (0,), (0,)), key=agreement)
    for degrees, step in FINER:
        around = product((-degrees, 0, degrees), *[(-step, 0, step)] * 3)
        best = max((tuple(np.add(best, change)) for change in around), key=agreement)
    return camera(*best)


def _nearest(projected: np.ndarray, size: int) -> np.ndarray:
    """Which of the projected points is in front in each pixel, size×size; −1 where none is."""
    column, row, depth = projected.T
    inside = (np.minimum(column, row) >= 0) & (np.maximum(column, row) < size)
    order = np.flatnonzero(inside)[np.argsort(-depth[inside])]  # the nearest is written last
    page = np.full((size, size), -1)
    page[row[order].astype(np.int64), column[order].astype(np.int64)] = order
    return page


def _outline(projected: np.ndarray) -> np.ndarray:
    pixel = np.floor(projected[:, :2]).astype(np.int64)
    column, row = pixel[((pixel >= 0) & (pixel < COARSE)).all(1)].T
    shown = np.zeros((COARSE, COARSE), bool)
    shown[row, column] = True
    return shown


def _blurred(page: np.ndarray) -> np.ndarray:
    """A page S×S or S×S×C without waves shorter than SLOW; S×S×C, or S×S×1."""
    page = page.astype(np.float64).reshape(*page.shape[:2], -1)
    sigma = SLOW * len(page)
    return gaussian_filter(page, (sigma, sigma, 0))
