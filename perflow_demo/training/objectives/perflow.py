"""PeRFlow: the teacher's flow straightened inside time windows (Yan et al. 2024, algorithm 1)."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from perflow_demo.flow import (
    PeRFlowScheduler,
    apply_delta,
    extract_delta,
    guided,
    interpolate,
    window_end_estimate,
)
from perflow_demo.flow.delta import StateDict
from perflow_demo.flow.solver import Predict
from perflow_demo.models.stored import packed, read_tensors
from perflow_demo.training.objectives.teacher import SHEET_PROMPTS, TeacherObjective, TextToImage
from perflow_demo.training.publish import write_tensors
from perflow_demo.training.ways import Walks, Ways, contexts, predicted


class PeRFlowObjective:
    """The student's line through each window must end where the guided teacher's solver ends.

    Both sides are guided alike, by a scale between 1 and 7, or not at all: a student that is only
    guided when it is used multiplies its errors, and one that was always guided has a poor line
    without. And it walks as it will be used, each window from where its own
    line through the one before ended: guidance drives neighbours apart, so that errors of a
    fourteenth in single windows were a third at the end of four.
    delta: what the student starts with beside the teacher, an earlier ΔW.
    pauses: share of the windows in which it predicts once more on the way, as when it makes more
    steps than there are windows.
    """

    prediction_type = "ddim_v"  # the teacher predicts v

    def __init__(
        self,
        teacher: TeacherObjective,
        ways: Ways,
        delta: StateDict | None = None,
        pauses: float = 0.2,
    ) -> None:
        self.data, self.ways = teacher, ways
        self.teacher = deepcopy(teacher.net).eval().requires_grad_(False)
        self.net = teacher.net.unet
        if delta:
            apply_delta(self.net, delta)
        self.pauses = pauses
        self.alphas = teacher.schedule.alphas_cumprod

    def batch(self, rng: np.random.Generator, count: int) -> Walks:
        return self.ways.take(rng, count)

    def loss(
        self, net, batch: Walks, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        words = contexts(self.teacher, self.data, batch.captions)
        predict = guided(partial(predicted, net), *words, batch.guidance_scale)
        latents, errors = batch.states[0], []
        times = self.ways.windows.boundaries[-len(batch.states) :]  # larger ones begin later
        for begin, end in zip(times, batch.states[1:], strict=False):
            latents = self._through(predict, latents, begin, generator)
            # Compared where the line ends, not as outputs: windows turn them into steps of very
            # different length, and the longest are made where little noise is left.
            errors.append((latents - end).square().mean())
        first = 1 + self.ways.windows.num_windows - len(errors)
        figures = {f"window_{k}": error.item() for k, error in enumerate(errors, first)}
        return torch.stack(errors).mean(), figures

    def _through(
        self, predict: Predict, latents: Tensor, begin: float, generator: torch.Generator
    ) -> Tensor:
        """Where the line through the window that begins there ends, with or without a pause."""
        windows = self.ways.windows
        t = torch.full((len(latents),), begin)
        window = windows.lookup(t, self.alphas)
        end = window_end_estimate(
            self.prediction_type, predict(latents, t * 1000), latents, t, window
        )
        if torch.rand((), generator=generator) >= self.pauses:
            return end
        t = t - torch.rand((), generator=generator) * 0.999 / windows.num_windows
        latents = interpolate(latents, end, t, window)
        return window_end_estimate(
            self.prediction_type, predict(latents, t * 1000), latents, t, window
        )

    @torch.no_grad()
    def sheet(self, net) -> Image.Image:
        """4 PeRFlow steps from the noise that the teacher's own sheet starts from."""
        scheduler = PeRFlowScheduler.from_config(
            self.data.schedule.config,
            prediction_type=self.prediction_type,
            num_time_windows=self.ways.windows.num_windows,
        )
        student = TextToImage(net, self.teacher.text_encoder)
        return self.data.draw(
            student, scheduler, SHEET_PROMPTS, steps=4, guidance_scale=4.5, size=256
        )

    def publish(self, net, folder: Path) -> dict[str, float]:
        """Saves ΔW = student − teacher, packed; returns what share of its energy rounding loses."""
        delta = extract_delta(net.state_dict(), self.teacher.unet.state_dict())
        file = folder / "delta" / "diffusion_pytorch_model.safetensors"
        # Muon's updates have full rank: thin factors of fewer bytes lost 44 %.
        write_tensors(packed(delta), file)
        stored = read_tensors(file, torch.float32)
        lost = sum((stored[key] - delta[key]).square().sum() for key in delta)
        return {"lost": float(lost / sum(change.square().sum() for change in delta.values()))}
