"""Every kind builds sound meshes and keeps what its flags promise, whatever the seed."""

from functools import cache

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from perflow_demo.training.toyworld.kinds import KINDS
from perflow_demo.training.toyworld.palette import COLOURS, Look
from perflow_demo.training.toyworld.parts import FINISHES, Model, Paint, Part

SEEDS = 3
every_kind = pytest.mark.parametrize("name", KINDS)


@cache
def built(name: str) -> list[Model]:
    """A kind in several seeds and in every finish class it offers, plain and colourful."""
    kind = KINDS[name]
    models = []
    for seed in range(SEEDS):
        finish = (kind.finishes or ("matte",))[seed % max(1, len(kind.finishes))]
        main, second, third = (Paint(COLOURS[name]) for name in ("red", "blue", "green"))
        main = Paint(main.colour, finish)
        look = Look(main, second, third, colourful=kind.colourful and seed == 1)
        models.append(kind.build(np.random.default_rng([seed, 5]), look))
    return models


def parts_of(name: str) -> list[Part]:
    return [part for model in built(name) for part in model.parts]


def welded(part: Part) -> np.ndarray:
    """The part's faces with vertices at the same place made one."""
    reach = 1e-5 * float(np.ptp(part.vertices, axis=0).max())
    pairs = cKDTree(part.vertices).query_pairs(reach, output_type="ndarray")
    count = len(part.vertices)
    links = coo_array((np.ones(len(pairs)), pairs.T), shape=(count, count))
    return connected_components(links, directed=False)[1][part.faces]


def open_edges(faces: np.ndarray) -> int:
    """How many edges are not run through equally often in both directions."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = edges[edges[:, 0] != edges[:, 1]]
    _, which = np.unique(np.sort(edges, axis=1), axis=0, return_inverse=True)
    return np.count_nonzero(np.bincount(which, np.where(edges[:, 0] < edges[:, 1], 1, -1)))


@every_kind
def test_parts_are_finite_arrays_of_the_promised_types(name):
    for part in parts_of(name):
        assert (part.vertices.dtype, part.normals.dtype) == (np.float32, np.float32)
        assert part.faces.dtype == np.int32
        assert np.isfinite(part.vertices).all()
        assert part.normals.shape == part.vertices.shape
        assert 0 <= part.faces.min() <= part.faces.max() < len(part.vertices)
        assert part.paint.finish in FINISHES
        assert all(0 <= c <= 1 for c in (*part.paint.colour, *part.paint.second))


@every_kind
def test_parts_are_closed(name):
    assert [open_edges(welded(part)) for part in parts_of(name)] == [0] * len(parts_of(name))


def test_a_hole_is_found():
    part = parts_of("apple")[0]
    assert open_edges(welded(part)[1:]) > 0


@every_kind
def test_faces_and_normals_point_outward(name):
    for part in parts_of(name):
        corners = (part.vertices - part.vertices.mean(0)).astype(float)[part.faces]
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        assert np.einsum("ij,ij->", corners[:, 0], across) > 0  # six times the volume
        area = np.linalg.norm(across, axis=1)
        against = (across * part.normals[part.faces].mean(1)).sum(1) < 0
        assert area[against].sum() < 0.05 * area.sum()


@every_kind
def test_normals_have_length_one(name):
    """Or none at the few points of a seam folded flat, where the faces on both sides cancel."""
    for part in parts_of(name):
        length = np.linalg.norm(part.normals, axis=1)
        assert (length == 0).mean() < 0.02
        np.testing.assert_allclose(length[length > 0], 1, atol=1e-3)


def _another(name: str, seed: int) -> Model:
    look = Look(*(Paint(COLOURS[name]) for name in ("red", "blue", "green")))
    return KINDS[name].build(np.random.default_rng([seed, 9]), look)


@every_kind
def test_flags_are_kept(name):
    kind, models = KINDS[name], built(name)
    assert all((model.head is not None) == kind.wears for model in models)
    if kind.holds:
        assert any(_another(name, seed).perch is not None for seed in range(60))
    if kind.colourful:
        plain, colourful = ({part.paint.colour for part in m.parts} for m in models[:2])
        assert len(colourful) >= 3 and not colourful <= plain
    assert all(model.noun != "" for model in models)
    assert {colour for pair in kind.natural for colour in pair} <= set(COLOURS)
    assert not set(kind.nouns) & set(kind.never)


@every_kind
def test_a_perch_lies_on_the_thing(name):
    for model in built(name):
        if model.perch is None:
            continue
        points = np.concatenate([part.vertices for part in model.parts])
        low, high = points.min(0), points.max(0)
        assert ((low <= model.perch) & (model.perch <= high + 0.1 * (high - low).max())).all()


@every_kind
def test_normalised_things_fill_the_unit_sphere(name):
    model = built(name)[0].normalised()
    points = np.concatenate([part.vertices for part in model.parts])
    assert np.linalg.norm(points, axis=1).max() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(points.min(0) + points.max(0), 0, atol=1e-4)


def test_a_mirror_image_stays_closed_and_outward():
    part = parts_of("apple")[0]
    image = part.mirror()
    np.testing.assert_array_equal(image.vertices[:, 0], -part.vertices[:, 0])
    assert open_edges(welded(image)) == 0
    corners = image.vertices[image.faces].astype(float)
    assert np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) > 0
