"""Each pixel shows the nearest triangle around its middle, and where in it that is."""

import numpy as np
import pytest
import trimesh

from perflow_demo.geometry.raster import draw

SIZE = 48


@pytest.fixture(scope="module")
def ball():
    """A ball, in pixels and with its depth, that reaches beyond the page on the right."""
    shape = trimesh.creation.icosphere(3, radius=20)
    return (shape.vertices + (34.3, 22.7, 50))[shape.faces]


def middles(pixels):
    return np.stack([pixels % SIZE, pixels // SIZE], 1) + 0.5


def test_the_weights_lead_back_to_the_middle_of_the_pixel(ball):
    pixels, triangles, weights = draw(ball, SIZE)
    places = (weights[..., None] * ball[triangles]).sum(1)
    assert np.abs(places[:, :2] - middles(pixels)).max() < 1e-3
    assert weights.min() > -1e-4 and np.allclose(weights.sum(1), 1, atol=1e-5)


def test_a_ball_shows_its_near_half_without_holes(ball):
    pixels, triangles, weights = draw(ball, SIZE)
    grid = middles(np.arange(SIZE**2))
    away = np.linalg.norm(grid - (34.3, 22.7), axis=1)
    covered = np.zeros(SIZE**2, bool)
    covered[pixels] = True
    assert len(np.unique(pixels)) == len(pixels)
    assert covered[away < 19.5].all() and not covered[away > 20].any()
    depth = (weights * ball[triangles, :, 2]).sum(1)
    exact = 50 - np.sqrt(np.maximum(20**2 - away[pixels] ** 2, 0))
    inner = away[pixels] < 18
    assert np.abs(depth - exact)[inner].max() < 0.6  # facets lie a little inside


def test_the_order_of_triangles_does_not_matter(ball):
    mixed = np.random.default_rng(0).permutation(len(ball))
    first, second = draw(ball, SIZE), draw(ball[mixed], SIZE)
    names = [
        dict(zip(pixels, triangles, strict=True))
        for pixels, triangles in (first[:2], (second[0], mixed[second[1]]))
    ]
    same = [names[0][pixel] == names[1][pixel] for pixel in names[0]]
    assert names[0].keys() == names[1].keys() and np.mean(same) > 0.99  # edges belong to two


def test_what_has_no_area_or_is_elsewhere_is_not_drawn():
    line = [[3, 3, 1], [20, 20, 1], [30, 30, 1]]
    flat = [[3, 7.5, 1], [20, 7.5, 1], [30, 7.5, 1]]
    beside = [[-30, 4, 1], [-2, 4, 1], [-2, 40, 1]]
    for corners in (np.empty((0, 3, 3)), np.array([line, flat, beside], float)):
        assert [len(values) for values in draw(corners, SIZE)] == [0, 0, 0]
