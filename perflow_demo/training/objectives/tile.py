"""Tile: a ControlNet that tells the frozen teacher what a worse copy of the picture shows."""

from __future__ import annotations

import inspect
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from diffusers import ControlNetModel, UNet2DConditionModel
from PIL import Image
from torch import Tensor, nn

from perflow_demo.flow import TimeWindows, apply_delta
from perflow_demo.flow.delta import StateDict
from perflow_demo.training.objectives.autoencoder import grid, psnr, to_tensor
from perflow_demo.training.objectives.teacher import TeacherObjective, teacher_schedule
from perflow_demo.training.publish import write_packed
from perflow_demo.training.text import tokenize
from perflow_demo.training.toyworld.captions import describe
from perflow_demo.training.toyworld.degraded import degraded
from perflow_demo.training.toyworld.shards import Pictures

SIDES = (16, 32, 64)  # of crops, in latents: parts of a thing, and whole scenes
FACTORS = (2, 8)  # by which copies are smaller
SHOWN = 6


class TileObjective:
    """The teacher's own loss on crops of large pictures, with a ControlNet beside it.

    All timesteps are drawn alike: detail, which little noise hides, is what there is to learn.
    Half of the batches stand beside the teacher with ΔW instead, where its windows begin: a copy
    tells so much of a picture that the way to it is straight, and the velocity there is the line's
    whole direction. A tile that had never stood beside ΔW lost a decibel with it.

    teacher: its data are the latents of `pictures`, of which the last `held_out` are
    never trained on. delta: ΔW. Captions are dropped from half of the rows, for a tile says what to
    draw and most pictures to refine come without words.
    """

    def __init__(
        self,
        teacher: TeacherObjective,
        delta: StateDict | None,
        pictures: Path,
        held_out: int = 24,
        dropout: float = 0.5,
    ) -> None:
        self.net = build_tile(teacher.net.unet)
        self.teacher = teacher.net.eval().requires_grad_(False)
        self.student = deepcopy(teacher.net.unet)
        if delta:
            apply_delta(self.student, delta)
        self.begins = (torch.tensor(TimeWindows().boundaries[:-1]) * 1000).long()
        self.autoencoder, self.tokenizer = teacher.autoencoder, teacher.tokenizer
        self.schedule = teacher.schedule
        self.latents, self.pictures = teacher.data[0], Pictures(pictures)
        self.sides = [side for side in SIDES if 16 * side <= self.latents.pixels]
        self.trained, self.dropout = len(self.pictures) - held_out, dropout

    def batch(self, rng: np.random.Generator, count: int) -> tuple[Tensor, ...]:
        """Latents B C h w, worse copies B 3 16h 16w in 0..1, and the captions' ids and masks."""
        side = int(rng.choice(self.sides))
        count = max(1, count * SIDES[0] ** 2 // side**2)  # as much work at any size
        rows = rng.integers(self.trained, size=count)
        corners = rng.integers(self.latents.pixels // 16 - side + 1, size=(count, 2))
        latents = self.latents.crops(rows, corners, side)
        crops = self._crops(rows, corners, side)
        captions = [
            "" if rng.random() < self.dropout else describe(self.latents.words[row], rng)
            for row in rows
        ]
        return latents, worse(crops, rng), *tokenize(self.tokenizer, captions)

    def loss(
        self, net: ControlNetModel, batch, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        latents, control, ids, mask = batch
        noise = torch.randn(latents.shape, generator=generator)
        with_delta = bool(torch.rand((), generator=generator) < 0.5)
        levels = self.begins - 1 if with_delta else torch.arange(1000)
        levels = levels[torch.randint(len(levels), (len(latents),), generator=generator)]
        noisy = self.schedule.add_noise(latents, noise, levels)
        context, control = self.teacher.context(ids, mask), self._encoded(control)
        # ΔW counts its timesteps from 1, the teacher from 0.
        unet, timesteps = (self.student, levels + 1) if with_delta else (self.teacher.unet, levels)
        predicted = controlled(unet, net, noisy, timesteps, context, control)
        error = (predicted - self.schedule.get_velocity(latents, noise, levels)).square().mean()
        return error, {"with_delta" if with_delta else "teacher": error.item()}

    @torch.no_grad()
    def sheet(self, net: ControlNetModel) -> Image.Image:
        """Held-out crops: worse copies above, refined in the middle, originals below."""
        crops, control = self._unseen(SHOWN)
        made = self.refine(net, control)
        return grid(torch.cat([control * 2 - 1, made, to_tensor(crops)]), columns=len(crops))

    @torch.no_grad()
    def refine(self, net: ControlNetModel, control: Tensor, steps: int = 25) -> Tensor:
        """Worse copies B 3 H W in 0..1 → pictures in [−1, 1], without words, by DDIM."""
        count, _, height, width = control.shape
        context = self.teacher.context(*tokenize(self.tokenizer, [""] * count))
        scheduler = teacher_schedule()
        scheduler.set_timesteps(steps)
        shape = (count, self.autoencoder.config.latent_channels, height // 16, width // 16)
        latents = torch.randn(shape, generator=torch.Generator().manual_seed(42))
        with torch.autocast("cpu", torch.bfloat16):
            copies = self._encoded(control)
            for t in scheduler.timesteps:
                velocity = controlled(
                    self.teacher.unet, net, latents, t.expand(count), context, copies
                )
                latents = scheduler.step(velocity, t, latents).prev_sample
            return self.autoencoder.decode(latents).sample.float()

    def publish(self, net: ControlNetModel, folder: Path) -> dict[str, float]:
        """Saves the ControlNet; returns PSNR of held-out crops, refined and as they came, in dB."""
        write_packed(net, folder / "controlnet_tile")
        crops, control = self._unseen(len(self.pictures) - self.trained)
        wanted = to_tensor(crops)
        made = torch.cat([self.refine(net, part) for part in control.split(8)])
        return {"psnr": psnr(made, wanted), "psnr_lanczos": psnr(control * 2 - 1, wanted)}

    @torch.no_grad()
    def _encoded(self, control: Tensor) -> Tensor:
        return self.autoencoder.encode(control * 2 - 1).latents.float()

    def _crops(self, rows, corners, side: int) -> np.ndarray:
        """The pixels of `Latents.crops`: B 16·side 16·side 3 uint8."""
        crops = []
        for row, (top, left) in zip(rows, 16 * corners, strict=True):
            crops.append(self.pictures[row][top : top + 16 * side, left : left + 16 * side])
        return np.stack(crops)

    def _unseen(self, count: int) -> tuple[np.ndarray, Tensor]:
        """The middle of held-out pictures, and worse copies, always the same."""
        side = self.sides[min(1, len(self.sides) - 1)]
        rows = np.arange(self.trained, len(self.pictures))[:count]
        middle = np.full((len(rows), 2), (self.latents.pixels // 16 - side) // 2)
        crops = self._crops(rows, middle, side)
        return crops, worse(crops, np.random.default_rng(0))


def controlled(
    unet: UNet2DConditionModel,
    net: ControlNetModel,
    noisy: Tensor,
    timesteps: Tensor,
    context: Tensor,
    control: Tensor,
) -> Tensor:
    """What the UNet says of noisy latents B C h w under the ControlNet's word, float32."""
    noisy = noisy.contiguous(memory_format=torch.channels_last)
    down, middle = net(noisy, timesteps, context, controlnet_cond=control, return_dict=False)
    return unet(
        noisy, timesteps, context,
        down_block_additional_residuals=down, mid_block_additional_residual=middle,
    ).sample.float()  # fmt: skip


def worse(crops: np.ndarray, rng: np.random.Generator) -> Tensor:
    """Copies of crops B H W 3 uint8 made smaller and worse, then enlarged: B 3 H W in 0..1."""
    copies = []
    for crop in crops:
        factor = float(np.exp(rng.uniform(*np.log(FACTORS))))
        small = degraded(Image.fromarray(crop), factor, rng)
        copies.append(np.asarray(small.resize(crop.shape[1::-1], Image.Resampling.LANCZOS)))
    return to_tensor(np.stack(copies)) / 2 + 0.5


def build_tile(unet: UNet2DConditionModel) -> ControlNetModel:
    """A ControlNet of the UNet's first half without its attention, that says nothing yet.

    What a tile tells is told place by place, so convolutions do, at any size and at less cost; how
    places and words go together stays with the UNet. It reads the worse copy's latents, not its
    pixels, through the UNet's own entrance: the first half, which is the UNet's, knows from the
    start what it is shown. Of pixels it had learnt no colours after hundreds of steps.
    """
    # Not `from_unet`, which keeps attention and forgets into how many heads pooled words are split.
    known = inspect.signature(ControlNetModel.__init__).parameters
    config = {key: value for key, value in unet.config.items() if key in known} | {
        "down_block_types": ("DownBlock2D",) * len(unet.config.block_out_channels),
        "mid_block_type": "UNetMidBlock2D",
        "conditioning_channels": unet.config.in_channels,
        "conditioning_embedding_out_channels": (2 * unet.config.in_channels,),
    }
    net = ControlNetModel.from_config(config)
    own, first_half = net.state_dict(), unet.state_dict()
    new = [key for key in own if key not in first_half]
    if not all(key.startswith("controlnet_") for key in new):
        raise ValueError(f"a ControlNet of this UNet has weights of its own: {new[:3]}")
    net.load_state_dict({key: first_half.get(key, weight) for key, weight in own.items()})
    _copy_entrance(unet.conv_in, net.controlnet_cond_embedding)
    return net


@torch.no_grad()
def _copy_entrance(entrance: nn.Conv2d, embedding: nn.Module) -> None:
    """Makes two convolutions and the SiLU between them one convolution: silu(x) − silu(−x) = x."""
    both = torch.eye(entrance.in_channels)
    nn.init.zeros_(embedding.conv_in.weight)[..., 1, 1] = torch.cat([both, -both])
    nn.init.zeros_(embedding.conv_in.bias)
    embedding.conv_out.weight.copy_(torch.cat([entrance.weight, -entrance.weight], 1))
