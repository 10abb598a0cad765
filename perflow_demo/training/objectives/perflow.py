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
from perflow_demo.models.stored import packed, read_tensors
from perflow_demo.training.objectives.teacher import SHEET_PROMPTS, TeacherObjective, TextToImage
from perflow_demo.training.publish import write_tensors
from perflow_demo.training.ways import Stretch, Ways, contexts, predicted


class PeRFlowObjective:
    """The student's line through each window must end where the guided teacher's solver ends.

    Both sides are guided alike, by a scale between 1 and 7: a student that is only guided when it
    is used multiplies its errors. And the windows are those of the teacher's own ways from noise to
    picture, not of noisy pictures, which guidance leaves.
    delta: what the student starts with beside the teacher, an earlier ΔW.
    starts: share of the rows that stand where their window begins; in one step a window, that is
    all the student is ever asked. The others are anywhere in it.
    """

    prediction_type = "ddim_v"  # the teacher predicts v

    def __init__(
        self,
        teacher: TeacherObjective,
        ways: Ways,
        delta: StateDict | None = None,
        starts: float = 0.5,
    ) -> None:
        self.data, self.ways = teacher, ways
        self.teacher = deepcopy(teacher.net).eval().requires_grad_(False)
        self.net = teacher.net.unet
        if delta:
            apply_delta(self.net, delta)
        self.starts = starts
        self.alphas = teacher.schedule.alphas_cumprod

    def batch(self, rng: np.random.Generator, count: int) -> Stretch:
        return self.ways.take(rng, count)

    def loss(
        self, net, batch: Stretch, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        windows = self.ways.windows
        inside = torch.rand(len(batch.begins), generator=generator) * 0.999 / windows.num_windows
        begun = torch.rand(len(inside), generator=generator) < self.starts
        t = torch.where(begun, batch.begins, batch.begins - inside)
        window = windows.lookup(t, self.alphas)
        noisy = interpolate(batch.start, batch.end, t, window)
        words = contexts(self.teacher, self.data, batch.captions)
        predict = guided(partial(predicted, net), *words, batch.guidance_scale)
        # Compared where the line ends, not as outputs: windows turn them into steps of very
        # different length, and the longest are made where little noise is left.
        output = predict(noisy, t * 1000)
        found = window_end_estimate(self.prediction_type, output, noisy, t, window)
        return (found - batch.end).square().mean(), {}

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
