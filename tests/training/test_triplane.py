"""TSR's training: examples stand where their picture says, and what is seen often is learnt."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from perflow_demo.geometry.cameras import Camera
from perflow_demo.nets.tsr_input import FOREGROUND_RATIO
from perflow_demo.training import loop, recipes
from perflow_demo.training.new_tsr import build_tsr
from perflow_demo.training.objectives.triplane import TriplaneObjective
from perflow_demo.training.toyworld.rebuilt import FIT, LEVEL, Stand
from perflow_demo.training.toyworld.solid_shards import POINTS, solids
from perflow_demo.training.workshop import Workshop

THINGS, SIZE, SEED = 4, 64, 5
BOX = np.array(list(product((-0.5, 0.5), (-0.4, 0.4), (-0.3, 0.3))))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return solids(tmp_path_factory.mktemp("solids"), SEED, THINGS, SIZE, processes=1)


@pytest.fixture
def objective(folder):
    torch.manual_seed(0)
    network = build_tsr(8, debug=True)
    return TriplaneObjective(folder, SEED, network, held_out=range(2, 3), points=512)


def learn(objective: TriplaneObjective, steps: int) -> list[dict[str, float]]:
    net = objective.net
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3)
    rows = []
    for step in range(steps):
        batch = objective.batch(np.random.default_rng(step), 4)
        loss, figures = objective.loss(net, batch, torch.Generator())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rows.append(figures)
    return rows


def test_the_real_size_is_within_ten_million_parameters():
    assert 5e6 < sum(p.numel() for p in build_tsr(16).parameters()) < 10e6


@pytest.mark.parametrize("azimuth", [0.0, -47.0, 60.0])
def test_the_camera_of_the_picture_stands_on_x_and_its_right_is_y(azimuth):
    turn = Stand.seen(BOX, (azimuth, 0), 1).turn
    right, up, backward = Camera.orbit(azimuth, 0, 1, 1).axes @ turn
    for found, wanted in zip((backward, right, up), np.eye(3), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("elevation", [0.0, -5.0, 30.0])
def test_a_thing_is_as_large_and_where_it_is_in_its_framed_picture(elevation):
    """Wherever the middle of its own world is."""
    radius = 0.87
    placed = Stand.seen(BOX + (5, 3, -2), (35.0, elevation), radius).place(BOX + (5, 3, -2))
    tilt = np.radians(elevation)
    upward = placed[:, 2] * np.cos(tilt) - placed[:, 0] * np.sin(tilt)
    for across in (placed[:, 1], upward):
        assert across.max() == pytest.approx(-across.min(), abs=1e-9)
    longer = max(np.ptp(placed[:, 1]), np.ptp(upward))
    assert longer == pytest.approx(FOREGROUND_RATIO * 2 * radius)


def test_what_is_too_deep_to_fit_at_that_size_fits():
    deep = BOX * (1, 1, 4)
    placed = Stand.seen(deep, (0.0, 10.0), 1.0).place(deep)
    assert np.abs(placed).max() == pytest.approx(FIT)


def test_pictures_and_points_are_mirrored_together(objective):
    """All of the thing lies on the camera's right, where the picture is bright."""
    points = np.zeros((2 * POINTS, 3), np.float16)
    points[:, 0] = 0.5
    view = np.full((1, SIZE, SIZE, 3), 127, np.uint8)
    view[:, :, SIZE // 2 :] = 255
    row = dict(objective.solids[0]) | {"views": view, "points": points, "cameras": np.zeros((1, 2))}
    objective.solids = [row] * THINGS
    sides = set()
    for seed in range(8):
        batch = objective.batch(np.random.default_rng(seed), 1)
        bright = bool(batch.images[0, :, -1].mean() > batch.images[0, :, 0].mean())
        on_right = batch.points[0, :, 1] > 0
        assert (on_right == bright).all()
        sides.add(bright)
    assert sides == {True, False}


def test_pictures_and_colours_are_recoloured_together(objective):
    """A picture all of one colour, of a thing of that colour, stays that."""
    colour = np.array([250, 120, 10], np.uint8)
    row = dict(objective.solids[0])
    row |= {"views": np.full((1, SIZE, SIZE, 3), colour), "colours": np.full((POINTS, 3), colour)}
    objective.solids = [row | {"cameras": np.zeros((1, 2))}] * THINGS
    batches = [objective.batch(np.random.default_rng(seed), 4) for seed in range(10)]
    pairs = (zip(b.images, b.colours, strict=True) for b in batches)
    seen = [(image[0, 0], c[0]) for pair in pairs for image, c in pair]
    for in_picture, on_skin in seen:
        torch.testing.assert_close(in_picture, on_skin, rtol=0, atol=1e-6)
    assert len({tuple(on_skin.tolist()) for _, on_skin in seen}) == 6


def test_batches_are_a_function_of_the_generator(objective):
    first, second = (objective.batch(np.random.default_rng(3), 2) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    other = objective.batch(np.random.default_rng(4), 2)
    assert not torch.equal(first.points, other.points)


def test_held_out_things_are_never_trained_on(objective):
    views = np.sort(objective.solids[2]["views"])  # whichever channel is red
    for seed in range(20):
        for picture in objective.batch(np.random.default_rng(seed), 2).images.numpy():
            picture = np.sort(np.rint(picture * 255).astype(np.uint8))
            assert not any(
                np.array_equal(picture, seen) or np.array_equal(picture[:, ::-1], seen)
                for seen in views
            )


def test_tokens_look_at_their_own_place_of_the_picture_for_good():
    """The plane across the line of sight, at every place of it, in every block, whatever has been
    learnt; columns are y, rows z upwards."""
    torch.manual_seed(0)
    net, side = build_tsr(8), 8
    moved = learn_something(net)
    with torch.no_grad():
        seen = net.image_tokenizer(torch.rand(1, 3, 256, 256))
        asked = ways_of_the_first_head(net, net.tokenizer(1), seen)
    assert moved
    z, y = np.divmod(np.arange(side**2), side)
    for found in asked:
        row, column = np.divmod(found[2 * side**2 :], 16)
        assert np.abs(column - (2 * y + 0.5)).max() <= 1.5
        assert np.abs((15 - row) - (2 * z + 0.5)).max() <= 1.5


def learn_something(net) -> bool:
    """Ten large steps, as the recipe takes them, towards noise; whether they changed what is
    free."""
    recipe = replace(recipes.triplane_coarse(Workshop(Path(), Path())), muon=0.5)
    entrance = net.backbone.transformer_blocks[0].attn2.to_q.weight
    before = entrance.detach().clone()
    optimizers = loop._optimizers(recipe, net)
    for _ in range(10):
        net.scene_codes(torch.rand(1, 256, 256, 3)).mul(
            torch.randn(1, 3, 32, 16, 16)
        ).sum().backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    return not torch.equal(entrance, before)


def ways_of_the_first_head(net, tokens, seen) -> list[np.ndarray]:
    """For each block, the image token that each triplane token's first head looks at most."""
    found = []
    for block in net.backbone.transformer_blocks:
        block.norm2.register_forward_hook(
            lambda norm, given, hidden, attention=block.attn2: found.append(
                _looked_at(attention, hidden[0], seen[0, 1:])
            )
        )
    net.backbone(tokens, seen)
    return found


def _looked_at(attention, hidden, seen) -> np.ndarray:
    head = slice(0, attention.to_q.weight.shape[0] // attention.heads)
    queries, keys = attention.to_q(hidden)[:, head], attention.to_k(seen)[:, head]
    return (queries @ keys.T).argmax(1).numpy()


def test_what_is_seen_often_is_learnt_and_noise_is_not_it(objective):
    rows = learn(objective, 320)
    early, late = rows[:5], rows[-10:]
    for name, share in (("outline", 0.6), ("colour", 0.65)):
        first, last = (np.mean([row[name] for row in part]) for part in (early, late))
        assert last < share * first, name
    assert np.mean([row["iou"] for row in late]) > 0.4
    objective.held_out = objective.training  # measured on what it has seen
    measures = objective.measure(objective.net, resolution=48)
    torch.manual_seed(1)
    noise = objective.measure(build_tsr(8, debug=True), resolution=48)
    assert measures["iou"] > max(0.3, 3 * noise["iou"])
    assert measures["f_score"] > noise["f_score"]
    assert measures["watertight"] == 1.0


def test_the_surface_lies_where_meshes_are_cut(objective):
    """The loss calls a point undecided exactly at the density of the level."""
    batch = objective.batch(np.random.default_rng(0), 1)
    net = objective.net
    with torch.no_grad():
        net.decoder.layers[-1].weight.zero_()
        net.decoder.layers[-1].bias.fill_(np.log(LEVEL) - net.density_bias)
        _, figures = objective.loss(net, batch, torch.Generator())
        answers = net.query(net.scene_codes(batch.images)[0], batch.points[0])
    assert figures["outline"] == pytest.approx(np.log(2), abs=1e-4)
    assert answers["density_act"].numpy() == pytest.approx(LEVEL, rel=1e-4)
