"""From words and seeds to pictures with the parts of a lent pipeline, one network call at a time.

Latents stay float32 whatever the networks compute in, so a seed draws the same on every device.
"""

import threading
from collections.abc import Iterator, Sequence

import torch
from diffusers import StableDiffusionPipeline
from PIL.Image import Image, Resampling
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedTokenizerFast

from perflow_demo.flow import PeRFlowScheduler, TimeWindows, guided

# A tokenizer is shared, and keeps the padding and truncation of its latest call as state.
_tokenizing = threading.Lock()


@torch.inference_mode()
def encode(
    pipeline: StableDiffusionPipeline, texts: tuple[str, str], count: int, guide: bool
) -> tuple[tuple[Tensor, Tensor | None], list[str]]:
    """Embeddings of prompt and negative prompt, and what of each the model cannot read.

    The embeddings are (count, L, D) each, the negative ones there only to guide. What cannot be
    read is the text beyond the tokenizer's length, mostly none.
    """
    with _tokenizing:
        (prompt, negative_prompt), rests = zip(
            *(_cut(text, pipeline.tokenizer) for text in texts), strict=True
        )
        embeds = pipeline.encode_prompt(
            prompt, pipeline.device, count, guide, negative_prompt=negative_prompt
        )
    return embeds, list(rests)


def _cut(text: str, tokenizer: PreTrainedTokenizerFast) -> tuple[str, str]:
    encoded = tokenizer(text, truncation=True, return_offsets_mapping=True)
    if len(encoded.input_ids) < tokenizer.model_max_length:
        return text, ""
    end = max(stop for _, stop in encoded.offset_mapping)
    return text[:end], text[end:].strip()


def noise(pipeline: StableDiffusionPipeline, seeds: Sequence[int], size: int) -> Tensor:
    """One latent of noise a seed, each from a generator of its own: (B, C, h, w), float32."""
    side = size // pipeline.vae_scale_factor
    shape = (pipeline.unet.config.in_channels, side, side)
    rows = [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    return torch.stack(rows).to(pipeline.device)


def prepare(pipeline: StableDiffusionPipeline, steps: int, windows: int | None) -> None:
    """Set the pipeline's scheduler up for so many calls, a PeRFlow one for so many windows."""
    if isinstance(pipeline.scheduler, PeRFlowScheduler):
        pipeline.scheduler = PeRFlowScheduler.from_config(
            pipeline.scheduler.config, num_time_windows=windows
        )
    pipeline.scheduler.set_timesteps(steps, pipeline.device)


def intervals(pipeline: StableDiffusionPipeline, windows: int) -> list[tuple[float, float]]:
    """Start and end of the time window that each call of the network lies in."""
    scheduler = pipeline.scheduler
    times = scheduler.timesteps.double() / scheduler.config.num_train_timesteps
    window = TimeWindows(windows).lookup(times, scheduler.alphas_cumprod)
    return list(zip(window.start.tolist(), window.end.tolist(), strict=True))


@torch.inference_mode()
def denoise(
    pipeline: StableDiffusionPipeline,
    latents: Tensor,
    embeds: Tensor,
    negative_embeds: Tensor | None,
    guidance_scale: float,
) -> Iterator[tuple[Tensor, Tensor]]:
    """After each call of the network: the latents, and what they would be without noise."""
    unet, scheduler = pipeline.unet, pipeline.scheduler

    def network(latents: Tensor, timesteps: Tensor, embeds: Tensor) -> Tensor:
        return unet(latents.to(unet.dtype), timesteps, embeds, return_dict=False)[0].float()

    predict = guided(network, embeds, negative_embeds, guidance_scale)
    for timestep in scheduler.timesteps:
        output = predict(latents, timestep.expand(len(latents)))
        step = scheduler.step(output, timestep, latents)
        latents = step.prev_sample
        yield latents, step.pred_original_sample


@torch.inference_mode()
def decode(pipeline: StableDiffusionPipeline, latents: Tensor) -> list[Image]:
    """Pictures of latents (B, C, h, w)."""
    vae = pipeline.vae
    pixels = vae.decode(latents.to(vae.dtype) / vae.config.scaling_factor).sample
    return pipeline.image_processor.postprocess(pixels)


def preview(pipeline: StableDiffusionPipeline, clean: Tensor, size: int) -> Image:
    """A quick, soft picture of the first of some clean latents, at a quarter of the work."""
    (picture,) = decode(pipeline, functional.avg_pool2d(clean[:1], 2))
    return picture.resize((size, size), Resampling.BICUBIC)
