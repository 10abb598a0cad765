"""Coarse to fine finds the surface that all samples would give, with fewer of them."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes

from perflow_demo.geometry.bricks import CHUNK
from perflow_demo.geometry.isosurface import extract_surface, working_bytes
from perflow_demo.geometry.mesh import Mesh, finished
from tests.tsr_factory import arrays, golden_tsr

BOX = np.array([[-1.0] * 3, [1.0] * 3])


def ball(centre, radius):
    return lambda points: radius - np.linalg.norm(points - np.float32(centre), axis=1)


def torus(points):
    ring = np.hypot(points[:, 0], points[:, 1]) - 0.6
    return 0.15 - np.hypot(ring, points[:, 2])


def shell(points):
    return 0.02 - np.abs(np.linalg.norm(points, axis=1) - 0.6)


def slab(points):
    return 0.012 - np.abs(points @ np.float32([0.6, 0.64, 0.48]) - 0.1)


FIELDS = {
    "ball": ball((0, 0, 0), 0.6),
    "torus": torus,
    "thin shell": shell,
    "thin slab through the border": slab,
    "ball over a corner": ball((0.7, 0.8, 0.9), 0.7),
    "box full": lambda points: 2 - np.abs(points).max(1),
}


def dense(field, level, resolution, box=BOX):
    """Vertices and faces from all samples."""
    axes = [np.linspace(*box[:, axis], resolution, dtype=np.float32) for axis in range(3)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    values = np.concatenate([field(part) for part in np.array_split(points, 64)])
    values = values.reshape((resolution,) * 3)
    if values.min() > level or values.max() <= level:
        return np.empty((0, 3)), np.empty((0, 3), int)
    vertices, faces, _, _ = marching_cubes(values, level, gradient_direction="ascent")
    return box[0] + vertices * (box[1] - box[0]) / (resolution - 1), faces


def farthest(vertices, others, resolution, box=BOX):
    """The largest distance from one set of vertices to the nearest of the other, in voxels."""
    if not len(vertices) or not len(others):
        return 0.0 if len(vertices) == len(others) else np.inf
    both = cKDTree(others).query(vertices)[0].max(), cKDTree(vertices).query(others)[0].max()
    return max(both) * (resolution - 1) / (box[1] - box[0]).max()


def on_edges(vertices, resolution, box=BOX):
    """Those that stand on an edge between two samples. How corners are joined in a cell that can be
    read in two ways, and whether it gets a vertex in its middle, is left open."""
    places = (vertices - box[0]) / (box[1] - box[0]) * (resolution - 1)
    between = np.abs(places - np.rint(places)) > 1e-3
    return vertices[between.sum(1) <= 1]


@pytest.mark.parametrize("resolution", [32, 129, 200])
@pytest.mark.parametrize("name", FIELDS)
def test_it_is_the_surface_of_all_samples(name, resolution):
    vertices, faces = extract_surface(FIELDS[name], 0.0, resolution, BOX)
    expected, expected_faces = dense(FIELDS[name], 0.0, resolution)
    assert farthest(vertices, expected, resolution) < 0.01
    assert len(faces) == pytest.approx(len(expected_faces), rel=1e-3)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    resolution=st.integers(2, 140),
    frequency=st.floats(1, 12),
    level=st.floats(-0.5, 0.5),
)
def test_any_smooth_field_gives_the_surface_of_all_samples(seed, resolution, frequency, level):
    field = waves(seed, frequency)
    vertices, _ = extract_surface(field, level, resolution, BOX)
    expected, _ = dense(field, level, resolution)
    ours, theirs = (on_edges(found, resolution) for found in (vertices, expected))
    assert farthest(ours, theirs, resolution) < 0.01
    assert len(vertices) == pytest.approx(len(expected), rel=1e-3, abs=5)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    resolution=st.integers(4, 80),
    level=st.sampled_from([0.0, 0.25, 1.0]),
)
def test_a_closed_surface_is_watertight_whatever_the_field(seed, resolution, level):
    """Values in steps of a quarter: many lie exactly on the level."""
    smooth = waves(seed, 9.0)
    mesh = Mesh(
        *extract_surface(
            lambda points: np.round(smooth(points) * 4) / 4, level, resolution, BOX, closed=True
        )
    )
    assert mesh.empty or (mesh.watertight and mesh.shape().volume > 0)
    assert mesh.empty or np.abs(mesh.vertices).max() <= 1


def waves(seed, frequency):
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(3, 6)).astype(np.float32) * frequency
    phases = rng.uniform(0, 2 * np.pi, 6).astype(np.float32)
    return lambda points: np.sin(points @ directions + phases).sum(1) / 2


def test_the_reference_s_blob():
    golden = arrays("e_marching_cubes_blob")
    grid = golden["field"].numpy()

    def field(points):
        return grid[tuple(np.rint(points * 23).astype(int).T)]

    vertices, faces = extract_surface(field, 0.0, 24, np.array([[0.0] * 3, [1.0] * 3]))
    expected = golden["vertices"].numpy()
    assert cKDTree(expected).query(vertices)[0].max() <= 1e-3
    assert cKDTree(vertices).query(expected)[0].max() <= 1e-3
    shape = Mesh(vertices, faces).shape()
    assert shape.is_watertight
    assert shape.volume == pytest.approx(golden["signed_volume"].item(), rel=0.01)
    assert shape.area == pytest.approx(golden["surface_area"].item(), rel=0.01)


@pytest.mark.parametrize("resolution", [130, pytest.param(256, marks=pytest.mark.slow)])
def test_a_network_s_field_loses_no_part_above_eight_voxels(resolution):
    network, code = golden_tsr(), arrays("e_forward")["scene_codes"][0]
    box = network.radius * BOX
    mesh = network.extract_mesh(code, resolution, 25.0)
    expected, faces = dense(
        lambda points: network._ask(code, points, "density_act")[:, 0], 25.0, resolution, box
    )
    voxel = 2 * network.radius / (resolution - 1)
    lost = cKDTree(mesh.vertices).query(expected)[0] > 0.5 * voxel
    assert cKDTree(expected).query(mesh.vertices)[0].max() <= 0.5 * voxel
    if lost.any():
        missed = cKDTree(expected[lost])
        for part in Mesh(expected, faces).shape().split(only_watertight=False):
            found = (missed.query(part.vertices)[0] > 0).any()
            assert found or abs(part.volume) <= 8 * voxel**3


def test_a_ball_of_a_few_voxels_is_found():
    voxel = 2 / 255
    spots = np.random.default_rng(0).uniform(-0.9, 0.9, (12, 3)).astype(np.float32)
    balls = [ball(spot, 1.4 * voxel) for spot in spots]
    vertices, faces = extract_surface(
        lambda points: np.max([one(points) for one in balls], 0), 0.0, 256, BOX
    )
    assert Mesh(vertices, faces).shape().body_count == len(spots)


@pytest.mark.parametrize("closed", [False, True])
def test_a_smooth_surface_of_densities_has_no_steps(closed):
    """Densities of a ball, a thousandfold from one sample to the next."""
    voxel, level, radius = 2 / 47, np.float32(25), 0.6
    off = {}

    def densities(points):
        return level * np.exp(np.minimum(ball((0, 0, 0), radius)(points) * 7 / voxel, 40))

    for smooth in (False, True):
        vertices, faces = extract_surface(
            densities, level, 48, BOX, closed=closed, smooth=smooth,
            rising=lambda values: np.log(np.maximum(values, 1e-3)),
        )  # fmt: skip
        assert Mesh(vertices, faces).watertight
        off[smooth] = np.abs(np.linalg.norm(vertices, axis=1) - radius) / voxel
    assert off[False].max() > 0.5
    assert off[True].max() < 0.05


def test_few_samples_and_little_memory_at_high_resolution():
    asked = []

    def field(points):
        asked.append(len(points))
        return torus(points)

    tracemalloc.start()
    extract_surface(field, 0.0, 384, BOX)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(asked) < 0.1 * 384**3
    assert max(asked) <= CHUNK
    assert peak < 0.25 * 4 * 384**3


def test_progress_rises_to_the_end_and_may_stop_it():
    class Stop(Exception):
        pass

    def stop(share):
        if share > 0.5:
            raise Stop

    told = []
    extract_surface(torus, 0.0, 130, BOX, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1
    with pytest.raises(Stop):
        extract_surface(torus, 0.0, 130, BOX, progress=stop)


def test_no_crossing_is_no_surface():
    vertices, faces = extract_surface(lambda points: -np.ones(len(points)), 0.0, 64, BOX)
    assert vertices.shape == (0, 3)
    assert faces.shape == (0, 3)


def test_a_single_sample_is_refused():
    with pytest.raises(ValueError, match="2 samples"):
        extract_surface(torus, 0.0, 1, BOX)


@pytest.mark.parametrize(
    ("name", "resolution"), [("ball", 64), ("ball", 128), ("box full", 64), ("box full", 200)]
)
def test_the_memory_told_beforehand_is_enough_and_not_far_off(name, resolution):
    field = {"ball": ball((0, 0, 0), 0.75), "box full": FIELDS["box full"]}[name]
    tracemalloc.start()
    finished(Mesh(*extract_surface(field, 0.0, resolution, BOX, closed=True)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < working_bytes(resolution) < 12 * peak
