"""The guided teacher's ways from noise to picture, solved once: latents where windows meet.

Larger pictures begin in the smaller size; their ways lead from the middle to the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from perflow_demo.flow import TimeWindows, guided, solve_window
from perflow_demo.flow.solver import Predict, add_noise
from perflow_demo.models.spec import GROWN
from perflow_demo.nets import PocketAutoencoder
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

    states: 1 + windows B C h w float32, the noisiest first; of larger pictures those of the last
    windows. captions: B. guidance_scale: of all.
    """

    states: Tensor
    captions: list[str]
    guidance_scale: float


class Ways:
    """The shards of a folder, each B×(1 + windows)×C×h×w float16 in one size, with their captions
    and scale."""

    def __init__(self, folder: Path) -> None:
        told = sorted(folder.glob("*.json"))
        self._told = [json.loads(file.read_text()) for file in told]
        self._states = [np.load(file.with_suffix(".npy"), mmap_mode="r") for file in told]
        self.windows = TimeWindows(max(states.shape[1] for states in self._states) - 1)

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
    teacher: TeacherObjective,
    folder: Path,
    seed: int,
    scenes: range,
    side: int,
    larger: int | None,
) -> Ways:
    """Ways of the captions of `scenes` of the world `seed`, cached in `folder`, and as many larger
    ones.

    side, larger: of the latents; the larger ones go on from the pictures at the ends of the smaller
    ones' ways. Shards that are there already are kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for first in scenes[::SHARD]:
        names = [f"{first:07d}", *([f"{first:07d}-larger"] if larger else [])]
        if (folder / f"{names[-1]}.json").exists():
            continue
        rng = np.random.default_rng([seed, first])
        indices = range(first, min(first + SHARD, scenes.stop))
        unguided = first // SHARD % UNGUIDED == UNGUIDED - 1
        captions = [
            "" if unguided and rng.random() < 0.5 else describe(sample(seed, index).words, rng)
            for index in indices
        ]
        scale = 1.0 if unguided else float(rng.uniform(*GUIDANCE_SCALES))
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        told = {"captions": captions, "guidance_scale": scale}
        for name, states in zip(names, _from(teacher, told, side, larger, generator), strict=True):
            np.save(folder / f"{name}.npy", states.transpose(0, 1).half().numpy())
            # Last: its presence means done.
            (folder / f"{name}.json").write_text(json.dumps(told))
        print(f"{folder.name}: {indices.stop} of {scenes.stop} ways", flush=True)
    return Ways(folder)


def _from(
    teacher: TeacherObjective, told: dict, side: int, larger: int | None, generator
) -> Iterator[Tensor]:
    """The states of a shard, and of one that goes on `larger`, if it does."""
    net = teacher.net.eval().to(memory_format=torch.channels_last)
    words = contexts(net, teacher, told["captions"])
    predict = guided(partial(predicted, net.unet), *words, told["guidance_scale"])
    alphas, windows = teacher.schedule.alphas_cumprod, TimeWindows()

    def noise(side: int) -> Tensor:
        channels = teacher.autoencoder.config.latent_channels
        return torch.randn((len(told["captions"]), channels, side, side), generator=generator)

    with torch.autocast("cpu", torch.bfloat16):
        states = trajectory(predict, noise(side), windows.boundaries, alphas)
        yield states
        if larger:
            clean = _enlarged(teacher.autoencoder, states[-1], 16 * larger)
            begin = torch.full((len(clean),), round(1000 * GROWN))
            start = add_noise(clean, noise(larger), begin, alphas)
            later = [time for time in windows.boundaries if time <= GROWN]
            yield trajectory(predict, start, later, alphas)


@torch.no_grad()
def _enlarged(autoencoder: PocketAutoencoder, latents: Tensor, size: int) -> Tensor:
    """Latents of pictures of `size` of those of smaller ones, as drawing makes them."""
    pixels = autoencoder.decode(latents).sample.float()
    larger = functional.interpolate(pixels, (size, size), mode="bicubic").clamp(-1, 1)
    return autoencoder.encode(larger).latents.float()


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
def trajectory(predict: Predict, start: Tensor, times: Sequence[float], alphas: Tensor) -> Tensor:
    """A v-predicting teacher's latents where windows meet: at each of `times`, from the first."""
    states = [start]
    for begin, end in pairwise(torch.tensor(times)[:, None].expand(-1, len(start))):
        states.append(
            solve_window(
                predict, states[-1], begin, end, SOLVER_STEPS, alphas,
                prediction_type="v_prediction", order=2,
            )
        )  # fmt: skip
    return torch.stack(states)
