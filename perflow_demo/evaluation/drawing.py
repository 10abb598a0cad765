"""Pictures and latents of many prompts, by any sampler, in batches."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from PIL.Image import Image
from torch import Tensor

from perflow_demo.evaluation.prompts import Prompt
from perflow_demo.models.spec import Family
from perflow_demo.registry import Registry
from perflow_demo.tasks import drawing, sampling


@dataclass(frozen=True)
class Sampler:
    """A way from noise to latents.

    calls: calls of the network (guidance counts as one call).
    windows: PeRFlow's time windows; None for the plain teacher with DDIM.
    spacing: DDIM's timesteps instead of the published ones. Few calls need "trailing": "leading"
    ones begin far below the noisiest timestep, a single one even at the cleanest.
    """

    label: str
    calls: int
    windows: int | None = None
    spacing: str | None = None

    @property
    def strength(self) -> float:
        """Share of ΔW in the network."""
        return 0.0 if self.windows is None else 1.0

    def set_up(self, pipeline) -> None:
        """Make a leased pipeline's own scheduler ready for a run."""
        if self.spacing:
            pipeline.scheduler = DDIMScheduler.from_config(
                pipeline.scheduler.config, timestep_spacing=self.spacing
            )
        sampling.prepare(pipeline, self.calls, self.windows)


TEACHER = Sampler("teacher, DDIM 25", 25)


def ddim(calls: int) -> Sampler:
    """The plain teacher in so many calls, spaced as is best for few."""
    return Sampler(f"DDIM {calls}", calls, spacing="trailing")


def perflow(calls: int, windows: int | None = None) -> Sampler:
    """The teacher with ΔW; without a number of windows as many as there are calls, at most 4."""
    windows = windows or min(calls, 4)
    return Sampler(f"PeRFlow {calls} (K={windows})", calls, windows)


@dataclass(frozen=True)
class Studio:
    """Draws with the models of one family; batch: pictures at a time, which changes speed only."""

    registry: Registry
    family: str = "pocket"
    batch: int = 8

    @property
    def guidance_scale(self) -> float:
        """The family's published guidance."""
        return self._family.defaults.guidance_scale

    @property
    def size(self) -> int:
        """The family's published size of pictures, in pixels."""
        return self._family.defaults.size

    @property
    def styles(self) -> tuple[str, ...]:
        """The names of the family's styles that are there."""
        return tuple(style.name for style in self._family.styles)

    def draw(
        self, prompts: Sequence[Prompt], sampler: Sampler, size: int, style: str | None = None
    ) -> list[Image]:
        """One picture a prompt, size × size pixels, with the published guidance."""
        began = time.perf_counter()
        with self.registry.lease(self.family, style, sampler.strength) as pipeline:
            latents = self._latents(pipeline, prompts, sampler, size, self.guidance_scale)
            pictures = [
                picture
                for chunk in latents.split(self.batch)
                for picture in sampling.decode(pipeline, chunk)
            ]
        seconds = time.perf_counter() - began
        label = " ".join(filter(None, (style, sampler.label)))
        print(f"{len(pictures)} pictures, {size} px, {label}: {seconds:.1f} s", file=sys.stderr)
        return pictures

    def latents(
        self, prompts: Sequence[Prompt], sampler: Sampler, size: int, guidance_scale: float
    ) -> Tensor:
        """The latents the pictures would be decoded from: (B, C, h, w), float32."""
        with self.registry.lease(self.family, None, sampler.strength) as pipeline:
            return self._latents(pipeline, prompts, sampler, size, guidance_scale)

    def _latents(
        self,
        pipeline: StableDiffusionPipeline,
        prompts: Sequence[Prompt],
        sampler: Sampler,
        size: int,
        guidance_scale: float,
    ) -> Tensor:
        drawn = []
        for start in range(0, len(prompts), self.batch):
            chunk = prompts[start : start + self.batch]
            embeds = [self._words(pipeline, prompt, guidance_scale) for prompt in chunk]
            positive, negative = zip(*embeds, strict=True)
            sampler.set_up(pipeline)
            seeds = [prompt.seed for prompt in chunk]
            guide = torch.cat(negative) if guidance_scale > 1 else None
            steps = drawing.drawn(
                pipeline,
                seeds,
                size,
                self._family.native_size,
                (torch.cat(positive), guide),
                guidance_scale,
            )
            *_, (latents, _) = steps
            drawn.append(latents)
        return torch.cat(drawn)

    def _words(self, pipeline: StableDiffusionPipeline, prompt: Prompt, guidance_scale: float):
        negative = self._family.defaults.negative_prompt
        embeds, _ = sampling.encode(pipeline, (prompt.text, negative), 1, guidance_scale > 1)
        return embeds

    @property
    def _family(self) -> Family:
        return self.registry.family(self.family)
