"""Styles draw the same scene: its outline stays, its look does not."""

import numpy as np
import pytest
from scipy import ndimage

from perflow_demo.training.toyworld.scene import Scene
from perflow_demo.training.toyworld.styles import STYLES, draw

SIZE = 128


@pytest.fixture(scope="module")
def bright(scenes) -> list[Scene]:
    """Scenes before light walls, where dark lines show."""
    return [scene for scene in scenes if scene.words.place == "studio:white"][:2]


@pytest.mark.parametrize("style", STYLES)
def test_lines_follow_the_silhouette(bright, style):
    for scene in bright:
        inside = scene.render(SIZE).alpha > 127
        rim = ndimage.binary_dilation(inside) ^ ndimage.binary_erosion(inside)
        outside = ndimage.binary_dilation(inside, iterations=9) & ~ndimage.binary_dilation(
            inside, iterations=4
        )
        page = draw(scene, SIZE, style).min(-1)
        assert page[rim].mean() < 0.75 * page[outside].mean()


@pytest.mark.parametrize("style", STYLES)
def test_a_style_is_another_look_of_its_own(bright, style):
    scene = bright[0]
    page = draw(scene, SIZE, style)
    assert (page.shape, page.dtype) == ((SIZE, SIZE, 3), np.uint8)
    others = [scene.render(SIZE).colour, *(draw(scene, SIZE, s) for s in STYLES if s != style)]
    for other in others:
        assert np.abs(page.astype(int) - other).mean() > 8


@pytest.mark.parametrize("style", STYLES)
def test_a_drawing_can_be_repeated(scenes, style):
    first, second = (draw(scenes[0], 48, style) for _ in range(2))
    np.testing.assert_array_equal(first, second)
