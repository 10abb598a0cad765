"""The evaluation of a whole family: complete figures, and a straight flow measured as straight."""

import json
from contextlib import contextmanager

import pytest
import torch
from PIL import Image
from torch import nn

from perflow_demo.evaluation import pocket, straightness
from perflow_demo.evaluation.drawing import Studio, ddim, perflow
from perflow_demo.evaluation.prompts import Prompt, main_prompts
from perflow_demo.flow import PeRFlowScheduler, interpolate, training_target
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from tests.evaluation.whole import whole
from tests.pocket_factory import ACCESSORIES, COLOURS, KINDS

PROMPTS = main_prompts(KINDS, COLOURS, ACCESSORIES)
SMALLEST = pocket.Plan(every=25, styled=25, straight=50, per_word=1, size=256)


@pytest.fixture(scope="module")
def report(assets):
    return whole(pocket.evaluate(Settings(assets=assets, device="cpu"), SMALLEST))


def numbers(rows):
    return [value for row in rows for value in row.values() if isinstance(value, float)]


def test_every_table_is_there_and_every_number_finite(report):
    names = set(report.tables)
    assert {"run", "quality at 256 px", "famous prompts at 256 px"} <= names
    assert {"straightness at 256 px, guidance 4.5", "straightness at 256 px, guidance 1"} <= names
    assert {"style cel at 256 px", "style pencil at 256 px", "unseen words at 256 px"} <= names
    for rows in report.tables.values():
        assert torch.tensor(numbers(rows)).isfinite().all()


def test_quality_has_a_row_for_every_sampler(report):
    rows = report.tables["quality at 256 px"]
    assert [row["sampler"] for row in rows] == [
        "teacher, DDIM 25",
        *(f"DDIM {calls}" for calls in (8, 4, 2, 1)),
        "PeRFlow 8 (K=4)",
        "PeRFlow 4 (K=4)",
        "PeRFlow 2 (K=2)",
        "PeRFlow 1 (K=1)",
    ]
    for row in rows:
        shares = [row[name] for name in ("category", "colour", "unasked")]
        assert all(0 <= share <= 1 for share in shares)
    assert rows[0]["frechet"] == pytest.approx(0, abs=1e-6)
    assert rows[0]["psnr"] is None


def test_a_style_is_measured_between_its_teacher_and_the_base(report):
    kept = {row["drawn by"]: row["style_kept"] for row in report.tables["style cel at 256 px"]}
    assert kept["teacher, DDIM 25"] == 1
    assert kept["base"] == 0


def test_the_report_is_written_and_printed(report, tmp_path):
    report.write_json(tmp_path / "figures.json")
    report.write_grid(tmp_path / "grid.png")
    assert json.loads((tmp_path / "figures.json").read_text(encoding="utf-8")) == report.tables
    with Image.open(tmp_path / "grid.png") as grid:
        assert grid.width > 600
        assert len(grid.convert("L").getcolors()) > 20
    text = report.text()
    assert all(name in text for name in report.tables)
    assert "PeRFlow 4 (K=4)" in text


class StraightFlow(nn.Module):
    """A perfect network whose every picture is the same, so that any solver is exact in one step.

    Its latents are √a + √(1-a)·noise, as DDIM has them; PeRFlow joins two of those by a line.
    """

    dtype, device = torch.float32, torch.device("cpu")

    def __init__(self, pipeline):
        super().__init__()
        self.config, self.pipeline = pipeline.unet.config, [pipeline]

    def forward(self, latents, timesteps, embeds, return_dict=True):
        scheduler = self.pipeline[0].scheduler
        alphas = scheduler.alphas_cumprod
        if not isinstance(scheduler, PeRFlowScheduler):
            alpha = alphas[timesteps.long()].view(-1, 1, 1, 1)
            return ((latents - alpha.sqrt()) / (1 - alpha).sqrt(),)
        t = float(timesteps[0]) / 1000
        window = scheduler.windows.lookup(torch.tensor([t], dtype=torch.float64), alphas)
        alpha_start, alpha_end = window.alpha_start.float(), window.alpha_end.float()
        signal = interpolate(alpha_start.sqrt(), alpha_end.sqrt(), t, window).float()
        sigma = interpolate((1 - alpha_start).sqrt(), (1 - alpha_end).sqrt(), t, window).float()
        noise = (latents - signal) / sigma
        start, end = (a.sqrt() + (1 - a).sqrt() * noise for a in (alpha_start, alpha_end))
        return (training_target(scheduler.config.prediction_type, start, end, window, t),)


class StraightRegistry(Registry):
    """Lends pipelines whose network is a StraightFlow."""

    @contextmanager
    def lease(self, *arguments, **options):
        with super().lease(*arguments, **options) as pipeline:
            pipeline.unet = StraightFlow(pipeline)
            yield pipeline


def test_a_straight_flow_has_no_distance(assets):
    studio = Studio(StraightRegistry(Settings(assets=assets, device="cpu")))
    for rows in straightness.measure(studio, PROMPTS[:2], 256).tables.values():
        assert [row["ddim"] for row in rows] == pytest.approx([0] * 4, abs=1e-3)
        assert [row["perflow"] for row in rows] == pytest.approx([0] * 4, abs=1e-3)


def test_a_flow_that_is_not_straight_has_a_distance(report):
    rows = report.tables["straightness at 256 px, guidance 4.5"]
    assert [(row["calls"], row["windows"]) for row in rows] == [(1, 1), (2, 2), (4, 4), (8, 4)]
    assert all(row["ddim"] > 0.01 and row["perflow"] > 0.01 for row in rows)


@pytest.mark.parametrize("sampler", [ddim(2), perflow(4)])
def test_a_picture_does_not_depend_on_its_batch(assets, sampler):
    registry = Registry(Settings(assets=assets, device="cpu"))
    prompts = [Prompt("a red dog", 1), Prompt("a blue cat", 2), Prompt("a car", 3)]
    together = Studio(registry, batch=2).latents(prompts, sampler, 256, 4.5)
    alone = Studio(registry, batch=1).latents(prompts[2:], sampler, 256, 4.5)
    # bfloat16 rounds the network's output where the CPU computes in it.
    torch.testing.assert_close(together[2:], alone, rtol=0.05, atol=0.05)
    assert not torch.allclose(together[0], together[1], atol=0.5)
