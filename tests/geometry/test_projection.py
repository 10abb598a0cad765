"""What a picture shows of a mesh is painted where it shows it, and nothing else is."""

from typing import NamedTuple

import numpy as np
import pytest
import trimesh
from PIL import Image

from perflow_demo.geometry.cameras import Camera
from perflow_demo.geometry.mesh import Mesh
from perflow_demo.geometry.projection import Lens, project, viewpoint

LENS, SIZE = Lens(5.0, 0.24), 256
GREY = np.array([0.5, 0.5, 0.5])


class Points(NamedTuple):
    """Of a surface, N×3 each."""

    places: np.ndarray
    normals: np.ndarray
    colours: np.ndarray


def cloud(mesh: Mesh, count: int, seed: int = 0) -> Points:
    """Random points of a grey mesh."""
    shape = mesh.shape()
    places, face = trimesh.sample.sample_surface(shape, count, seed=seed)
    return Points(np.array(places), shape.face_normals[face], np.tile(GREY, (count, 1)))


def painted(shape: trimesh.Trimesh) -> Mesh:
    return Mesh(
        np.array(shape.vertices), np.array(shape.faces), np.tile(GREY, (len(shape.vertices), 1))
    )


def ball(x=0.0, z=0.0, radius=0.8) -> trimesh.Trimesh:
    shape = trimesh.creation.icosphere(subdivisions=4, radius=radius)
    return shape.apply_translation((x, 0, z))


def crossing() -> trimesh.Trimesh:
    """Long and deep parts at a right angle: its outline tells from how high it is seen."""
    sizes = ((1.4, 0.2, 0.2), (0.2, 0.2, 1.4), (0.2, 1.0, 0.2))
    return trimesh.util.concatenate([trimesh.creation.box(size).subdivide() for size in sizes])


def striped(places: np.ndarray) -> np.ndarray:
    """Narrow stripes from side to side around grey."""
    bright = np.sin(places[:, 1] * 40) > 0
    return np.where(bright[:, None], (0.8, 0.3, 0.5), (0.2, 0.7, 0.5))


def taken(mesh: Mesh, camera: Camera, colours_at) -> np.ndarray:
    """The picture of a mesh, S×S×4 uint8, cut out."""
    points = cloud(mesh, 600_000, seed=1)
    column, row, depth = camera.project(points.places, SIZE).T
    order = np.argsort(-depth)
    picture = np.zeros((SIZE, SIZE, 4), np.uint8)
    at = row[order].astype(int), column[order].astype(int)
    colours = np.rint(colours_at(points.places[order]) * 255)
    picture[at] = np.column_stack([colours, np.full(len(order), 255)])
    return picture


def camera(elevation: float = 12.0) -> Camera:
    return Camera.orbit(0, elevation, LENS.distance, LENS.half_height)


def test_the_front_is_painted_as_the_picture_has_it_and_the_back_is_not():
    mesh = painted(trimesh.creation.box((1.1, 1.3, 0.9)).subdivide_to_size(0.1))
    shown = project(mesh, taken(mesh, camera(), striped), LENS)
    points = cloud(mesh, 20_000)
    found = shown.paint(points.places, points.colours)
    front, back = points.normals[:, 2] > 0.4, points.places[:, 2] < -0.4
    back &= np.abs(points.places[:, :2]).max(1) < 0.4  # beside its edges
    front &= np.abs(points.places[:, 0]) < 0.5  # within the rim
    wrong = np.abs(found - striped(points.places)).mean(1)[front]
    unpainted = np.abs(found - points.colours).max(1)[front] < 0.02
    assert np.median(wrong) < 0.05 and unpainted.mean() < 0.02
    assert np.abs(found[back] - GREY).max() < 1e-6


def test_what_is_hidden_behind_something_is_not_painted():
    mesh = painted(trimesh.util.concatenate([ball(z=0.5, radius=0.6), ball(z=-0.6, radius=0.3)]))
    shown = project(mesh, taken(mesh, camera(0), striped), LENS)
    hidden = cloud(painted(ball(z=-0.6, radius=0.3)), 2_000)
    assert np.abs(shown.paint(hidden.places, hidden.colours) - GREY).max() < 1e-6


@pytest.mark.parametrize("light", [0.25, 0.75])
def test_the_light_of_the_picture_is_not_painted(light):
    mesh = painted(ball())
    plain = taken(mesh, camera(), lambda places: np.full((len(places), 3), light))
    points = cloud(mesh, 2_000)
    found = project(mesh, plain, LENS).paint(points.places, points.colours)
    assert np.abs(found - GREY).max() < 0.03


@pytest.mark.parametrize("elevation", [-5.0, 12.0, 30.0])
def test_it_is_found_from_how_high_the_picture_was_taken(elevation):
    mesh = painted(crossing())
    alpha = taken(mesh, camera(elevation), striped)[..., 3] / 255
    found, _ = viewpoint(cloud(mesh, 8_000).places, alpha, LENS)
    level = np.degrees(np.arcsin(found.axes[2][1]))
    assert level == pytest.approx(elevation, abs=4)


def test_a_picture_that_shows_the_thing_larger_and_elsewhere_is_met():
    mesh = painted(crossing())
    aside = Camera.orbit(0, 12, LENS.distance, LENS.half_height * 1.08, (0.03, 0.0, 0.0))
    picture = taken(mesh, aside, striped)
    found, agreement = viewpoint(cloud(mesh, 8_000).places, picture[..., 3] / 255, LENS)
    assert agreement > 0.9
    points = cloud(mesh, 2_000).places
    apart = found.project(points, SIZE)[:, :2] - aside.project(points, SIZE)[:, :2]
    assert np.abs(apart).mean() < 3  # pixels


def test_the_back_of_a_thin_sheet_is_not_painted():
    mesh = painted(trimesh.creation.box((1.4, 1.4, 0.04)).subdivide_to_size(0.1))
    shown = project(mesh, taken(mesh, camera(0), striped), LENS)
    points = cloud(mesh, 8_000)
    changed = np.abs(shown.paint(points.places, points.colours) - GREY).max(1) > 0.02
    inner = np.abs(points.places[:, :2]).max(1) < 0.6
    front, back = points.places[:, 2] > 0.019, points.places[:, 2] < -0.019
    assert changed[front & inner].mean() > 0.95 and not changed[back & inner].any()


def test_a_round_thing_is_seen_from_about_the_usual_height():
    mesh = painted(ball())
    for elevation in (0.0, 25.0):
        alpha = taken(mesh, camera(elevation), striped)[..., 3] / 255
        found, _ = viewpoint(cloud(mesh, 8_000).places, alpha, LENS)
        assert np.degrees(np.arcsin(found.axes[2][1])) == pytest.approx(12, abs=6)


def test_the_picture_of_another_thing_is_not_painted():
    mesh = painted(crossing())
    other = painted(ball())
    assert project(mesh, taken(other, camera(), striped), LENS) is None


@pytest.mark.parametrize("size", [64, 512])
def test_pictures_of_any_size_are_painted(size):
    """Through a wide lens close by, too."""
    mesh, lens = painted(ball(radius=0.5)), Lens(1.9, 0.364)
    near = Camera.orbit(0, 12, lens.distance, lens.half_height)
    picture = np.asarray(Image.fromarray(taken(mesh, near, striped)).resize((size, size)))
    points = cloud(mesh, 4_000)
    found = project(mesh, picture, lens).paint(points.places, points.colours)
    changed = np.abs(found - GREY).max(1) > 0.05
    assert changed[points.normals[:, 2] > 0.8].mean() > 0.9
    assert not changed[points.normals[:, 2] < -0.4].any()
