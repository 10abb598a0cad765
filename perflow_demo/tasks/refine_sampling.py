"""From a picture to a refined one of its size, tile by tile, one step of the whole at a time.

Every step is one of the whole latents: only what the networks say of them is put together of tiles.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

import torch
from diffusers import StableDiffusionControlNetImg2ImgPipeline
from PIL.Image import Image
from torch import Tensor
from torch.nn import functional

from perflow_demo.flow import PeRFlowScheduler, guided
from perflow_demo.tasks import sampling, tiling
from perflow_demo.tasks.contract import Frame, Step, clocked
from perflow_demo.tasks.reading import cut_notes
from perflow_demo.tasks.sampling import InParts, whole

if TYPE_CHECKING:
    from perflow_demo.tasks.refine import RefineRequest

Pipeline = StableDiffusionControlNetImg2ImgPipeline
PREVIEW = 32  # latents along the short side of a preview, about


@dataclass(frozen=True)
class Work:
    """What a refinement works with.

    request: with nothing left open. side: of a tile, in latents. windows: of the film. seconds:
    filled by stage. in_parts: as `Registry.in_parts`. previews: whether each Step has a frame.
    """

    pipeline: Pipeline
    request: "RefineRequest"
    side: int
    windows: int
    seconds: dict[str, float]
    in_parts: InParts
    previews: bool


@dataclass(frozen=True)
class Refined:
    """A picture of the size it was before; calls, notes, film: as of a RefineResult."""

    picture: Image
    calls: int
    notes: list[str]
    film: tuple[Frame, ...]


def refined(work: Work, before: Image) -> Generator[Step, None, Refined]:
    """Yield a Step after each; return what became of the enlarged picture."""
    pipeline, request, side, seconds = work.pipeline, work.request, work.side, work.seconds
    with clocked(seconds, "encode"):
        texts = request.prompt or "", request.negative_prompt
        guidance_scale = request.guidance_scale if texts[0] != texts[1] else 1.0
        embeds, rests = sampling.encode(pipeline, texts, 1, guidance_scale > 1)
        sampling.prepare(pipeline, request.steps, request.windows)
        first = begin(pipeline, request.strength)
        intervals = sampling.intervals(pipeline, work.windows)[first:]
        latents, control = encode(pipeline, before, side, work.in_parts)
        latents = noised(pipeline, latents, first, request.seed)
    calls, film = len(intervals), {}
    states = denoise(pipeline, latents, control, embeds, guidance_scale, first, side, work.in_parts)
    for number, (start, end) in enumerate(intervals, start=1):
        with clocked(seconds, "denoise"):
            latents, clean = next(states)
        if work.previews:
            with clocked(seconds, "preview"):
                film[start, end] = Frame(preview(pipeline, clean), start, end)
        yield Step(number, calls, start, end, film.get((start, end)))
    with clocked(seconds, "decode"):
        picture = decode(pipeline, latents, side, work.in_parts)
    notes = cut_notes(request, rests, pipeline.tokenizer.model_max_length)
    if request.strength < 1:
        notes.append(
            f"Strength {request.strength:g}: the last {calls} of {request.steps} steps made."
        )
    return Refined(picture, calls, notes, tuple(film.values()))


def begin(pipeline: Pipeline, strength: float) -> int:
    """Index of the first step to make: no noisier than strength, 0..1; at least one is made.

    Sets the scheduler's counter.
    """
    scheduler = pipeline.scheduler
    index = sampling.first_step(scheduler, strength)
    if isinstance(scheduler, PeRFlowScheduler):
        scheduler.set_begin_index(index)
    return index


@torch.inference_mode()
def encode(
    pipeline: Pipeline, picture: Image, side: int, in_parts: InParts = whole
) -> tuple[Tensor, Tensor]:
    """Latents of an RGB picture, 1×C×h×w float32, and what the ControlNet is to be guided by: its
    pixels, 1×3×H×W in 0..1, or where it reads as many channels as the UNet those latents.

    The picture's sides are multiples of the autoencoder's scale; side: of a tile, in latents.
    in_parts: how work is done that may not fit, as `Registry.in_parts`.
    """
    vae, scale = pipeline.vae, pipeline.vae_scale_factor
    size = {"height": picture.height, "width": picture.width}
    pixels = pipeline.image_processor.preprocess(picture, **size).to(pipeline.device, vae.dtype)
    height, width = picture.height // scale, picture.width // scale
    coded = partial(sampling.coded, vae)
    parts = (
        (box, in_parts(coded, box.of(pixels, scale))) for box in tiling.boxes(height, width, side)
    )
    latents = tiling.blend(parts, height, width, side // tiling.OVERLAP)
    control = latents
    if pipeline.controlnet.config.conditioning_channels != pipeline.unet.config.in_channels:
        control = pipeline.control_image_processor.preprocess(picture, **size)
    return latents, control.to(pipeline.device, pipeline.controlnet.dtype)


def noised(pipeline: Pipeline, latents: Tensor, first: int, seed: int) -> Tensor:
    """The latents as noisy as the step `first` takes them, with the noise of a seed."""
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(seed))
    scheduler = pipeline.scheduler
    timestep = scheduler.timesteps[first : first + 1]
    return scheduler.add_noise(latents, noise.to(latents.device), timestep)


@torch.inference_mode()
def denoise(
    pipeline: Pipeline,
    latents: Tensor,
    control: Tensor,
    embeds: tuple[Tensor, Tensor | None],
    guidance_scale: float,
    first: int,
    side: int,
    in_parts: InParts = whole,
) -> Iterator[tuple[Tensor, Tensor]]:
    """After each step from `first`: the latents, and what they would be without noise.

    latents, control: as of `noised` and `encode`. side: of a tile, in latents; the networks see
    no more than a tile at a time. in_parts: as in `encode`.
    """
    scheduler, scale = pipeline.scheduler, control.shape[-1] // latents.shape[-1]
    height, width = latents.shape[-2:]
    tiles = tiling.boxes(height, width, side)

    def said(timestep: Tensor) -> Iterator[tuple[tiling.Box, Tensor]]:
        for box in tiles:
            network = partial(_controlled, pipeline, box.of(control, scale))
            predict = guided(partial(in_parts, network), *embeds, guidance_scale)
            yield box, predict(box.of(latents), timestep.expand(len(latents)))

    for timestep in scheduler.timesteps[first:]:
        output = tiling.blend(said(timestep), height, width, side // tiling.OVERLAP)
        step = scheduler.step(output, timestep, latents)
        latents = step.prev_sample
        yield latents, step.pred_original_sample


@torch.inference_mode()
def decode(pipeline: Pipeline, latents: Tensor, side: int, in_parts: InParts = whole) -> Image:
    """The picture of latents 1×C×h×w; side: of a tile, in latents. in_parts: as in `encode`."""
    height, width = latents.shape[-2:]
    parts = (
        (box, sampling.decoded(pipeline.vae, box.of(latents), in_parts).float())
        for box in tiling.boxes(height, width, side)
    )
    overlap, scale = side // tiling.OVERLAP, pipeline.vae_scale_factor
    pixels = tiling.blend(parts, height, width, overlap, scale)
    (picture,) = pipeline.image_processor.postprocess(pixels)
    return picture


def preview(pipeline: Pipeline, clean: Tensor) -> Image:
    """A quick, soft, small picture of clean latents 1×C×h×w."""
    factor = max(2, ceil(min(clean.shape[-2:]) / PREVIEW))
    (picture,) = sampling.decode(pipeline, functional.avg_pool2d(clean, factor))
    return picture


def _controlled(
    pipeline: Pipeline, control: Tensor, latents: Tensor, timesteps: Tensor, embeds: Tensor
) -> Tensor:
    """What the UNet says of B latents under the ControlNet's word on one tile of control."""
    unet, sample = pipeline.unet, latents.to(pipeline.unet.dtype)
    down, middle = pipeline.controlnet(
        sample,
        timesteps,
        embeds,
        controlnet_cond=control.expand(len(sample), -1, -1, -1),
        return_dict=False,
    )
    return unet(
        sample,
        timesteps,
        embeds,
        down_block_additional_residuals=down,
        mid_block_additional_residual=middle,
        return_dict=False,
    )[0].float()
