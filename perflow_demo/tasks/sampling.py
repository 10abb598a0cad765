"""From words and seeds to pictures with the parts of a lent pipeline, one network call at a time.

Latents stay float32 whatever the networks compute in, so a seed draws the same on every device.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from diffusers import SchedulerMixin, StableDiffusionPipeline, StableDiffusionXLPipeline
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_img2img import retrieve_latents
from PIL.Image import Image, Resampling
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedTokenizerFast

from perflow_demo.flow import PeRFlowScheduler, TimeWindows, guided
from perflow_demo.tasks import tiling

InParts = Callable[..., Tensor]
ALL = slice(None)
SMALLEST = 16  # latents along a side, below which decoding by smaller parts saves next to nothing


def whole(call: Callable[..., Tensor], *batch: Tensor, **unused) -> Tensor:
    """A batch worked on at once, fit it or not."""
    return call(*batch)


# A tokenizer is shared, and keeps the padding and truncation of its latest call as state.
_tokenizing = threading.Lock()


@torch.inference_mode()
def encode(
    pipeline: StableDiffusionPipeline, texts: tuple[str, str], count: int, guide: bool
) -> tuple[tuple[Tensor, Tensor | None], list[str]]:
    """Embeddings of prompt and negative prompt, and what of each the model cannot read.

    The embeddings are (count, L, D) each, the negative ones there only to guide; SDXL's pooled
    embedding is one more row of them, filled up with zeros. What cannot be read is the text beyond
    the tokenizer's length, mostly none.
    """
    device = pipeline.text_encoder.device  # a pipeline's own takes a millisecond to find
    with _tokenizing:
        (prompt, negative_prompt), rests = zip(
            *(_cut(text, pipeline.tokenizer) for text in texts), strict=True
        )
        if isinstance(pipeline, StableDiffusionXLPipeline):
            *embeds, pooled, negative_pooled = pipeline.encode_prompt(
                prompt, None, device, count, guide, negative_prompt=negative_prompt
            )
            embeds = [
                _with_pooled(*pair) for pair in zip(embeds, (pooled, negative_pooled), strict=True)
            ]
        else:
            # Both at once: as rows of one batch they cost little more than one of them.
            rows = [prompt, negative_prompt] if guide else [prompt]
            read, _ = pipeline.encode_prompt(rows, device, 1, False)
            embeds = [row.expand(count, -1, -1) for row in read.split(1)]
            embeds += [None] * (2 - len(rows))
    return tuple(embeds), list(rests)


def _with_pooled(embeds: Tensor | None, pooled: Tensor | None) -> Tensor | None:
    """B L D and B P ≤ D → B L+1 D."""
    if embeds is None:
        return None
    row = functional.pad(pooled, (0, embeds.shape[2] - pooled.shape[1]))
    return torch.cat([embeds, row[:, None]], dim=1)


def _cut(text: str, tokenizer: PreTrainedTokenizerFast) -> tuple[str, str]:
    encoded = tokenizer(text, truncation=True, return_offsets_mapping=True)
    if len(encoded.input_ids) < tokenizer.model_max_length:
        return text, ""
    end = max(stop for _, stop in encoded.offset_mapping)
    return text[:end], text[end:].strip()


def noise(
    pipeline: StableDiffusionPipeline, generators: Sequence[torch.Generator], size: int
) -> Tensor:
    """One latent of noise from each generator: (B, C, h, w), float32; size: in pixels."""
    side = size // pipeline.vae_scale_factor
    shape = (pipeline.unet.config.in_channels, side, side)
    rows = [torch.randn(shape, generator=generator) for generator in generators]
    return torch.stack(rows).to(pipeline.unet.device)


def prepare(pipeline: StableDiffusionPipeline, steps: int, windows: int | None) -> None:
    """Set the pipeline's scheduler up for so many calls, a PeRFlow one for so many windows."""
    scheduler = pipeline.scheduler
    if isinstance(scheduler, PeRFlowScheduler) and windows != scheduler.config.num_time_windows:
        pipeline.scheduler = PeRFlowScheduler.from_config(
            scheduler.config, num_time_windows=windows
        )
    pipeline.scheduler.set_timesteps(steps, pipeline.unet.device)


def first_step(scheduler: SchedulerMixin, time: float) -> int:
    """Index of the first step that is no noisier than a time, 0..1; of the last where all are.

    With PeRFlow it is the first of a window, for only there is a noised picture what the network
    was trained on.
    """
    last = scheduler.config.num_train_timesteps
    times = [timestep / last for timestep in scheduler.timesteps.tolist()]
    starts = range(len(times))
    if isinstance(scheduler, PeRFlowScheduler):
        firsts = {scheduler.window_interval(i)[0]: i for i in reversed(starts)}
        starts = sorted(firsts.values())
    return next((i for i in starts if times[i] <= time), starts[-1])


