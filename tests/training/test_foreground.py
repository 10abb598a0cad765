"""Cut-outs put elsewhere keep their own colours, and alpha says where they went."""

import numpy as np
import pytest
import torch

from perflow_demo.training.objectives.backgrounds import backgrounds, window, without_backdrop
from perflow_demo.training.objectives.foreground import ForegroundObjective
from perflow_demo.training.toyworld.scene import sample
from perflow_demo.training.toyworld.shards import ALPHA, Pictures, render_shards

SIZE, COUNT = 64, 6
SMALL = {"held_out": 2, "widths": (16, 16)}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("shards")
    for style in ("", ALPHA):
        render_shards(root / f"pictures{style}", 3, COUNT, SIZE, style)
    return root / "pictures", root / f"pictures{ALPHA}"


@pytest.fixture(scope="module")
def objective(folders):
    return ForegroundObjective(*folders, **SMALL)


def disc(colour: tuple[float, float, float], backdrop: float = -1.0):
    """A disc with a soft rim over a backdrop: pixels 1 3 H W and alpha 1 1 H W."""
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, SIZE)] * 2, indexing="ij")
    alpha = ((0.6 - torch.hypot(x, y)) * SIZE / 2).clamp(0, 1)[None, None]
    pixels = torch.tensor(colour).view(1, 3, 1, 1) * alpha + backdrop * (1 - alpha)
    return pixels, alpha


def test_alpha_shards_are_the_alpha_of_the_renders(folders):
    for index, alpha in enumerate(Pictures(folders[1])):
        np.testing.assert_array_equal(alpha, sample(3, index).render(SIZE).alpha)
        assert 0.02 < (alpha > 127).mean() < 0.9


def test_the_rim_loses_the_old_backdrop():
    colour = (0.8, -0.2, 0.4)
    pixels, alpha = disc(colour)
    rim = (alpha > 0.05) & (alpha < 0.95)
    assert rim.sum() > 50
    own = without_backdrop(pixels, alpha)
    error = (own - torch.tensor(colour).view(1, 3, 1, 1)).abs()
    assert error[(alpha > 0).expand_as(error)].max() < 1e-4
    assert (pixels - torch.tensor(colour).view(1, 3, 1, 1)).abs()[rim.expand_as(error)].max() > 0.5


def test_a_window_moves_scales_and_mirrors():
    picture = torch.zeros(1, 1, 64, 64)
    picture[..., 16:32, 32:48] = 1  # right of the middle, above it
    left = window(picture, np.array([[-1.0, 1.0]]), np.zeros((1, 2)))
    torch.testing.assert_close(left, picture.flip(-1), rtol=0, atol=1e-4)
    closer = window(picture, np.array([[0.5, 0.5]]), np.array([[0.25, -0.25]]))
    assert closer[..., 16:48, 16:48].mean() > 0.9
    assert closer.sum() == pytest.approx(4 * picture.sum().item(), rel=0.1)
    assert window(picture, np.array([[1.0, 1.0]]), np.array([[2.0, 0.0]])).sum() == 0


def test_backgrounds_are_many_and_within_range():
    pixels, _ = disc((1, 1, 1))
    made = backgrounds(pixels.repeat(40, 1, 1, 1), np.random.default_rng(0))
    assert made.shape == (40, 3, SIZE, SIZE) and made.abs().max() <= 1
    assert len(torch.unique(made[:, :, 0, 0], dim=0)) > 20
    spread = made.std((2, 3)).mean(1)
    assert (spread < 1e-6).any() and (spread > 0.1).any()


def test_pictures_elsewhere_show_the_thing_where_alpha_says(objective, folders):
    """Inside alpha are the thing's colours, outside of it they are no longer those of its place."""
    originals, alphas = (np.stack(list(Pictures(folder))) for folder in folders)
    pixels, seen = objective._placed(np.arange(COUNT), np.random.default_rng(1), elsewhere=1.0)
    assert seen.min() >= 0 and seen.max() <= 1
    for row in range(COUNT):
        moved = pixels[row, :, seen[row, 0] == 1].mean(1).numpy()
        original = originals[row][alphas[row] == 255].mean(0) / 127.5 - 1
        np.testing.assert_allclose(moved, original, atol=0.15)
    inside, outside = (
        torch.tensor([pixels[row, 0][seen[row, 0] == value].mean() for row in range(COUNT)])
        for value in (1, 0)
    )
    assert (inside - outside).abs().mean() > 0.1


def test_in_place_the_picture_is_a_part_of_the_original(objective):
    kept, alpha = objective._placed(np.arange(COUNT), np.random.default_rng(1), elsewhere=0.0)
    again, same = objective._placed(np.arange(COUNT), np.random.default_rng(1), elsewhere=0.0)
    assert torch.equal(kept, again) and torch.equal(alpha, same)
    assert kept.shape == (COUNT, 3, SIZE, SIZE) and alpha.shape == (COUNT, 1, SIZE, SIZE)
    assert (alpha.mean((1, 2, 3)) > 0.02).all()


def test_a_batch_is_a_function_of_its_random_state(objective):
    first, again, other = (objective.batch(np.random.default_rng(n), 3) for n in (5, 5, 6))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    assert first[0].abs().max() <= 1


def test_the_loss_falls_to_nothing_for_the_true_alpha(objective):
    pixels, alpha = objective.batch(np.random.default_rng(2), 4)
    hard = (alpha > 0.5).float()

    def loss(logits):
        return objective.loss(lambda _: logits, (pixels, hard), torch.Generator())

    right, figures = loss(40 * (hard - 0.5))
    wrong, _ = loss(-40 * (hard - 0.5))
    unsure, _ = loss(torch.zeros_like(hard))
    assert right < 1e-3 and figures["iou"] == 1.0
    assert right < unsure < wrong


def test_training_learns_to_find_a_thing(objective):
    torch.manual_seed(0)
    net = objective.net
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3)
    losses = []
    for step in range(40):
        batch = objective.batch(np.random.default_rng([0, step]), 6)
        loss, _ = objective.loss(net, batch, torch.Generator())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert np.mean(losses[-8:]) < 0.8 * np.mean(losses[:4])
