"""The guided teacher's ways from noise to picture, solved once: latents where windows meet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from perflow_demo.flow import TimeWindows, guided, solve_window
from perflow_demo.flow.solver import Predict
from perflow_demo.training.objectives.teacher import TeacherObjective
from perflow_demo.training.text import tokenize
from perflow_demo.training.toyworld.captions import describe
from perflow_demo.training.toyworld.scene import sample

SHARD = 32  # ways, all under one guidance scale
GUIDANCE_SCALES = (1.0, 7.0)
UNGUIDED = 4  # every so many shards one, half without words, as those draw who go on from pictures
SOLVER_STEPS = 5  # in a window


@dataclass(frozen=True)
class Walks:
    """Whole ways of B captions.

    states: 1 + windows B C h w float32, the noise first. captions: B. guidance_scale: of all.
    """

    states: Tensor
    captions: list[str]
    guidance_scale: float


class Ways:
    """The shards of a folder: B×(1 + windows)×C×h×w float16, with their captions and scale."""

    def __init__(self, folder: Path) -> None:
        told = sorted(folder.glob("*.json"))
        self._told = [json.loads(file.read_text()) for file in told]
        self._states = [np.load(file.with_suffix(".npy"), mmap_mode="r") for file in told]
        self.windows = TimeWindows(self._states[0].shape[1] - 1)

    def __len__(self) -> int:
        return sum(map(len, self._states))

    def take(self, rng: np.random.Generator, count: int) -> Walks:
        """At most `count` ways of one shard."""
        shard = rng.integers(len(self._states))
        states, told = self._states[shard], self._told[shard]
        rows = rng.permutation(len(states))[:count]
        walked = torch.from_numpy(states[rows].astype(np.float32)).transpose(0, 1)
        captions = [told["captions"][row] for row in rows]
        return Walks(walked, captions, told["guidance_scale"])


def solved(
    teacher: TeacherObjective, folder: Path, seed: int, count: int, sides: Sequence[int]
) -> Ways:
    """`count` ways of captions of the world `seed`, cached in `folder`; sides: of the latents, each
    as often as the others.

    Shards that are there already are kept.
    """
    channels = teacher.autoencoder.config.latent_channels
    folder.mkdir(parents=True, exist_ok=True)
    for first in range(0, count, SHARD):
        file = folder / f"{first:07d}.npy"
        if file.with_suffix(".json").exists():
            continue
        rng = np.random.default_rng([seed, first])
        indices = range(first, min(first + SHARD, count))
        unguided = first // SHARD % UNGUIDED == UNGUIDED - 1
        captions = [
            "" if unguided and rng.random() < 0.5 else describe(sample(seed, index).words, rng)
            for index in indices
        ]
        scale = 1.0 if unguided else float(rng.uniform(*GUIDANCE_SCALES))
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        side = sides[first // SHARD // UNGUIDED % len(sides)]
        noise = torch.randn((len(captions), channels, side, side), generator=generator)
        np.save(file, _from(teacher, noise, captions, scale).transpose(0, 1).half().numpy())
        told = {"captions": captions, "guidance_scale": scale}
        file.with_suffix(".json").write_text(json.dumps(told))  # last: its presence means done
        print(f"{folder.name}: {indices.stop} of {count} ways", flush=True)
    return Ways(folder)


def _from(teacher: TeacherObjective, noise: Tensor, captions: list[str], scale: float) -> Tensor:
    net = teacher.net.eval().to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        predict = guided(partial(predicted, net.unet), *contexts(net, teacher, captions), scale)
        alphas = teacher.schedule.alphas_cumprod
        return trajectory(predict, noise, TimeWindows(), alphas)


def contexts(net, teacher: TeacherObjective, captions: list[str]) -> tuple[Tensor, Tensor]:
    """What cross-attention reads of the captions and of as many empty ones, each B L C."""
    return tuple(
        net.context(*tokenize(teacher.tokenizer, words))
        for words in (captions, [""] * len(captions))
    )


def predicted(unet, latents: Tensor, timesteps: Tensor, context: Tensor) -> Tensor:
    """The output of a UNet, float32."""
    latents = latents.contiguous(memory_format=torch.channels_last)
    return unet(latents, timesteps, context).sample.float()


@torch.no_grad()
def trajectory(predict: Predict, noise: Tensor, windows: TimeWindows, alphas: Tensor) -> Tensor:
    """A v-predicting teacher's latents where windows meet: 1 + windows B C h w, from noise."""
    states = [noise]
    for start, end in pairwise(torch.tensor(windows.boundaries)[:, None].expand(-1, len(noise))):
        states.append(
            solve_window(
                predict, states[-1], start, end, SOLVER_STEPS, alphas,
                prediction_type="v_prediction", order=2,
            )
        )  # fmt: skip
    return torch.stack(states)