def intervals(pipeline: StableDiffusionPipeline, windows: int) -> list[tuple[float, float]]:
    """Start and end of the time window that each call of the network lies in."""
    scheduler = pipeline.scheduler
    # On the CPU: Apple's GPUs have no doubles.
    times = scheduler.timesteps.cpu().double() / scheduler.config.num_train_timesteps
    window = TimeWindows(windows).lookup(times, scheduler.alphas_cumprod)
    return list(zip(window.start.tolist(), window.end.tolist(), strict=True))


@torch.inference_mode()
def denoise(
    pipeline: StableDiffusionPipeline,
    latents: Tensor,
    embeds: Tensor,
    negative_embeds: Tensor | None,
    guidance_scale: float,
    in_parts: InParts = whole,
    steps: slice = ALL,
) -> Iterator[tuple[Tensor, Tensor]]:
    """After each call of the network: the latents, and what they would be without noise.

    in_parts: how a batch is worked on that may not fit, as `Registry.in_parts`. steps: those of the
    scheduler's that are made.
    """
    unet, scheduler = pipeline.unet, pipeline.scheduler

    def network(latents: Tensor, timesteps: Tensor, embeds: Tensor) -> Tensor:
        more = {}
        if isinstance(pipeline, StableDiffusionXLPipeline):
            embeds, more["added_cond_kwargs"] = _sdxl_conditions(pipeline, latents, embeds)
        latents = latents.to(unet.dtype)
        return unet(latents, timesteps, embeds, return_dict=False, **more)[0].float()

    fitting = partial(in_parts, network)
    predict = guided(fitting, embeds, negative_embeds, guidance_scale)
    for timestep in scheduler.timesteps[steps]:
        output = predict(latents, timestep.expand(len(latents)))
        step = scheduler.step(output, timestep, latents)
        latents = step.prev_sample
        yield latents, step.pred_original_sample


def _sdxl_conditions(
    pipeline: StableDiffusionXLPipeline, latents: Tensor, embeds: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """The words alone, and beside them the pooled embedding and the sizes SDXL is told."""
    height, width = (side * pipeline.vae_scale_factor for side in latents.shape[-2:])
    # The picture's size, where it was cropped, and the size wanted.
    sizes = torch.tensor([height, width, 0, 0, height, width], device=embeds.device)
    config = pipeline.unet.config
    width = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim
    pooled = embeds[:, -1, :width]
    told = {"text_embeds": pooled, "time_ids": sizes.to(embeds).expand(len(embeds), -1)}
    return embeds[:, :-1], told


@torch.inference_mode()
def decode(
    pipeline: StableDiffusionPipeline, latents: Tensor, in_parts: InParts = whole
) -> list[Image]:
    """Pictures of latents (B, C, h, w); in_parts: as in `denoise`."""
    return pipeline.image_processor.postprocess(decoded(pipeline.vae, latents, in_parts))


def coded(vae: torch.nn.Module, pixels: Tensor) -> Tensor:
    """Latents (B, C, h, w), float32, of pixels B×3×H×W in −1..1 of the autoencoder's dtype."""
    latents = retrieve_latents(vae.encode(pixels), sample_mode="argmax").float()
    return latents * vae.config.scaling_factor


def decoded(vae: torch.nn.Module, latents: Tensor, in_parts: InParts = whole) -> Tensor:
    """Pixels, B×3×H×W in −1..1, of latents (B, C, h, w); in_parts: as in `denoise`.

    A single picture that does not fit is decoded by tiles of half its side, where need be of half
    of that and so on.
    """
    height, width = latents.shape[-2:]
    side = max(height, width) // 2

    def picture(latents: Tensor) -> Tensor:
        return vae.decode(latents.to(vae.dtype) / vae.config.scaling_factor).sample

    def by_tiles(latents: Tensor) -> Tensor:
        boxes = tiling.boxes(height, width, side)
        parts = ((box, decoded(vae, box.of(latents), in_parts).float()) for box in boxes)
        scale = 2 ** (len(vae.config.block_out_channels) - 1)
        return tiling.blend(parts, height, width, side // tiling.OVERLAP, scale)

    return in_parts(picture, latents, last=by_tiles if side >= SMALLEST else None)


def preview(pipeline: StableDiffusionPipeline, clean: Tensor, size: int) -> Image:
    """A quick, soft picture of the first of some clean latents, at a quarter of the work."""
    (picture,) = decode(pipeline, functional.avg_pool2d(clean[:1], 2))
    return picture.resize((size, size), Resampling.BICUBIC)
