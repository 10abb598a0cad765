"""What a refined picture keeps of the given one, and what of its own."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from perflow_demo.tasks.fidelity import STRONGER, faithful


def levels(picture) -> np.ndarray:
    return np.asarray(picture).astype(int)


@pytest.fixture
def before():
    """Soft, as a picture four times enlarged is."""
    small = np.random.default_rng(1).integers(60, 196, (24, 32, 3), np.uint8)
    return Image.fromarray(small).resize((128, 96), Image.Resampling.LANCZOS)


@pytest.fixture
def detail():
    """A chequered pattern, finer than anything in the given picture."""
    rows, columns = np.indices((96, 128))
    return (10 * (-1) ** (rows + columns))[..., None]


def changed(picture, by) -> Image.Image:
    return Image.fromarray((levels(picture) + by).clip(0, 255).astype(np.uint8))


def test_a_cast_goes_and_detail_grows(before, detail):
    made = levels(faithful(changed(before, detail + (25, -10, 5)), before, 4, 1.0))
    assert np.abs((made - levels(before)).mean((0, 1))).max() < 0.5
    grown = (1 + STRONGER) * np.broadcast_to(detail, made.shape)
    share = ((made - levels(before)) * grown).sum() / np.square(grown).sum()
    assert 0.95 < share < 1.05


def test_without_fidelity_it_is_the_refined_one(before, detail):
    refined = changed(before, detail + 25)
    assert np.array_equal(levels(faithful(refined, before, 4, 0.0)), levels(refined))


@pytest.mark.parametrize("enlargement", [1, 2, 8])
def test_the_less_fidelity_the_more_is_the_refined_ones(before, enlargement):
    refined = before.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    ways = [faithful(refined, before, enlargement, share) for share in (1.0, 0.5, 0.2, 0.0)]
    soft = ImageFilter.GaussianBlur(6)
    given = levels(before.filter(soft))
    near = [np.abs(levels(way.filter(soft)) - given).mean() for way in ways]
    assert near == sorted(near) and near[0] < near[1] < near[-1]


def test_levels_stay_levels(before):
    white = Image.new("RGB", before.size, "white")
    made = faithful(white, before, 4, 0.3)
    assert made.size == before.size and made.mode == "RGB"
    assert np.abs(levels(made).mean((0, 1)) - levels(before).mean((0, 1))).max() < 1
