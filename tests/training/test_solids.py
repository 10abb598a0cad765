"""What is inside a thing is known exactly, and the shards keep it with the pictures of it."""

import numpy as np
import pytest

from perflow_demo.evaluation.metrics import f_score
from perflow_demo.training.toyworld import solid_shards
from perflow_demo.training.toyworld.parts import Model, Paint
from perflow_demo.training.toyworld.primitives import box, cone, ellipsoid, lathe, torus, tube
from perflow_demo.training.toyworld.solid_shards import (
    POINTS,
    Solids,
    measured_skin,
    single,
    solids,
)
from perflow_demo.training.toyworld.solids import Solid

RED, BLUE = Paint((0.8, 0.1, 0.1)), Paint((0.1, 0.1, 0.8))
THINGS, SIZE, SEED = 5, 32, 11


def cloud(count: int = 20_000) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (count, 3))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five things in shards of two, the last one partial."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solid_shards, "SHARD", 2)
        yield solids(tmp_path_factory.mktemp("solids"), SEED, THINGS, SIZE)


def test_inside_is_what_the_formulas_say():
    points = cloud()
    x, y, z = points.T
    cases = {
        "ellipsoid": (ellipsoid(0.5, 0.7, 0.3, RED, detail=96), _ball(points, (0.5, 0.7, 0.3))),
        "box": (box(0.8, 0.6, 1.0, RED), (np.abs(points) < (0.4, 0.3, 0.5)).all(1)),
        "cone": (cone(0.6, 0.9, RED), (y > 0) & (np.hypot(x, z) < 0.6 * (1 - y / 0.9))),
        "torus": (torus(0.6, 0.2, RED), np.hypot(np.hypot(x, z) - 0.6, y) < 0.2),
    }
    for name, (part, truth) in cases.items():
        wrong = np.mean(Solid([part]).inside(points) != truth)
        assert wrong < 0.004, name  # triangles are flat, the formulas round


def test_parts_that_overlap_or_cut_through_themselves_are_one_solid():
    points = cloud()
    balls = [ellipsoid(0.4, 0.4, 0.4, RED).move(x=x) for x in (-0.2, 0.2)]
    both = np.array([Solid([ball]).inside(points) for ball in balls])
    assert (Solid(balls).inside(points) == both.any(0)).all()
    knot = [(-0.6, 0, 0), (0.4, 0, 0), (0, 0.5, 0), (0, -0.6, 0)]
    bent = Solid([tube(knot, 0.15, RED)])
    crossing = np.array([[x, 0.0, 0.001] for x in np.linspace(-0.1, 0.1, 21)])
    assert bent.inside(crossing).all()


def test_a_cavity_that_nobody_sees_is_filled_and_an_open_one_is_not():
    wall = [(0.0, -0.5), (0.5, -0.5), (0.5, 0.5), (0.4, 0.5), (0.4, -0.4), (0.0, -0.4)]
    cup = lathe(wall, RED)
    lid = lathe([(0.45, 0.3), (0.45, 0.4)], BLUE)
    within = np.array([[0.013, 0.0, 0.007]])
    assert not Solid([cup]).inside(within)
    assert Solid([cup, lid]).inside(within)
    assert not Solid([cup, lid]).inside(within + (0, 0.45, 0))


def test_skin_lies_on_the_outside_in_the_colour_of_its_part():
    outer, hidden = ellipsoid(0.6, 0.6, 0.6, RED, detail=96), box(0.3, 0.3, 0.3, BLUE)
    places, colours = Solid([outer, hidden]).skin(500, np.random.default_rng(0))
    assert places.shape == (500, 3)
    assert np.abs(np.linalg.norm(places, axis=1) - 0.6).max() < 2e-3
    assert np.abs(colours - np.array(RED.colour) * 255).max() <= 1


def test_a_scene_of_one_thing_is_found_for_every_index():
    scenes = [single(SEED, index) for index in range(40)]
    assert all(len(scene.words.things) == 1 for scene in scenes)
    assert len({scene.azimuth for scene in scenes}) == 40


def test_shards_hold_the_things_in_order(folder):
    found = Solids(folder)
    assert len(found) == THINGS
    for index in (0, 3, 4):
        scene = single(SEED, index)
        assert found.kinds[index] == scene.words.things[0].kind
        wanted = solid_shards.describe(scene, np.random.default_rng([SEED, index, 2]), SIZE)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(solid_shards, "SHARD", 2)
            row = found[index]
        for name, values in wanted.items():
            np.testing.assert_array_equal(row[name], values)
            assert row[name].dtype == values.dtype


def test_points_are_told_apart_and_near_ones_are_near(folder):
    row = Solids(folder)[0]
    share = row["inside"][:POINTS].mean()
    assert 0.2 < share < 0.8
    assert 0.01 < row["inside"][POINTS:].mean() < share
    off = np.linalg.norm(row["points"][:POINTS].astype(float) - row["skin"], axis=1)
    assert off[: POINTS // 2].mean() < 0.03 < off[POINTS // 2 :].mean() < 0.12


def test_a_finished_shard_is_kept_and_an_unfinished_one_made_again(folder):
    kept, lost = folder / "0000002.views.npy", folder / "0000000.views.npy"
    before, content = kept.stat().st_mtime_ns, lost.read_bytes()
    lost.write_bytes(content[:200])
    (folder / "0000000.json").unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solid_shards, "SHARD", 2)
        solids(folder, SEED, THINGS, SIZE)
    assert (kept.stat().st_mtime_ns, lost.read_bytes()) == (before, content)


def test_the_outside_of_toy_world_things_is_sampled_where_they_are_seen():
    """Skin projected into a picture falls on the thing's alpha, from wherever it is seen."""
    scene = single(SEED, 1)
    places, _ = Solid(Model(scene.parts).parts).skin(800, np.random.default_rng(0))
    alpha = scene.render(128).alpha
    column, row, _ = scene.camera().project(places, 128).T
    hits = alpha[np.clip(row, 0, 127).astype(int), np.clip(column, 0, 127).astype(int)]
    assert np.mean(hits > 0) > 0.98


def _ball(points: np.ndarray, radii: tuple[float, float, float]) -> np.ndarray:
    return np.square(points / radii).sum(1) < 1


@pytest.mark.parametrize("index", range(3))
def test_meshes_are_measured_by_enough_points(index):
    """Two draws of one surface are the same surface; 4,096 points of each are 0.91 of it."""
    scene = single(SEED, index)
    first, second = (measured_skin(scene, np.random.default_rng(seed)) for seed in (0, 1))
    assert f_score(first, second, 0.02 * np.ptp(first, axis=0).max()) > 0.99
