"""One thing as a multiview network sees it: a picture of it, and its six views in two domains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from PIL import Image

from perflow_demo.evaluation.metrics import angular_error, drawn, iou, psnr
from perflow_demo.geometry.cameras import Camera
from perflow_demo.geometry.framing import centre, flatten
from perflow_demo.geometry.silhouette import own_colours
from perflow_demo.geometry.views import AZIMUTHS
from perflow_demo.training.toyworld.parts import Part
from perflow_demo.training.toyworld.render import render
from perflow_demo.training.toyworld.scene import CATALOGUE, Scene, sample
from perflow_demo.training.toyworld.scenery import studio

FILL = 0.9  # of the picture, by the thing's longest side in any view
DISTANCE = 3.0
LIGHT = -40.0  # degrees from each view's own azimuth, so that views differ in colours, not shadows
WORLDS_APART = 1000


@dataclass(frozen=True)
class SixViews:
    """All uint8 on white, views in the order of `geometry.views`.

    picture: size×size×3, as `geometry.framing` hands it to the network. normals: 6×size×size×3, on
    the axes right, up and backward of a level camera before the front, −1…1 as 0…255 (the
    convention of Wonder3D). colours: 6×size×size×3. silhouettes: 6×size×size, boolean.
    """

    picture: np.ndarray
    normals: np.ndarray
    colours: np.ndarray
    silhouettes: np.ndarray


def six_views(seed: int, index: int, size: int) -> SixViews:
    """Thing number `index` of the world `seed`, as the catalogue shows it and from all around."""
    scene = single(seed, index)
    picture = on_white(scene, size)
    views = [_view(scene.parts, scene.azimuth, offset, size) for offset in AZIMUTHS]
    return SixViews(picture, *(np.stack(domain) for domain in zip(*views, strict=True)))


def compare(normals: np.ndarray, colours: np.ndarray, truth: SixViews) -> dict[str, float]:
    """Six views, 6×H×W×3 uint8 each, against the truth.

    psnr: of the colours, dB. iou: of what the normals show on white with the silhouettes;
    a white thing's colours would not show. degrees: mean error of the normals inside them.
    """
    errors = angular_error(normals, truth.normals)
    return {
        "psnr": psnr(colours, truth.colours),
        "iou": iou(drawn(normals), truth.silhouettes),
        "degrees": float(errors[truth.silhouettes].mean()),
    }


def single(seed: int, index: int) -> Scene:
    """That scene, or where it shows two things the scene of the next world that shows one."""
    scenes = (sample(world, index, framing=CATALOGUE) for world in count(seed, WORLDS_APART))
    return next(scene for scene in scenes if not scene.words.relation)


def view_camera(parts: Sequence[Part], azimuth: float, offset: float) -> Camera:
    """The level orthographic camera of one view; all views of a thing have one scale and middle."""
    axes = Camera.orbit(azimuth, 0, 1, 1).axes
    points = np.concatenate([part.vertices for part in parts]) @ axes.T
    middle = (points.min(0) + points.max(0)) / 2
    points = points - middle
    sides = [Camera.orbit(around, 0, 1, 1).axes[0] for around in AZIMUTHS]
    reach = max(np.abs(points[:, 1]).max(), *(np.abs(points @ side).max() for side in sides))
    return Camera.orbit(
        azimuth + offset, 0, DISTANCE, reach / FILL, tuple(middle @ axes), orthographic=True
    )


def on_white(scene: Scene, size: int) -> np.ndarray:
    """The scene's things cut out, brought to the middle and put on white: size×size×3 uint8."""
    made = scene.render(size)
    cut = Image.fromarray(own_colours(made.colour, made.alpha / np.float32(255))).convert("RGBA")
    cut.putalpha(Image.fromarray(made.alpha))
    return np.asarray(flatten(centre(cut, size)))


def _view(
    parts: Sequence[Part], azimuth: float, offset: float, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normals, colours and silhouette, drawn at twice the size on white, then halved."""
    camera, room = view_camera(parts, azimuth, offset), studio("white", np.random.default_rng())
    made = render(parts, camera, room, 2 * size, azimuth + offset + LIGHT, supersampling=1)
    inside = (made.part >= 0)[..., None]
    normals = made.normal.astype(np.float32) @ Camera.orbit(azimuth, 0, 1, 1).axes.T
    pages = np.where(inside, 127.5 * (normals + 1), 255), np.where(inside, made.colour, 255)
    drawn = (_halved(page).clip(0, 255) for page in pages)
    return *(np.rint(page).astype(np.uint8) for page in drawn), _halved(inside)[..., 0] > 0.5


def _halved(page: np.ndarray) -> np.ndarray:
    page = page.astype(np.float32)
    return sum(page[row::2, column::2] for row in (0, 1) for column in (0, 1)) / 4
