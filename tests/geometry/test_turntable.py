"""Pictures of a mesh show it from where they say, whole, in its colours."""

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from perflow_demo.geometry.mesh import Mesh
from perflow_demo.geometry.turntable import PAPER, Turntable

RED, BLUE = (0.8, 0.1, 0.1), (0.1, 0.1, 0.8)


@pytest.fixture(scope="module")
def ball() -> Mesh:
    """Red in front (+Z), blue behind."""
    shape = trimesh.creation.icosphere(4)
    front = shape.vertices[:, 2:] > 0
    return Mesh(np.array(shape.vertices), np.array(shape.faces), np.where(front, RED, BLUE))


def middle(picture) -> np.ndarray:
    pixels = np.asarray(picture, float)
    half = len(pixels) // 2
    return pixels[half - 3 : half + 3, half - 3 : half + 3].mean((0, 1))


def covered(picture) -> np.ndarray:
    return (np.abs(np.asarray(picture, int) - PAPER) > 8).any(-1)


def test_the_front_is_seen_first_and_the_back_after_half_a_turn(ball):
    frames = Turntable(ball, 64).turn(4)
    assert len(frames) == 4 and frames[0].size == (64, 64)
    assert middle(frames[0])[0] > 2 * middle(frames[0])[2]
    assert middle(frames[2])[2] > 2 * middle(frames[2])[0]
    left = np.asarray(frames[1], float)[20:44, 20:44]  # from its left side the front is on the left
    assert left[:, :8, 0].mean() > left[:, -8:, 0].mean()


def test_a_ball_covers_a_full_disc_without_holes(ball):
    picture = Turntable(ball, 96).view(20, 0)
    grid = np.stack(np.meshgrid(*[np.arange(96) - 47.5] * 2), -1)
    disc = np.linalg.norm(grid, axis=-1)
    seen = covered(picture)
    assert seen[disc < 45].all()
    assert not seen[disc > 49].any()


def test_up_is_up():
    cone = trimesh.creation.cone(1.0, 2.0)  # its tip at +Z
    mesh = Mesh(np.array(cone.vertices)[:, [0, 2, 1]], np.array(cone.faces)[:, ::-1])
    widths = covered(Turntable(mesh, 64).view(0, 0)).sum(1)
    rows = np.flatnonzero(widths)
    assert widths[rows[2]] < widths[rows[-3]] / 3


def test_a_texture_shows_like_vertex_colours(ball):
    texture = np.zeros((4, 4, 3), np.uint8)
    texture[:2] = np.array(RED) * 255  # the upper half, where v is above 0.5
    texture[2:] = np.array(BLUE) * 255
    uv = np.column_stack([np.full(len(ball.vertices), 0.5), (ball.vertices[:, 2] + 1) / 2])
    textured = replace(ball, colors=None, uv=uv, texture=texture)
    for azimuth in (0, 180):
        plain, painted = (Turntable(m, 48).view(azimuth) for m in (ball, textured))
        assert np.abs(middle(plain) - middle(painted)).max() < 4
