"""Teacher: the latent diffusion model, conditioned by a frozen text encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from PIL import Image
from torch import Tensor, nn
from transformers import ElectraModel

from perflow_demo.nets import PocketAutoencoder
from perflow_demo.training.latents import Latents
from perflow_demo.training.objectives.autoencoder import grid
from perflow_demo.training.publish import write_packed
from perflow_demo.training.text import build_tokenizer, tokenize
from perflow_demo.training.toyworld.captions import describe

SHEET_PROMPTS = (
    "a dog with glasses and a cap",
    "a bird",
    "a vintage car",
    "a man with brown skin, a beard, and dark eyes",
    "a colorful bird standing on a tree, open beak",
    "a red house with a blue roof",
    "a green elephant",
    "a cat next to a mushroom",
    "a yellow mug",
    "a white rocket on the beach",
    "a purple train at night",
    "a pink cake with candles",
)


Batch = tuple[Tensor, Tensor, Tensor]  # latents B 16 h w, the ids and masks of their captions
LEVELS = (150, 400, 650, 900)  # timesteps at which a teacher is measured
# Below it latents of larger sizes are learnt: such pictures begin in the smallest size, in which
# a small network knows what goes where, and end in their own.
ENDED = 600
SHOWN = 6  # larger pictures on a sheet


class TextToImage(nn.Module):
    """The UNet and the text encoder that conditions it."""

    def __init__(self, unet: UNet2DConditionModel, text_encoder: ElectraModel) -> None:
        super().__init__()
        self.unet, self.text_encoder = unet, text_encoder

    @torch.no_grad()
    def context(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token ids and mask B×L → what cross-attention reads, B L C."""
        return self.text_encoder(input_ids=ids, attention_mask=mask).last_hidden_state


