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
from scipy.ndimage import binary_closing, binary_erosion, gaussian_filter, map_coordinates

from perflow_demo.geometry.cameras import Camera
from perflow_demo.geometry.mesh import Mesh
from perflow_demo.geometry.raster import blended, draw

POINTS = 8_000  # of the mesh, for its outline
COARSE = 64  # pixels along a side, when outlines are compared
TOUCHED = 0.2  # of a pixel of the picture's outline; points cover a pixel that they touch
ELEVATIONS, ZOOMS = range(-10, 45, 5), (0.85, 0.92, 1.0, 1.08)
FINER = ((2.0, 0.03), (1.0, 0.015))  # degrees; zoom, and aim in the picture's half sides
USUAL, DOUBT = 12.0, 0.001  # degrees; of the outlines' IoU, for each degree beside the usual
ALIKE = 0.5  # IoU of the outlines, at least: else the mesh is not what the picture shows
OPAQUE, RIM = 0.8, 0.008  # alpha; of a side, inside it: what may show what is behind
SOFT, SLOW = 0.004, 0.08  # of a side: the paint's edge; waves that are the mesh's own
GRAZING, FACING = 0.1, 0.4  # cosines: seen too flat to paint, seen well enough
DEEPER = 2  # pixels' width behind what is seen is seen too, more where that is seen flat


@dataclass(frozen=True)
class Lens:
    """How far from the world's middle a camera stands, in the mesh's units, and half of what its
    picture shows at distance 1."""

    distance: float
    half_height: float


@dataclass(frozen=True)
class Projection:
    """A picture in front of a mesh, seen by `camera`.

    colours: S×S×3 in [0, 1]. shares: S×S in [0, 1], how far each pixel is painted. depths: S×S, up
    to which distance from the camera's plane.
    """

    camera: Camera
    colours: np.ndarray
    shares: np.ndarray
    depths: np.ndarray

    def paint(self, places: np.ndarray, colours: np.ndarray) -> np.ndarray:
        """Colours N×3 of points N×3 of the mesh's surface, with the picture's where it shows."""
        column, row, depth = self.camera.project(places, len(self.shares)).T
        at = np.stack([row, column]) - 0.5

        def seen(page: np.ndarray) -> np.ndarray:
            return map_coordinates(page, at, order=1, mode="nearest")

        reached = map_coordinates(self.depths, at, order=0, mode="nearest")
        lit = np.flatnonzero(depth <= reached)
        at = at[:, lit]
        share = seen(self.shares)[:, None]
        shown = np.stack([seen(self.colours[..., channel]) for channel in range(3)], 1)
        painted = np.array(colours)
        painted[lit] = (1 - share) * painted[lit] + share * shown
        return painted


def project(mesh: Mesh, picture: np.ndarray, lens: Lens) -> Projection | None:
    """The picture that a mesh (+Y up, facing +Z, with colours) was made of, in front of it; None
    where their outlines are not alike from anywhere.

    picture: S×S×4 uint8, the cut-out thing as the network was shown it.
    """
    alpha, size = picture[..., 3] / 255, len(picture)
    camera, agreement = viewpoint(mesh.shape().sample(POINTS, seed=0), alpha, lens)
    if agreement < ALIKE:
        return None
    pixel = 2 * camera.half_height * lens.distance / size
    cosine, depth, own = _seen(mesh, camera, size)
    inside = binary_erosion(alpha > OPAQUE, iterations=max(1, round(RIM * size)))
    covered = inside & np.isfinite(depth)
    facing = ((cosine - GRAZING) / (FACING - GRAZING)).clip(0, 1)
    shares = gaussian_filter(np.where(covered, facing, 0), SOFT * size)
    given = picture[..., :3] / 255
    slow = _blurred((own - given) * covered[..., None]) / np.maximum(_blurred(covered), 1e-6)
    flatness = np.sqrt(1 - cosine**2) / np.maximum(cosine, GRAZING)
    reached = depth + DEEPER * pixel * (1 + flatness)
    return Projection(camera, np.clip(given + slow, 0, 1), shares, reached)


def viewpoint(places: np.ndarray, alpha: np.ndarray, lens: Lens) -> tuple[Camera, float]:
    """The camera before the front, from which points of a mesh N×3 cover most exactly what a
    picture's alpha, S×S in [0, 1], covers: its elevation, its zoom and its aim; and the IoU.

    Outlines of round things say little of the elevation; then it is about the usual one.
    """
    outline = Image.fromarray(np.uint8(alpha * 255)).resize((COARSE, COARSE), Image.Resampling.BOX)
    truth = binary_closing(np.asarray(outline) > TOUCHED * 255, np.ones((3, 3)))

    def camera(elevation: float, zoom: float, right: float, up: float) -> Camera:
        half = lens.half_height / zoom
        reach = half * lens.distance
        axes = Camera.orbit(0, elevation, 1, 1).axes
        target = tuple(-right * reach * axes[0] - up * reach * axes[1])
        return Camera.orbit(0, elevation, lens.distance, half, target)

    def overlap(view: tuple[float, ...]) -> float:
        shown = _outline(camera(*view).project(places, COARSE))
        return (shown & truth).sum() / max(1, (shown | truth).sum())

    def likelihood(view: tuple[float, ...]) -> float:
        return overlap(view) - DOUBT * abs(view[0] - USUAL)

    best = max(product(ELEVATIONS, ZOOMS, (0,), (0,)), key=likelihood)
    for degrees, step in FINER:
        around = product((-degrees, 0, degrees), *[(-step, 0, step)] * 3)
        best = max((tuple(np.add(best, change)) for change in around), key=likelihood)
    return camera(*best), float(overlap(best))


def _seen(mesh: Mesh, camera: Camera, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a camera sees of a mesh in each pixel: how straight S×S (cosine, 0 and less for what
    turns its back), how far S×S (infinite where there is nothing) and in which colour S×S×3."""
    projected = camera.project(mesh.vertices, size)
    pixel, face, weights = draw(projected[mesh.faces], size)
    corners = mesh.faces[face]
    towards = camera.eye - mesh.vertices
    cosines = (mesh.normals() * towards).sum(1) / np.linalg.norm(towards, axis=1)

    def spread(values: np.ndarray, elsewhere: float) -> np.ndarray:
        page = np.full((size**2, *values.shape[1:]), elsewhere)
        page[pixel] = blended(values, corners, weights)
        return page.reshape(size, size, *values.shape[1:])

    return spread(cosines, 0.0), spread(projected[:, 2], np.inf), spread(mesh.colors, 0.0)


def _outline(projected: np.ndarray) -> np.ndarray:
    pixel = np.floor(projected[:, :2]).astype(np.int64)
    column, row = pixel[((pixel >= 0) & (pixel < COARSE)).all(1)].T
    shown = np.zeros((COARSE, COARSE), bool)
    shown[row, column] = True
    return binary_closing(shown, np.ones((3, 3)))


def _blurred(page: np.ndarray) -> np.ndarray:
    """A page S×S or S×S×C without waves shorter than SLOW; S×S×C, or S×S×1."""
    page = page.astype(np.float64).reshape(*page.shape[:2], -1)
    sigma = SLOW * len(page)
    return gaussian_filter(page, (sigma, sigma, 0))
