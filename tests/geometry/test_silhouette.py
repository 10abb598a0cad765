"""Silhouettes: specks go, things and borders are counted, the rim takes the thing's colours."""

import numpy as np
import pytest

from perflow_demo.geometry.silhouette import own_colours, read

SIZE = 96


def discs(*places: tuple[float, float, float]) -> np.ndarray:
    """Alpha of discs (column, row, radius) with an edge two pixels soft."""
    row, column = np.mgrid[:SIZE, :SIZE] + 0.5
    alpha = np.zeros((SIZE, SIZE))
    for x, y, radius in places:
        distance = np.hypot(column - x, row - y)
        alpha = np.maximum(alpha, np.clip((radius - distance) / 2 + 0.5, 0, 1))
    return alpha


def test_one_disc_is_one_thing_kept_as_it_is():
    alpha = discs((48, 48, 20))
    found = read(alpha)
    assert (found.things, found.borders) == (1, 0)
    np.testing.assert_allclose(found.alpha, alpha, atol=0.02)  # but for its faintest traces
    assert found.share == pytest.approx(np.pi * 20**2 / SIZE**2, rel=0.02)


def test_specks_and_haze_go():
    clean = discs((48, 48, 20))
    found = read(np.maximum(discs((48, 48, 20), (8, 8, 2)), np.full((SIZE, SIZE), 0.3)))
    assert found.things == 1
    assert (found.alpha[:16, :16] == 0).all()
    inside = clean > 0.5
    np.testing.assert_array_equal(found.alpha[inside], clean[inside])
    assert (found.alpha > 0).sum() < 1.4 * inside.sum()


@pytest.mark.parametrize(
    ("places", "things"),
    [
        ([(25, 48, 15), (70, 48, 15)], 2),
        ([(25, 25, 15), (70, 25, 15), (48, 75, 12)], 3),
        ([(30, 48, 20), (80, 48, 5)], 1),  # a small part of its own, like a falling leaf
        ([(35, 48, 15), (60, 48, 15)], 1),  # touching
    ],
)
def test_things_are_counted(places, things):
    found = read(discs(*places))
    assert found.things == things
    for x, y, _ in places:
        assert found.alpha[int(y), int(x)] == 1


@pytest.mark.parametrize(("radius", "borders"), [(30, 0), (52, 4)])
def test_borders_are_counted(radius, borders):
    assert read(discs((48, 48, radius))).borders == borders


def test_one_border():
    found = read(discs((48, 96, 20)))
    assert found.borders == 1 and found.rim == pytest.approx(40 / (4 * SIZE), abs=0.02)


def test_nothing_is_nothing():
    found = read(np.full((SIZE, SIZE), 0.4))
    assert (found.things, found.borders, found.share) == (0, 0, 0.0)
    assert (found.alpha == 0).all()


def test_the_rim_takes_the_colours_of_the_thing():
    alpha = discs((48, 48, 20))
    thing, wall = np.array([200, 40, 90]), np.array([10, 220, 30])
    mixed = alpha[..., None] * thing + (1 - alpha[..., None]) * wall
    picture = np.rint(mixed).astype(np.uint8)
    coloured = own_colours(picture, alpha)
    assert np.abs(coloured[alpha > 0].astype(int) - thing).max() <= 10
    np.testing.assert_array_equal(coloured[alpha == 0], picture[alpha == 0])
    assert np.abs(picture[alpha > 0].astype(int) - thing).max() > 100
