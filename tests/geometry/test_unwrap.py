"""A baked texture shows at each place of the surface the colour the field has there."""

import numpy as np
import pytest
import trimesh

from perflow_demo.geometry.mesh import Mesh
from perflow_demo.geometry.unwrap import bake, unwrap

SIZE = 256


def stripes(points):
    """Colours that change faster than the mesh's vertices could show."""
    return 0.5 + 0.5 * np.sin(points * 12 + (0, 1, 2))


@pytest.fixture(scope="module")
def baked():
    shape = trimesh.creation.torus(0.7, 0.3, 24, 12)
    colors = stripes(shape.vertices)
    return bake(unwrap(Mesh(shape.vertices, shape.faces, colors), SIZE), stripes, SIZE)


def surface_points(mesh, count=3000):
    """Random points of the surface, their texture coordinates and vertex colours."""
    rng = np.random.default_rng(0)
    face = mesh.faces[rng.integers(len(mesh.faces), size=count)]
    weights = rng.dirichlet((1, 1, 1), count)[..., None]
    return [(values[face] * weights).sum(1) for values in (mesh.vertices, mesh.uv, mesh.colors)]


def looked_up(texture, uv):
    """The texture's colour at (u, v), v = 0 on its lowest row, the nearest texel's."""
    column, row = ((uv * (1, -1) + (0, 1)) * SIZE).astype(int).clip(0, SIZE - 1).T
    return texture[row, column] / 255


def test_the_texture_has_the_field_s_colours(baked):
    points, uv, _ = surface_points(baked)
    error = np.abs(looked_up(baked.texture, uv) - stripes(points))
    assert np.median(error) < 0.03
    assert np.quantile(error, 0.99) < 0.15


def test_it_is_sharper_than_vertex_colours(baked):
    points, uv, interpolated = surface_points(baked)
    expected = stripes(points)
    textured = np.abs(looked_up(baked.texture, uv) - expected).mean()
    assert textured < 0.5 * np.abs(interpolated - expected).mean()


def test_unwrapping_keeps_the_surface(baked):
    shape = trimesh.creation.torus(0.7, 0.3, 24, 12)
    assert baked.shape().area == pytest.approx(shape.area)
    assert len(baked.faces) == len(shape.faces)
    assert baked.uv.min() >= 0
    assert baked.uv.max() <= 1


def test_charts_do_not_overlap(baked):
    flat = baked.uv[baked.faces] * SIZE
    one, other = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
    areas = np.abs(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]) / 2
    assert 0.3 * SIZE**2 < areas.sum() <= SIZE**2
