"""Care of meshes: largest parts, holes, fewer faces, and which way is up."""

from io import BytesIO

import numpy as np
import pytest
import trimesh

from perflow_demo.export.glb import encode
from perflow_demo.geometry.isosurface import extract_surface
from perflow_demo.geometry.mesh import (
    Mesh,
    _parted,
    _unfolded,
    fill_holes,
    finished,
    keep_largest,
    simplify,
    tsr_points,
    upright,
)
from perflow_demo.geometry.unwrap import unwrap


def sphere(radius=1.0, centre=(0, 0, 0), subdivisions=3):
    shape = trimesh.creation.icosphere(subdivisions, radius)
    return Mesh(shape.vertices + centre, shape.faces, colors=(shape.vertices / radius + 1) / 2)


def joined(*meshes):
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=False)]),
        np.concatenate([mesh.colors for mesh in meshes]),
    )


def test_up_and_front_of_a_tsr_world_are_those_of_gltf():
    """A TSR world has +Z up and the object's face on +X; its left hand is on +Y."""
    up, front, left = np.eye(3)[2], np.eye(3)[0], np.eye(3)[1]
    turned = upright(Mesh(np.array([up, front, left]), np.array([[0, 1, 2]]))).vertices
    assert turned.tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    points = np.random.default_rng(0).normal(size=(5, 3))
    assert np.allclose(tsr_points(upright(Mesh(points, np.empty((0, 3), int))).vertices), points)


def test_upright_does_not_mirror():
    assert upright(sphere()).shape().volume == pytest.approx(sphere().shape().volume)


def test_crumbs_go_and_parts_stay():
    mesh = joined(sphere(0.05, (2, 0, 0), 1), sphere(), sphere(0.5, (3, 0, 0)))
    kept = keep_largest(mesh)
    assert kept.shape().body_count == 2
    assert kept.watertight
    assert np.allclose(kept.colors[0], kept.vertices[0] / 2 + 0.5, atol=1e-6)
    assert keep_largest(mesh, 1).shape().bounds.tolist() == sphere().shape().bounds.tolist()


@pytest.mark.parametrize("removed", [np.arange(5), np.arange(0, 60, 2), [0], np.arange(400)])
def test_holes_are_filled(removed):
    whole = sphere()
    mesh = Mesh(whole.vertices, np.delete(whole.faces, removed, 0), whole.colors)
    assert not mesh.watertight
    filled = fill_holes(mesh)
    assert filled.watertight
    assert filled.shape().is_winding_consistent
    assert len(filled.colors) == len(filled.vertices)


def test_a_closed_mesh_gets_no_new_faces():
    assert len(fill_holes(sphere()).faces) == len(sphere().faces)


def test_fewer_faces_keep_shape_and_colours():
    whole = sphere(subdivisions=4)
    mesh = simplify(whole, 1000)
    assert 800 <= len(mesh.faces) <= 1000
    assert mesh.watertight
    assert mesh.shape().volume == pytest.approx(whole.shape().volume, rel=0.02)
    assert np.abs(mesh.colors - (mesh.vertices + 1) / 2).max() < 0.1
    assert simplify(mesh, 1000) is mesh


def rough(points):
    waves = np.prod(np.sin(25 * points), axis=-1)
    return 0.8 - np.linalg.norm(points, axis=-1) + 0.15 * waves


@pytest.mark.parametrize("faces", [3000, 1000])
def test_fewer_faces_of_a_rough_surface_are_one_that_can_be_printed(faces):
    box = np.array([[-1.0, -1, -1], [1, 1, 1]])
    whole = Mesh(*extract_surface(rough, 0.0, 96, box, closed=True))
    mesh = finished(whole, faces, parts=1)
    assert mesh.watertight and mesh.shape().is_winding_consistent
    assert mesh.shape().body_count == 1
    assert mesh.shape().volume == pytest.approx(whole.shape().volume, rel=0.05)
    printed = trimesh.load_mesh(BytesIO(encode(mesh, "stl")), file_type="stl")
    assert printed.is_watertight


def test_seams_do_not_show_in_the_light():
    whole = sphere()
    cut = unwrap(whole)
    assert len(cut.vertices) > len(whole.vertices)
    outward = cut.vertices / np.linalg.norm(cut.vertices, axis=1, keepdims=True)
    assert (cut.normals() * outward).sum(1).min() > np.cos(np.radians(2))


def test_sheets_that_meet_in_an_edge_are_parted():
    """Two tetrahedra with an edge in common, one of them with a fold of two faces on its side."""
    vertices = np.array(
        [[0, 0, 0], [0, 0, 1], [1, 0, 0], [1, 1, 0], [-1, 0, 0], [-1, -1, 0], [3, 3, 3]]
    )
    both = [[0, 1, 3], [0, 3, 2], [1, 2, 3], [0, 2, 1], [0, 1, 5], [0, 5, 4], [1, 4, 5], [0, 4, 1]]
    fold = [[2, 3, 6], [3, 2, 6]]
    mesh = _parted(Mesh(vertices, _unfolded(np.array(both + fold))))
    assert len(mesh.faces) == len(both) and mesh.watertight
    assert mesh.shape().body_count == 2


def test_vertices_in_one_place_are_parted():
    """As collapses leave them where a surface is as regular as a ball's."""
    whole = sphere()
    vertices = whole.vertices.copy()
    one, other = whole.faces[0][:2]
    vertices[one] = vertices[other]
    mesh = _parted(Mesh(vertices, whole.faces))
    assert len(np.unique(mesh.vertices.astype(np.float32), axis=0)) == len(vertices)
    assert np.abs(mesh.vertices[mesh.faces] - vertices[whole.faces]).max() < 0.01
    printed = trimesh.load_mesh(BytesIO(encode(mesh, "stl")), file_type="stl")
    assert printed.is_watertight


@pytest.mark.parametrize(
    "care", [keep_largest, fill_holes, lambda mesh: simplify(mesh, 10), upright]
)
def test_an_empty_mesh_stays_one(care):
    empty = Mesh(np.empty((0, 3)), np.empty((0, 3), np.int32), np.empty((0, 3)))
    assert care(empty).empty
    assert not empty.watertight
