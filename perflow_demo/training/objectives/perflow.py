"""PeRFlow: the teacher's flow straightened inside time windows (Yan et al. 2024, algorithm 1)."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from perflow_demo.flow import (
    PeRFlowScheduler,
    TimeWindows,
    apply_delta,
    extract_delta,
    guided,
    interpolate,
    solve_window,
    window_end_estimate,
)
from perflow_demo.flow.delta import StateDict
from perflow_demo.flow.solver import Predict
from perflow_demo.models.stored import packed, read_tensors
from perflow_demo.training.objectives.teacher import SHEET_PROMPTS, TeacherObjective, TextToImage
from perflow_demo.training.publish import write_tensors
from perflow_demo.training.text import tokenize


class PeRFlowObjective:
    """The student's line through each window must end where the guided teacher's solver ends.

    Both sides are guided alike, by a scale drawn for every batch between 1 and `guidance_scale`: a
    student that is only guided when it is used multiplies its errors. And the windows are those of
    the teacher's own way from noise to picture, not of noisy pictures, which guidance leaves.
    delta: what the student starts with beside the teacher, an earlier ΔW.
    starts: share of the rows that stand where their window begins; in one step a window, that is
    all the student is ever asked. The others are anywhere in it.
    """

    prediction_type = "ddim_v"  # the teacher predicts v

    def __init__(
        self,
        teacher: TeacherObjective,
        delta: StateDict | None = None,
        windows: int = 4,
        solver_steps: int = 5,
        guidance_scale: float = 7.0,
        starts: float = 0.5,
    ) -> None:
        self.data = teacher
        self.data.dropout = 0.0  # guidance brings the empty prompt in
        self.teacher = deepcopy(teacher.net).eval().requires_grad_(False)
        self.net = teacher.net.unet
        if delta:
            apply_delta(self.net, delta)
        self.windows = TimeWindows(windows)
        self.solver_steps, self.guidance_scale = solver_steps, guidance_scale
        self.starts = starts
        self.alphas = teacher.schedule.alphas_cumprod

    def batch(self, rng: np.random.Generator, count: int) -> tuple[Tensor, Tensor, Tensor]:
        return self.data.batch(rng, count)

    def loss(self, net, batch, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        clean, ids, mask = batch
        windows, count = self.windows.num_windows, len(clean)
        scale = 1 + (self.guidance_scale - 1) * torch.rand((), generator=generator).item()
        noise = torch.randn(clean.shape, generator=generator)
        context = self.teacher.context(ids, mask)
        nothing = self.teacher.context(*tokenize(self.data.tokenizer, [""] * count))
        predict = guided(partial(_output, self.teacher.unet), context, nothing, scale)
        states = self.trajectory(predict, noise)
        start, end = states[:-1].flatten(0, 1), states[1:].flatten(0, 1)
        begins = self._boundaries()[:-1].repeat_interleave(count)
        t = begins - torch.rand(len(begins), generator=generator) * 0.999 / windows
        window = self.windows.lookup(t, self.alphas)
        t = torch.where(torch.rand(len(t), generator=generator) < self.starts, window.start, t)
        sample = interpolate(start, end, t, window)
        both = context.repeat(windows, 1, 1), nothing.repeat(windows, 1, 1)
        output = guided(partial(_output, net), *both, scale)(sample, t * 1000)
        # Compared where the line ends, not as outputs: windows turn them into steps of very
        # different length, and the longest are made where little noise is left.
        found = window_end_estimate(self.prediction_type, output, sample, t, window)
        return (found - end).square().mean(), {}

    @torch.no_grad()
    def trajectory(self, predict: Predict, noise: Tensor) -> Tensor:
        """The teacher's latents where windows begin and end: 1 + windows B C h w, from noise."""
        states, bounds = [noise], self._boundaries()[:, None].expand(-1, len(noise))
        for start, end in pairwise(bounds):
            states.append(
                solve_window(
                    predict, states[-1], start, end, self.solver_steps, self.alphas,
                    prediction_type=self.data.schedule.config.prediction_type, order=2,
                )
            )  # fmt: skip
        return torch.stack(states)

    @torch.no_grad()
    def sheet(self, net) -> Image.Image:
        """4 PeRFlow steps from the noise that the teacher's own sheet starts from."""
        scheduler = PeRFlowScheduler.from_config(
            self.data.schedule.config,
            prediction_type=self.prediction_type,
            num_time_windows=self.windows.num_windows,
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

    def _boundaries(self) -> Tensor:
        return torch.tensor(self.windows.boundaries)


def _output(unet, latents: Tensor, timesteps: Tensor, context: Tensor) -> Tensor:
    latents = latents.contiguous(memory_format=torch.channels_last)
    return unet(latents, timesteps, context).sample.float()