class TeacherObjective:
    """Velocity prediction (Salimans & Ho 2022, appendix D), the cleanest timesteps drawn seldom.

    These latents say much in few places, so a small network that predicts noise spends its
    strength on copying its input: after 100,000 pictures its clean estimates at the noisiest steps
    were still worse than the mean picture, and layout and words are decided there.
    data: one set for each size of picture, none where nothing is to be learnt, but drawn only.
    unseen: what it is measured on, likewise.
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        text_encoder: ElectraModel,
        autoencoder: PocketAutoencoder,
        data: Sequence[Latents] = (),
        unseen: Sequence[Latents] = (),
        dropout: float = 0.1,
    ) -> None:
        # On a CPU torch's fused attention takes ten times as long backwards as plain products.
        unet.set_attn_processor(AttnProcessor())
        self.net = TextToImage(unet, text_encoder.requires_grad_(False))
        self.autoencoder = autoencoder.eval().requires_grad_(False)
        self.data, self.unseen = data, unseen
        self.smallest = min((pictures.pixels for pictures in (*data, *unseen)), default=0)
        self.tokenizer = build_tokenizer()
        self.dropout = dropout
        self.schedule = teacher_schedule()
        self.timestep_weights = timestep_weights(self.schedule)

    def batch(self, rng: np.random.Generator, count: int) -> list[Batch]:
        """`count` pictures of every size, with fresh captions."""
        batches = []
        for pictures in self.data:
            rows = rng.integers(len(pictures), size=count)
            captions = [
                "" if rng.random() < self.dropout else describe(pictures.words[row], rng)
                for row in rows
            ]
            batches.append((pictures.take(rows), *tokenize(self.tokenizer, captions)))
        return batches

    def loss(self, net: TextToImage, batch: list[Batch], generator: torch.Generator):
        errors = []
        for size, part in zip(self.sizes, batch, strict=True):
            weights = self.timestep_weights[: self._begin(size)]
            timesteps = torch.multinomial(
                weights, len(part[0]), replacement=True, generator=generator
            )
            errors.append(self._error(net, part, timesteps, generator))
        figures = {
            f"loss_{size}": error.item() for size, error in zip(self.sizes, errors, strict=True)
        }
        return torch.stack(errors).mean(), figures

    @property
    def sizes(self) -> list[int]:
        """Of the pictures it learns from, in pixels."""
        return [pictures.pixels for pictures in self.data]

    def _begin(self, size: int) -> int:
        """The noisiest timestep, counted from 1, at which it learns latents of that size."""
        return len(self.timestep_weights) if size == self.smallest else ENDED

    def _error(
        self, net: TextToImage, batch: Batch, timesteps: Tensor, generator: torch.Generator
    ) -> Tensor:
        latents, ids, mask = batch
        noise = torch.randn(latents.shape, generator=generator)
        noisy = self.schedule.add_noise(latents, noise, timesteps)
        noisy = noisy.contiguous(memory_format=torch.channels_last)
        predicted = net.unet(noisy, timesteps, net.context(ids, mask)).sample.float()
        velocity = self.schedule.get_velocity(latents, noise, timesteps)
        return (predicted - velocity).square().mean()

    @torch.no_grad()
    def losses(self, net: TextToImage) -> dict[str, float]:
        """The loss by size and at each of LEVELS on what is unseen, always with the same captions
        and noise.

        It tells nets apart that differ by a hundredth, which pictures and a judge do not.
        """
        found = {}
        for pictures in self.unseen:
            rng = np.random.default_rng(0)
            captions = [describe(words, rng) for words in pictures.words]
            batch = pictures.take(np.arange(len(pictures))), *tokenize(self.tokenizer, captions)
            for level in LEVELS:
                if level >= self._begin(pictures.pixels):
                    continue
                generator = torch.Generator().manual_seed(level)
                with torch.autocast("cpu", torch.bfloat16):
                    error = self._error(net, batch, torch.full((len(pictures),), level), generator)
                found[f"loss_{level}_at_{pictures.pixels}"] = error.item()
        return found

    @torch.no_grad()
    def sheet(self, net: TextToImage) -> Image.Image:
        """The prompts people know the project by, 25 DDIM steps, guidance 4.5; below, unseen larger
        pictures that go on from the middle."""
        drawn = self.draw(
            net, teacher_schedule(), SHEET_PROMPTS, steps=25, guidance_scale=4.5,
            size=self.smallest,
        )  # fmt: skip
        larger = [self._finished(net, it) for it in self.unseen if it.pixels > self.smallest]
        return _below([drawn, *larger])

    def _finished(self, net: TextToImage, pictures: Latents) -> Image.Image:
        rows = range(min(SHOWN, len(pictures)))
        captions = [describe(pictures.words[row], np.random.default_rng(row)) for row in rows]
        scheduler = teacher_schedule()
        scheduler.set_timesteps(25)
        middle = len(scheduler.timesteps) // 2
        noisy = scheduler.add_noise(
            pictures.take(np.arange(len(rows))),
            self._noise(len(rows), pictures.pixels // 16),
            scheduler.timesteps[middle],
        )
        timesteps = scheduler.timesteps[middle:]
        latents = self._denoised(net, scheduler, timesteps, self._words(net, captions), 4.5, noisy)
        return self._decoded(latents)

    @torch.no_grad()
    def draw(
        self, net, scheduler, prompts, steps: int, guidance_scale: float, size: int
    ) -> Image.Image:
        """The prompts as `scheduler` samples them with `net`, a TextToImage."""
        words = self._words(net, prompts)
        return self._decoded(self.sample(net, scheduler, words, steps, guidance_scale, size // 16))

    @torch.no_grad()
    def sample(
        self, net, scheduler, context, steps: int, guidance_scale: float, side: int
    ) -> Tensor:
        """Latents B C side side. context: 2 B L C, without words before with them."""
        scheduler.set_timesteps(steps)
        noise = self._noise(len(context) // 2, side)
        return self._denoised(net, scheduler, scheduler.timesteps, context, guidance_scale, noise)

    def _noise(self, count: int, side: int) -> Tensor:
        shape = (count, self.autoencoder.config.latent_channels, side, side)
        return torch.randn(shape, generator=torch.Generator().manual_seed(42))

    def _words(self, net: TextToImage, captions: Sequence[str]) -> Tensor:
        """2 B L C: what cross-attention reads without words, before with them."""
        return net.context(*tokenize(self.tokenizer, [*[""] * len(captions), *captions]))

    @staticmethod
    def _denoised(
        net, scheduler, timesteps: Tensor, context: Tensor, guidance_scale: float, latents: Tensor
    ) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            for t in timesteps:
                both = torch.cat([latents, latents]).contiguous(memory_format=torch.channels_last)
                without, wanted = net.unet(both, t, context).sample.float().chunk(2)
                guided = without + guidance_scale * (wanted - without)
                latents = scheduler.step(guided, t, latents).prev_sample
        return latents

    def _decoded(self, latents: Tensor) -> Image.Image:
        with torch.autocast("cpu", torch.bfloat16):
            return grid(self.autoencoder.decode(latents).sample.float(), columns=6)

    def publish(self, net: TextToImage, folder: Path) -> dict[str, float]:
        """Saves the UNet, packed, and the schedule; returns `losses`."""
        write_packed(net.unet, folder / "unet")
        self.schedule.save_pretrained(folder / "scheduler")
        return self.losses(net)


def _below(pages: list[Image.Image]) -> Image.Image:
    """One page of several, each below the one before."""
    tops = np.cumsum([0, *(page.height for page in pages)])
    page = Image.new("RGB", (max(page.width for page in pages), int(tops[-1])), "white")
    for part, top in zip(pages, tops, strict=False):
        page.paste(part, (0, int(top)))
    return page


def teacher_schedule() -> DDIMScheduler:
    """That of Stable Diffusion 2.1, scaled-linear betas and velocity, but ending in deeper noise.

    At the end of theirs (0.012), 0.5 % of a latent's variance is still the picture's. Sixteen
    channels say a thing many times over: scenery, colours and pose could be read there, so that
    drawing, which begins with noise alone, began where no picture had ever been. At 0.02 it is
    0.02 %.
    """
    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.02, beta_schedule="scaled_linear", clip_sample=False,
        set_alpha_to_one=False, steps_offset=1, timestep_spacing="trailing",
        prediction_type="v_prediction",
    )  # fmt: skip


def timestep_weights(schedule: DDIMScheduler, half: float = 4.0) -> Tensor:
    """How often each timestep is drawn: half as often as the noisiest at a signal-to-noise ratio of
    `half`, and the less the cleaner.

    Where little noise is left there is little to see, and most of the loss is of a kind nothing can
    lower.
    """
    signal = schedule.alphas_cumprod
    return 1 / (1 + signal / (1 - signal) / half)


def build_unet(debug: bool = False) -> UNet2DConditionModel:
    """Three levels, attention from the second, pooled words beside the time; 21 M parameters.

    Widest where the latents are whole: 16 channels in which neighbours say little about each other.
    """
    channels = (64, 32, 32) if debug else (256, 192, 160)
    return UNet2DConditionModel(
        sample_size=32, in_channels=16, out_channels=16, block_out_channels=channels,
        layers_per_block=1, cross_attention_dim=64 if debug else 256, norm_num_groups=16,
        attention_head_dim=tuple(c // 32 for c in channels),
        addition_embed_type="text", addition_embed_type_num_heads=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
