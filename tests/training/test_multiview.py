"""The multiview objective: rows in order, a start at the teacher, measures that mean something."""

import numpy as np
import pytest
import torch

from perflow_demo.geometry.views import camera_rows
from perflow_demo.nets import LatentTokens, PocketAutoencoder
from perflow_demo.training import view_latents
from perflow_demo.training.objectives.autoencoder import to_tensor
from perflow_demo.training.objectives.multiview import (
    MultiviewObjective,
    grown,
    picture_to_views,
)
from perflow_demo.training.objectives.teacher import build_unet
from perflow_demo.training.publish import write_module
from perflow_demo.training.toyworld.six_views import compare, six_views
from perflow_demo.training.view_latents import encoded_views

WORLD, COUNT, SIZE = 4, 3, 64


def reader() -> LatentTokens:
    return LatentTokens(side=SIZE // 16, width=64, inner=32, layers=1)


@pytest.fixture(scope="module")
def vae(tmp_path_factory):
    torch.manual_seed(0)
    small = {"channels": (8, 8, 16), "encoder_blocks": (1, 1, 1), "decoder_blocks": (1, 1, 1)}
    folder = tmp_path_factory.mktemp("family") / "vae"
    write_module(PocketAutoencoder(**small), folder)
    return folder


@pytest.fixture(scope="module")
def data(vae, tmp_path_factory):
    """Three things in shards of two."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(view_latents, "SHARD", 2)
        yield encoded_views(vae, tmp_path_factory.mktemp("data"), WORLD, COUNT, SIZE, processes=1)


@pytest.fixture(scope="module")
def teacher():
    torch.manual_seed(1)
    return build_unet(debug=True)


@pytest.fixture(scope="module")
def objective(teacher, vae, data):
    autoencoder = PocketAutoencoder.from_pretrained(vae, torch_dtype=torch.float32)
    net = picture_to_views(teacher, reader())
    return MultiviewObjective(net, autoencoder, data, (WORLD, COUNT, SIZE), held_out=2)


def test_latents_are_the_encoded_views_in_order(data, objective):
    assert len(data) == COUNT
    pictures, views = data.take(np.array([2, 0]))
    assert views.shape == (2, 2, 6, 16, 4, 4)
    for row, index in enumerate((2, 0)):
        truth = six_views(WORLD, index, SIZE)
        with torch.no_grad():
            for latents, page in (
                (pictures[row], truth.picture),
                (views[row, 0, 1], truth.normals[1]),
                (views[row, 1, 5], truth.colours[5]),
            ):
                wanted = objective.autoencoder.encode(to_tensor(page[None])).latents[0]
                assert (latents - wanted).abs().max() < 0.05 * wanted.abs().max()  # bf16


def test_shards_that_are_there_are_kept(vae, data, tmp_path, monkeypatch):
    monkeypatch.setattr(view_latents, "SHARD", 2)
    encoded_views(vae, tmp_path, WORLD, 2, SIZE, processes=1)
    (first,) = tmp_path.rglob("*.npy")
    before = first.stat().st_mtime_ns
    assert len(encoded_views(vae, tmp_path, WORLD, 3, SIZE, processes=1)) == 3
    assert first.stat().st_mtime_ns == before
    assert not list(tmp_path.rglob("*.part"))


def test_the_start_is_the_teacher_on_every_row(teacher, objective):
    """Image latents count as the noisy ones and domains do not mix; only views see one another."""
    unet = grown(teacher)
    weights, old = unet.state_dict(), teacher.state_dict()
    assert set(old) < set(weights)
    for half in weights["conv_in.weight"].chunk(2, 1):
        assert torch.equal(half, old["conv_in.weight"])
    assert all(torch.equal(weights[key], old[key]) for key in old if key != "conv_in.weight")
    for key in weights.keys() - old.keys():
        assert "joint_mid" in key or "class_embedding" in key
    torch.nn.init.zeros_(unet.class_embedding.linear_2.weight)
    torch.nn.init.zeros_(unet.class_embedding.linear_2.bias)
    one, image = torch.randn(2, 1, 16, 4, 4, generator=torch.Generator().manual_seed(0))
    tokens = torch.randn(1, 4, 64, generator=torch.Generator().manual_seed(1))
    cameras = torch.from_numpy(camera_rows()).flatten(0, 1)
    with torch.no_grad():
        # Twelve rows alike: attention across equal views is attention inside one of them.
        rows = torch.cat([one, image], 1).expand(12, -1, -1, -1)
        made = unet(rows, 500, tokens.expand(12, -1, -1), cameras).sample
        wanted = teacher(one + image, 500, tokens).sample
    torch.testing.assert_close(made, wanted.expand_as(made), rtol=1e-3, atol=1e-4)


def test_things_of_a_batch_do_not_see_one_another(objective):
    torch.manual_seed(2)
    net = picture_to_views(build_unet(debug=True), reader())
    for parameter in net.parameters():  # past the zeros of the start
        parameter.data += 0.02 * torch.randn_like(parameter)
    noisy, pictures = torch.randn(2, 2, 6, 16, 4, 4), torch.randn(2, 16, 4, 4)
    times, seen = torch.tensor([100, 700]), torch.tensor([1.0, 0.0])
    which = torch.arange(6).expand(2, -1)
    with torch.no_grad():
        both = net(noisy, times, pictures, seen, which)
        for thing in (0, 1):
            one = slice(thing, thing + 1)
            alone = net(noisy[:, one], times[one], pictures[one], seen[one], which[one])
            torch.testing.assert_close(both[:, one], alone, rtol=1e-3, atol=1e-4)
        other = net(noisy, times, pictures.flip(0), seen, which)
    assert (both[:, 0] - other[:, 0]).abs().max() > 1e-3  # the picture counts,
    torch.testing.assert_close(both[:, 1], other[:, 1])  # unless it is dropped


def test_the_loss_is_that_of_the_velocity(objective):
    """√α·noise − √(1−α)·clean (Salimans & Ho 2022), from what is known of both."""
    batch = objective.batch(np.random.default_rng(0), 2)

    def told(noisy, timesteps, pictures, seen, which):
        alphas = objective.schedule.alphas_cumprod[timesteps].view(1, -1, 1, 1, 1, 1)
        signal, sigma = alphas.sqrt(), (1 - alphas).sqrt()
        return signal * (noisy - signal * batch[1]) / sigma - sigma * batch[1]

    right, figures = objective.loss(told, batch, torch.Generator().manual_seed(0))
    assert right < 1e-4 and figures["normals"] < 1e-4
    wrong, _ = objective.loss(lambda *all: -told(*all), batch, torch.Generator().manual_seed(0))
    assert wrong > 0.1


def test_views_drawn_apart_are_the_things_own_and_know_which_they_are(objective, teacher, vae):
    autoencoder = PocketAutoencoder.from_pretrained(vae, torch_dtype=torch.float32)
    net = picture_to_views(teacher, reader())
    world = (WORLD, COUNT, SIZE)
    pairs = MultiviewObjective(net, autoencoder, objective.data, world, held_out=2, together=2)
    pictures, views, _, which = pairs.batch(np.random.default_rng(0), 8)
    assert views.shape == (2, 8, 2, 16, 4, 4) and which.shape == (8, 2)
    assert len({tuple(row) for row in which.tolist()}) > 2
    known, all_views = objective.data.take(np.arange(COUNT))
    for row, (picture, numbers) in enumerate(zip(pictures, which, strict=True)):
        thing = next(i for i in range(COUNT) if torch.equal(known[i], picture))
        assert torch.equal(views[:, row], all_views[thing][:, numbers])
    for parameter in net.parameters():  # past the zeros of the start
        parameter.data += 0.02 * torch.randn_like(parameter)
    noisy, times, seen = torch.randn_like(views), torch.full((8,), 500), torch.ones(8)
    with torch.no_grad():
        right = net(noisy, times, pictures, seen, which)
        wrong = net(noisy, times, pictures, seen, which.flip(1))
    assert (right - wrong).abs().max() > 1e-3


def test_a_share_of_the_pictures_is_dropped(objective):
    seen = torch.cat([objective.batch(np.random.default_rng(n), 20)[2] for n in range(20)])
    assert set(seen.tolist()) == {0.0, 1.0}
    assert (1 - seen).mean() == pytest.approx(0.1, abs=0.05)


def test_the_truth_has_perfect_measures_and_another_thing_has_not(objective):
    truth, other = (six_views(WORLD, index, SIZE) for index in (0, 1))
    same = compare(truth.normals, truth.colours, truth)
    assert same["psnr"] > 60 and same["degrees"] < 0.01
    # Pale parts pass for paper.
    assert same["iou"] > 0.9
    wrong = compare(other.normals, other.colours, truth)
    assert wrong["psnr"] < 20 and wrong["iou"] < 0.8 and wrong["degrees"] > 20


def test_training_learns(objective):
    torch.manual_seed(0)
    read = {key: value.clone() for key, value in objective.net.image_encoder.state_dict().items()}
    optimizer = torch.optim.AdamW(objective.net.parameters(), 2e-3)
    losses = []
    for step in range(12):
        batch = objective.batch(np.random.default_rng(step), 2)
        generator = torch.Generator().manual_seed(0)
        loss, _ = objective.loss(objective.net, batch, generator)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert np.mean(losses[-3:]) < 0.9 * np.mean(losses[:3])
    for key, value in objective.net.image_encoder.state_dict().items():
        assert torch.equal(value, read[key])  # who reads stays as it is


def test_the_sheet_shows_each_thing_in_two_rows(objective):
    sheet = objective.sheet(objective.net.eval())
    assert sheet.size == (7 * SIZE, 2 * 2 * SIZE)
    page = np.asarray(sheet)
    np.testing.assert_allclose(
        page[:SIZE, :SIZE].astype(int), six_views(WORLD, COUNT, SIZE).picture, atol=1
    )
