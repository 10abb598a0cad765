"""The figures of refining are complete, and each tells better from worse."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter

from perflow_demo.evaluation import refining, request_times
from perflow_demo.evaluation.judging import feature_distance, load_judge
from perflow_demo.evaluation.metrics import edges_kept, seam_ratio, sharpness
from perflow_demo.models.catalogue import REFINERS
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from tests.evaluation.whole import whole


@pytest.fixture(scope="module")
def settings(assets):
    return Settings(assets=assets, device="cpu")


@pytest.fixture(scope="module")
def drawn():
    blocks = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    return Image.fromarray(blocks).resize((256, 256), Image.Resampling.NEAREST)


def test_the_figures_are_complete(settings, monkeypatch):
    monkeypatch.setattr(refining, "SIZE", 768)
    monkeypatch.setattr(refining, "LARGE", 768)
    monkeypatch.setattr(refining, "FACTORS", (4,))
    monkeypatch.setitem(REFINERS, "pocket", replace(REFINERS["pocket"], tile=512))
    report = whole(refining.evaluate(settings, refining.Plan(pictures=1, large=1)))
    assert list(report.tables) == ["autoencoder at 768 px", "192 to 768 px", "seams at 768 px"]
    rows = report.tables["192 to 768 px"]
    assert [row["way"] for row in rows] == ["LANCZOS", "PeRFlow 4", "teacher, DDIM 25"]
    figures = ("psnr", "features", "sharpness", "edges")
    assert all(np.isfinite([row[name] for name in figures]).all() for row in rows)
    assert rows[0]["sharpness"] < 1
    assert rows[0]["psnr"] > rows[1]["psnr"]  # the networks here know nothing
    assert report.tables["seams at 768 px"][0]["seams"] > 0


def test_features_tell_how_much_detail_is_lost(settings, drawn):
    judge = load_judge(settings)
    blurred = [drawn.filter(ImageFilter.GaussianBlur(radius)) for radius in (0.5, 2, 6)]
    found = [feature_distance(judge, [picture], [drawn]) for picture in (drawn, *blurred)]
    assert found[0] == 0
    assert found == sorted(found) and len(set(found)) == 4


def test_sharpness_falls_with_blur(drawn):
    found = [sharpness(drawn.filter(ImageFilter.GaussianBlur(r))) for r in (0, 1, 3)]
    assert found[0] > found[1] > found[2] > 0


def test_edges_fall_with_blur_and_noise_is_none(drawn):
    noise = np.random.default_rng(0).normal(0, 20, (256, 256, 3))
    noisy = Image.fromarray((np.asarray(drawn) + noise).clip(0, 255).astype(np.uint8))
    soft = drawn.filter(ImageFilter.GaussianBlur(1))
    assert edges_kept(drawn, drawn) == pytest.approx(1)
    assert edges_kept(drawn.filter(ImageFilter.UnsharpMask(2)), drawn) > 1.1
    assert edges_kept(soft, drawn) < 0.8
    assert sharpness(noisy) > 1.02 * sharpness(drawn)
    assert edges_kept(noisy, drawn) == pytest.approx(1, abs=0.02)


def test_a_step_across_a_line_is_a_seam():
    plain = np.random.default_rng(0).normal(0, 1, (64, 64, 3))
    stepped = plain.copy()
    stepped[32:] += 6
    stepped[:, 32:] += 6
    assert seam_ratio(plain, [32]) == pytest.approx(1, abs=0.2)
    assert seam_ratio(stepped, [32]) > 3
    assert seam_ratio(stepped, [20]) == pytest.approx(1, abs=0.2)


def test_steps_that_come_back_and_busy_places_are_no_seams():
    rows = np.arange(128)[:, None, None]
    busy = 10 * np.exp(-(((rows - 64) / 30) ** 2)) * np.ones((128, 128, 3))
    pattern = np.random.default_rng(0).normal(0, 1, (128, 128, 3)) * busy
    pattern += 20 * (rows // 8 % 2)
    pattern += pattern.swapaxes(0, 1)
    assert seam_ratio(pattern, [64]) > 2
    assert seam_ratio(pattern, [64], 8, 16) == pytest.approx(1, abs=0.1)
    pattern[64:] += 60
    pattern[:, 64:] += 60
    assert seam_ratio(pattern, [64], 8, 16) > 1.3


def test_refinements_are_timed(settings):
    (rows,) = request_times.compare_refining(Registry(settings), rounds=1).tables.values()
    assert [row["what"] for row in rows] == ["PeRFlow 4", "DDIM 25"]
    assert rows[1]["ratio"] > 1
