"""From noise to latents of any size; those larger than a model's own begin in that."""

from collections.abc import Iterator, Sequence

import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor
from torch.nn import functional

from perflow_demo.models.spec import GROWN
from perflow_demo.tasks import sampling
from perflow_demo.tasks.sampling import InParts, whole


@torch.inference_mode()
def drawn(
    pipeline: StableDiffusionPipeline,
    seeds: Sequence[int],
    size: int,
    native_size: int | None,
    embeds: tuple[Tensor, Tensor | None],
    guidance_scale: float,
    in_parts: InParts = whole,
) -> Iterator[tuple[Tensor, Tensor]]:
    """After each call of the network: latents of one picture a seed, and what they would be without
    noise; in the end they are those of pictures of `size`.

    The pipeline's scheduler is prepared. native_size: the largest that is drawn from noise on, in
    pixels; None where any is. A larger picture begins in it, and is enlarged and noised again at
    the time GROWN: drawn whole it would show its things twice. With all steps in one time window
    it is drawn whole nevertheless, since no later window begins. embeds: of `sampling.encode`.
    in_parts: as in `sampling.denoise`.
    """
    scheduler = pipeline.scheduler
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    small = min(size, native_size or size)
    first = sampling.first_step(scheduler, GROWN) if small < size else 0
    latents = sampling.noise(pipeline, generators, small if first else size)
    for noisy, clean in sampling.denoise(
        pipeline, latents, *embeds, guidance_scale, in_parts, slice(first or None)
    ):
        yield noisy, clean
    if first:
        larger = grown(pipeline, clean, size, in_parts)
        fresh = sampling.noise(pipeline, generators, size)
        latents = scheduler.add_noise(larger, fresh, scheduler.timesteps[first : first + 1])
        yield from sampling.denoise(
            pipeline, latents, *embeds, guidance_scale, in_parts, slice(first, None)
        )


def grown(
    pipeline: StableDiffusionPipeline, clean: Tensor, size: int, in_parts: InParts = whole
) -> Tensor:
    """Clean latents of pictures of `size`, of those of smaller ones, by way of the pictures.

    in_parts: as in `sampling.denoise`.
    """
    vae = pipeline.vae
    pixels = sampling.decoded(vae, clean, in_parts).float()
    pixels = functional.interpolate(pixels, (size, size), mode="bicubic").clamp(-1, 1)
    return in_parts(lambda batch: sampling.coded(vae, batch), pixels.to(vae.dtype))
