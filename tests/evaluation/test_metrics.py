"""Metrics against values known in closed form, and their properties."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from perflow_demo.evaluation.metrics import (
    angular_error,
    drawn,
    f_score,
    frechet_distance,
    iou,
    look,
    look_distance,
    psnr,
    relative_distance,
    rms,
)


def gaussian(seed: int, count: int = 200, dims: int = 6) -> torch.Tensor:
    return torch.randn(count, dims, generator=torch.Generator().manual_seed(seed))


def whitened(values: torch.Tensor) -> torch.Tensor:
    """The values with mean 0 and covariance 1, exactly."""
    values = values.double() - values.double().mean(0)
    root = torch.linalg.cholesky(torch.cov(values.T))
    return torch.linalg.solve_triangular(root, values.T, upper=False).T


def picture(seed: int, side: int = 64) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_frechet_of_equal_sets_is_zero():
    assert frechet_distance(gaussian(0), gaussian(0)) == pytest.approx(0, abs=1e-6)


def test_frechet_of_fewer_features_than_dimensions_is_zero_for_equal_sets():
    few = gaussian(0, count=10, dims=40)
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-5)


@given(st.integers(0, 99), st.lists(st.floats(-3, 3), min_size=6, max_size=6))
@settings(max_examples=20, deadline=None)
def test_frechet_of_a_shift_is_its_squared_length(seed, shift):
    shift = torch.tensor(shift, dtype=torch.float64)
    found = frechet_distance(gaussian(seed).double() + shift, gaussian(seed))
    assert found == pytest.approx(shift.square().sum().item(), abs=1e-6)


def test_frechet_of_known_gaussians():
    first, second = whitened(gaussian(1)), whitened(gaussian(2))
    turn = torch.linalg.qr(gaussian(3, 6, 6).double()).Q
    scales = torch.tensor([0.5, 1, 2, 3, 4, 0.1], dtype=torch.float64)
    # Covariances 1 and turn·diag(scales²)·turnᵀ commute: Σ (1 - scale)².
    expected = (1 - scales).square().sum().item()
    assert frechet_distance(first, second * scales @ turn.T) == pytest.approx(expected)
    # Two that do not commute, in two dimensions, by the trace formula of 2×2 roots:
    # tr (AB)^½ = sqrt(tr AB + 2 sqrt(det AB)).
    first, second = whitened(gaussian(4, dims=2)), whitened(gaussian(5, dims=2))
    left = torch.tensor([[2.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    right = torch.tensor([[1.0, -1.0], [0.0, 3.0]], dtype=torch.float64)
    a, b = left @ left.T, right @ right.T
    cross = ((a @ b).trace() + 2 * torch.linalg.det(a @ b).sqrt()).sqrt()
    expected = (a.trace() + b.trace() - 2 * cross).item()
    assert frechet_distance(first @ left.T, second @ right.T) == pytest.approx(expected)


def test_frechet_is_symmetric():
    first, second = gaussian(6), 2 * gaussian(7) + 1
    assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first))


def test_relative_distance_is_scale_free():
    reference, other = gaussian(8), gaussian(9)
    distance = relative_distance(other, reference)
    assert relative_distance(5 * other, 5 * reference) == pytest.approx(distance)
    assert relative_distance(reference, reference) == 0
    assert relative_distance(torch.zeros_like(reference), reference) == pytest.approx(1)
    assert rms(torch.tensor([3.0, -4.0])) == pytest.approx(math.sqrt(12.5))


def test_psnr_of_known_errors():
    gray = Image.new("RGB", (8, 8), (100, 100, 100))
    assert psnr(gray, Image.new("RGB", (8, 8), (101, 101, 101))) == pytest.approx(48.1308, abs=1e-3)
    assert psnr(Image.new("RGB", (8, 8)), Image.new("RGB", (8, 8), "white")) == 0
    assert psnr(gray, gray) == math.inf


def test_look_tells_drawings_apart_and_not_what_they_show():
    photos, mirrored = [picture(0), picture(1)], [picture(i).transpose(0) for i in (0, 1)]
    soft = [p.filter(ImageFilter.GaussianBlur(3)) for p in photos]
    pale = [p.convert("L").convert("RGB") for p in photos]
    assert look(photos).sum(1).tolist() == pytest.approx([1, 1, 1])
    assert look_distance(look(photos), look(mirrored)) < 0.02
    assert look_distance(look(photos), look(soft)) > 0.3
    assert look_distance(look(photos), look(pale)) > 0.2


def test_the_f_score_is_the_harmonic_mean_of_two_shares():
    truth = np.column_stack([np.arange(10.0), np.zeros((10, 2))])
    assert f_score(truth, truth, 0.1) == 1
    assert f_score(truth + (0, 0.09, 0), truth, 0.1) == 1
    assert f_score(truth + (0, 0.11, 0), truth, 0.1) == 0
    half = truth[:5]  # all of it right, half of the truth found
    assert f_score(half, truth, 0.1) == pytest.approx(2 / 3)
    assert f_score(truth, half, 0.1) == pytest.approx(2 / 3)
    assert f_score(np.empty((0, 3)), truth, 0.1) == 0


def test_iou_counts_what_both_cover_against_what_either_does():
    mask, reference = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    assert iou(mask, reference) == 1.0
    mask[:2], reference[1:3] = True, True
    assert iou(mask, reference) == iou(reference, mask) == pytest.approx(4 / 12)
    assert iou(mask, mask) == 1.0 and iou(mask, ~mask) == 0.0


def test_angles_between_normals_kept_as_colours():
    axes = np.eye(3)
    pages = np.rint((axes + 1) * 127.5).astype(np.uint8)
    assert angular_error(pages, pages).max() < 0.5
    np.testing.assert_allclose(angular_error(pages, np.roll(pages, 1, 0)), 90, atol=0.5)
    away = np.rint((1 - axes) * 127.5).astype(np.uint8)
    np.testing.assert_allclose(angular_error(pages, away), 180, atol=1)
    shorter = np.rint((0.5 * axes + 1) * 127.5).astype(np.uint8)
    assert angular_error(shorter, pages).max() < 1


def test_what_is_drawn_on_white_is_seen():
    page = np.full((4, 4, 3), 252, np.uint8)
    page[1, 2] = (255, 255, 200)
    page[3, 3] = (0, 0, 0)
    assert np.argwhere(drawn(page)).tolist() == [[1, 2], [3, 3]]
