"""Cameras against geometry done by hand."""

import numpy as np
import pytest

from perflow_demo.geometry.cameras import Camera


@pytest.mark.parametrize("azimuth", [0, 40, 90, -130])
@pytest.mark.parametrize("elevation", [0, 25, -10])
def test_axes_are_a_right_handed_frame_that_looks_at_the_target(azimuth, elevation):
    camera = Camera.orbit(azimuth, elevation, 3.0, 0.4, target=(1.0, 2.0, 3.0))
    np.testing.assert_allclose(camera.axes @ camera.axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(camera.axes) == pytest.approx(1)
    assert camera.axes[0][1] == 0  # no roll
    view = camera.to_view(np.array([[1.0, 2.0, 3.0]]))
    np.testing.assert_allclose(view, [[0, 0, 3]], atol=1e-12)


def test_azimuth_zero_is_in_front_and_ninety_on_the_left_side_of_who_faces_forward():
    np.testing.assert_allclose(Camera.orbit(0, 0, 2, 1).eye, [0, 0, 2], atol=1e-12)
    np.testing.assert_allclose(Camera.orbit(90, 0, 2, 1).eye, [2, 0, 0], atol=1e-12)
    np.testing.assert_allclose(Camera.orbit(0, 90, 2, 1).eye, [0, 2, 0], atol=1e-12)


@pytest.mark.parametrize("orthographic", [False, True])
def test_pixels_run_right_and_down(orthographic):
    camera = Camera.orbit(0, 0, 2.0, 0.5, orthographic=orthographic)
    half = 0.5 if orthographic else 1.0  # what half the picture shows at distance 2
    corners = np.array([[-half, half, 0], [half, -half, 0], [0, 0, 0]])
    expected = [[0, 0, 2], [64, 64, 2], [32, 32, 2]]
    np.testing.assert_allclose(camera.project(corners, 64), expected, atol=1e-12)


@pytest.mark.parametrize("orthographic", [False, True])
@pytest.mark.parametrize("along", [0.5, 3.0])
def test_what_lies_on_a_pixels_ray_is_seen_at_that_pixel(orthographic, along):
    camera = Camera.orbit(35, -20, 2.0, 0.5, target=(0.1, 0.2, 0.3), orthographic=orthographic)
    pixels = np.array([[0.5, 0.5], [63.5, 10.5], [20.0, 40.0]])
    origins, directions = camera.rays(pixels, 64)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)
    seen = camera.project(origins + along * directions, 64)
    np.testing.assert_allclose(seen[:, :2], pixels, atol=1e-9)
    assert (seen[:, 2] > 0).all()
