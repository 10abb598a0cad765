"""The six views show one thing, from where their names say, and normals in the front's axes."""

import numpy as np
import pytest

from perflow_demo.geometry.cameras import Camera
from perflow_demo.geometry.views import AZIMUTHS, VIEWS
from perflow_demo.training.toyworld.parts import Paint
from perflow_demo.training.toyworld.primitives import sphere
from perflow_demo.training.toyworld.scene import sample
from perflow_demo.training.toyworld.six_views import FILL, _view, single, six_views, view_camera

WORLD, SIZE = 4, 64
FRONT, RIGHT, BACK, LEFT = (VIEWS.index(name) for name in ("front", "right", "back", "left"))
GREY = Paint((0.5, 0.5, 0.5))


@pytest.fixture(scope="module")
def things():
    return [six_views(WORLD, index, SIZE) for index in range(3)]


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    return (first & second).sum() / (first | second).sum()


def test_a_thing_is_a_function_of_world_and_index(things):
    again = six_views(WORLD, 1, SIZE)
    for name in ("picture", "normals", "colours", "silhouettes"):
        np.testing.assert_array_equal(getattr(again, name), getattr(things[1], name))
    assert (things[0].picture != things[1].picture).any()


def test_opposite_views_have_mirrored_silhouettes(things):
    for thing in things:
        for one, other in ((FRONT, BACK), (RIGHT, LEFT)):
            mirrored = thing.silhouettes[other][:, ::-1]
            assert overlap(thing.silhouettes[one], mirrored) > 0.97


def test_a_thing_fills_the_same_rows_of_every_view(things):
    for thing in things:
        rows = [np.flatnonzero(mask.any(1))[[0, -1]] for mask in thing.silhouettes]
        assert np.ptp(rows, axis=0).max() <= 1
        spans = [np.ptp(np.argwhere(mask), axis=0) + 1 for mask in thing.silhouettes]
        assert np.max(spans) == pytest.approx(FILL * SIZE, abs=2)


def test_everything_else_is_white(things):
    for thing in things:
        outside = ~thing.silhouettes
        assert np.median(thing.colours[outside]) == np.median(thing.normals[outside]) == 255
        corners = thing.picture[[0, 0, -1, -1], [0, -1, 0, -1]]
        assert (corners == 255).all()


def test_the_picture_is_framed_as_the_network_will_be_given_it(things):
    for thing in things:
        shown = np.argwhere(thing.picture.min(-1) < 235)
        low, high = shown.min(0), shown.max(0) + 1
        assert (high - low).max() == pytest.approx(0.8 * SIZE, abs=3)
        assert np.abs((low + high) / 2 - SIZE / 2).max() <= 2


def test_normals_are_the_spheres_in_the_axes_of_the_front():
    """Right, up and backward of the front camera, whichever view they are seen in."""
    ball, azimuth = [sphere(0.8, GREY, detail=80)], 25.0
    front = Camera.orbit(azimuth, 0, 1, 1).axes
    for offset in AZIMUTHS:
        normals, _, silhouette = _view(ball, azimuth, offset, SIZE)
        towards = front @ Camera.orbit(azimuth + offset, 0, 1, 1).axes[2]
        middle = normals[SIZE // 2 - 2 : SIZE // 2 + 2, SIZE // 2 - 2 : SIZE // 2 + 2]
        np.testing.assert_allclose(middle.mean((0, 1)) / 127.5 - 1, towards, atol=0.03)
        top = normals[np.flatnonzero(silhouette.any(1))[0] + 2, SIZE // 2] / 127.5 - 1
        assert top[1] > 0.85


def test_the_right_view_is_seen_from_the_viewers_right():
    """A ball to the viewer's right of a larger one is near in the right view, hidden from left."""
    red = Paint((0.9, 0.05, 0.05))
    right = Camera.orbit(40.0, 0, 1, 1).axes[0]
    parts = [sphere(0.5, GREY), sphere(0.25, red).move(*(0.7 * right))]

    def reddish(offset):
        _, colours, silhouette = _view(parts, 40.0, offset, SIZE)
        seen = colours[silhouette].astype(int)
        return (seen[:, 0] > 1.5 * seen[:, 1]).mean()

    assert reddish(AZIMUTHS[RIGHT]) > 0.1
    assert reddish(AZIMUTHS[LEFT]) == 0
    _, colours, _ = _view(parts, 40.0, 0.0, SIZE)
    columns = np.argwhere(colours[..., 0] > 1.5 * colours[..., 1].astype(int))[:, 1]
    assert columns.mean() > SIZE / 2


def test_all_cameras_of_a_thing_have_one_scale_and_middle():
    parts = sample(WORLD, 0).parts
    cameras = [view_camera(parts, 30.0, offset) for offset in AZIMUTHS]
    assert len({camera.half_height for camera in cameras}) == 1
    middles = [camera.eye - 3.0 * camera.axes[2] for camera in cameras]
    assert np.ptp(middles, axis=0).max() < 1e-6


def test_only_single_things_are_surrounded():
    pair = next(index for index in range(60) if sample(WORLD, index).words.relation)
    assert single(WORLD, pair).words.relation == ""
    alone = next(index for index in range(60) if not sample(WORLD, index).words.relation)
    assert single(WORLD, alone).words == sample(WORLD, alone).words
