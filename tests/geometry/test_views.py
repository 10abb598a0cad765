"""Rows that tell a multiview network its views: the published table and where it comes from."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from perflow_demo.geometry.cameras import Camera
from perflow_demo.geometry.views import ANGLES, AZIMUTHS, VIEWS, angles_between, camera_rows

GOLDEN = load_file(Path(__file__).parents[1] / "golden" / "d_camera.safetensors")


def test_the_table_is_the_published_one():
    np.testing.assert_array_equal(np.float16(ANGLES), GOLDEN["pipeline_raw_float16"][:6, 1:3])
    rows = camera_rows().reshape(12, 10)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, GOLDEN["pipeline_encoded"], rtol=0, atol=1e-6)


def tilted_orbit():
    """Places of the reference's cameras: a great circle through two of them, in steps of 45°."""
    front = Camera.orbit(0.0, 14.955259, 1.0, 1.0).eye
    right = Camera.orbit(97.029801, 24.616375, 1.0, 1.0).eye
    angles = np.radians(AZIMUTHS)[:, None]
    return np.cos(angles) * front + np.sin(angles) * right


def test_rows_from_poses_are_the_published_ones():
    angles = angles_between(tilted_orbit())
    np.testing.assert_allclose(angles, GOLDEN["dataset_raw"][:6, 1:3], rtol=0, atol=1e-5)
    rows = camera_rows(angles).reshape(12, 10)
    np.testing.assert_allclose(rows, GOLDEN["dataset_encoded"], rtol=0, atol=1e-5)
    assert np.abs(angles - np.float16(ANGLES)).max() < 1e-3


@pytest.mark.parametrize("elevation", [-20.0, 0.0, 35.0])
def test_level_cameras_differ_in_azimuth_alone(elevation):
    eyes = [Camera.orbit(30 + a, elevation, 2.0, 1.0).eye for a in AZIMUTHS]
    polar, azimuth = angles_between(np.array(eyes)).T
    np.testing.assert_allclose(polar, 0, atol=1e-9)
    np.testing.assert_allclose(np.degrees(azimuth), AZIMUTHS, atol=1e-9)


def test_right_is_where_the_camera_goes_to_the_viewers_right():
    assert Camera.orbit(AZIMUTHS[VIEWS.index("right")], 0, 1, 1).eye[0] == pytest.approx(1)
    assert Camera.orbit(AZIMUTHS[VIEWS.index("back")], 0, 1, 1).eye[2] == pytest.approx(-1)
