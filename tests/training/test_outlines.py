"""Rays through outlines meet the thing where the outline is drawn, and what lies in the thing."""

import numpy as np
import pytest
import torch

from perflow_demo.training.new_tsr import build_tsr
from perflow_demo.training.objectives.triplane import RAYS, TriplaneObjective
from perflow_demo.training.toyworld import outlines as module
from perflow_demo.training.toyworld.outlines import AROUND, Outlines, outlines, through
from perflow_demo.training.toyworld.solid_shards import VIEWS, single, solids
from perflow_demo.training.toyworld.solids import Solid

THINGS, SIZE, SEED = 4, 64, 5


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    things = solids(tmp_path_factory.mktemp("solids"), SEED, THINGS, SIZE, processes=1)
    drawn = outlines(tmp_path_factory.mktemp("outlines"), things, SEED, SIZE, processes=1)
    return things, drawn


@pytest.fixture
def objective(folders):
    torch.manual_seed(0)
    things, drawn = folders
    return TriplaneObjective(
        things, SEED, build_tsr(8, debug=True), range(2, 3), 512, outlines=Outlines(drawn)
    )


def test_rays_meet_the_solid_where_its_outline_is_drawn(folders):
    found = Outlines(folders[1])
    assert len(found) == THINGS
    solid = Solid(single(SEED, 1).parts)
    for which in range(VIEWS + AROUND):
        origins, directions, covered = through(found[1], which, 80, np.random.default_rng(which))
        ways = np.linspace(0, 2 * np.linalg.norm(origins[0]), 800)
        points = origins[:, None] + ways[:, None] * directions[:, None]
        meets = solid.inside(points.reshape(-1, 3)).reshape(len(covered), -1).any(1)
        assert {0.0, 1.0} <= set(covered)
        assert (meets[covered == 1]).mean() > 0.97  # a thin edge may pass between two points
        assert not meets[covered == 0].any()


def test_half_of_the_rays_run_near_the_edge(folders):
    row = Outlines(folders[1])[0]
    whole = (row["alphas"][0] > 0).mean()
    near = [through(row, 0, 400, np.random.default_rng(seed))[2][:200].mean() for seed in range(5)]
    assert np.mean(near) == pytest.approx(0.5, abs=0.15)
    far = [through(row, 0, 400, np.random.default_rng(seed))[2][200:].mean() for seed in range(5)]
    assert np.mean(far) == pytest.approx(whole, abs=0.06)


def test_rays_that_miss_the_thing_pass_none_of_the_points_inside_it(objective):
    """Mirrored or not, rays and points stand in one world."""
    passed = []
    for seed in range(12):
        batch = objective.batch(np.random.default_rng(seed), 1)
        inside = batch.points[0][batch.inside[0] > 0]
        assert batch.origins.shape == batch.directions.shape == (1, RAYS, 3)
        for missed in (True, False):
            chosen = (batch.covered[0] == 0) if missed else (batch.covered[0] == 1)
            ways = inside - batch.origins[0][chosen][:, None]
            along = (ways * batch.directions[0][chosen][:, None]).sum(-1, keepdim=True)
            off = (ways - along * batch.directions[0][chosen][:, None]).norm(dim=-1).amin(1)
            if missed:
                assert off.min() > 0.002
            else:
                passed.append((off < 0.15).float().mean())
    assert np.mean(passed) > 0.9


def test_what_rays_meet_is_learnt(objective):
    """A surface is undecided where no ray has been seen, and then lies where rays meet it."""
    net = objective.net
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3)
    drawn = []
    for step in range(120):
        batch = objective.batch(np.random.default_rng(step), 4)
        loss, figures = objective.loss(net, batch, torch.Generator())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        drawn.append(figures["drawn"])
    assert np.mean(drawn[-10:]) > 0.75 > np.mean(drawn[:5])


def test_shards_that_are_there_are_kept(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SHARD", 2)
    outlines(tmp_path, folders[0], SEED, 16, processes=1)
    kept, lost = tmp_path / "0000000.npy", tmp_path / "0000002.npy"
    before, content = kept.stat().st_mtime_ns, lost.read_bytes()
    lost.unlink()
    outlines(tmp_path, folders[0], SEED, 16, processes=1)
    assert (kept.stat().st_mtime_ns, lost.read_bytes()) == (before, content)
    assert len(Outlines(tmp_path)) == THINGS == 2 * module.SHARD
