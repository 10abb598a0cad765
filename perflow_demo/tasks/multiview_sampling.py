"""From one picture and a seed to six views, normals and colours, one network call at a time.

Rows stand in the network's order: domain, object, view. Under guidance the unconditional copy is a
second object, so that the joint attention pairs like with like.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from diffusers.image_processor import VaeImageProcessor
from PIL.Image import Image
from torch import Tensor
from torch.nn import functional

from perflow_demo.geometry.views import DOMAINS, VIEWS, camera_rows
from perflow_demo.registry.multiview import MultiviewPipeline
from perflow_demo.tasks.sampling import InParts, decoded, whole

ROWS = len(DOMAINS) * len(VIEWS)
WithRoom = Callable[[Callable[[], Tensor]], Tensor]


def once(work: Callable[[], Tensor]) -> Tensor:
    """What `work` returns, fit it or not."""
    return work()


@dataclass(frozen=True)
class Conditions:
    """What every call of the network is told beside the noisy latents: R = 12·objects rows.

    tokens: R×L×D. image_latents: R×C×h×w. cameras: R×10. guidance_scale: 1 for one object, the
    conditional; above 1 for two, the unconditional first.
    """

    tokens: Tensor
    image_latents: Tensor
    cameras: Tensor
    guidance_scale: float


@torch.inference_mode()
def condition(pipeline: MultiviewPipeline, picture: Image, guidance_scale: float) -> Conditions:
    """What a picture of the object, as `geometry.framing` makes it, tells the network.

    picture: RGB, a square whose side is a multiple of the autoencoder's scale.
    guidance_scale: at least 1, which turns guidance off; up to 3 is advised.
    """
    latents = _image_latents(pipeline, picture)
    tokens = _tokens(pipeline, picture, latents)
    cameras = torch.from_numpy(camera_rows()).to(tokens)
    objects = 1
    if guidance_scale > 1:
        # Without the picture there are neither tokens nor latents; the cameras stay.
        tokens, latents = (torch.cat([torch.zeros_like(x), x]) for x in (tokens, latents))
        objects = 2
    return Conditions(
        _every_view(tokens),
        _every_view(latents),
        cameras.unsqueeze(1).repeat(1, objects, 1, 1).flatten(0, 2),
        guidance_scale,
    )


def noise(pipeline: MultiviewPipeline, seed: int, size: int, variety: float = 1.0) -> Tensor:
    """Latents of noise for the twelve rows of one object: 12×C×h×w, float32.

    variety: in [0, 1], the noise's standard deviation. Quieter noise than the network was trained
    with leads to what it holds for likelier: cleaner views that agree, and seeds that differ less
    (the truncation trick of Brock et al. 2019, section 3.1, without its resampling).
    """
    side = size // pipeline.vae_scale_factor
    shape = (ROWS, pipeline.unet.config.out_channels, side, side)
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return variety * drawn.to(pipeline.device)


@torch.inference_mode()
def denoise(
    pipeline: MultiviewPipeline, latents: Tensor, conditions: Conditions, with_room: WithRoom = once
) -> Iterator[tuple[Tensor, Tensor]]:
    """After each call of the network: the latents, and what they would be without noise.

    latents: 12×C×h×w. The scheduler has to be set up for the run, as by `sampling.prepare`.
    with_room: how the network is called that may not fit, as `Registry.with_room`; rows see each
    other, so that a call has no parts.
    """
    scheduler = pipeline.scheduler
    for timestep in scheduler.timesteps:
        output = with_room(partial(predict, pipeline.unet, latents, timestep, conditions))
        step = scheduler.step(output, timestep, latents)
        latents = step.prev_sample
        yield latents, step.pred_original_sample


def predict(
    unet: torch.nn.Module, latents: Tensor, timestep: Tensor, conditions: Conditions
) -> Tensor:
    """The network's guided output for the twelve rows: 12×C×h×w, float32."""
    objects = len(conditions.tokens) // ROWS
    noisy = latents.unflatten(0, (len(DOMAINS), 1, -1)).repeat(1, objects, 1, 1, 1, 1).flatten(0, 2)
    sample = torch.cat([noisy.to(unet.dtype), conditions.image_latents], dim=1)
    output = unet(sample, timestep, conditions.tokens, conditions.cameras, return_dict=False)[0]
    output = output.float().unflatten(0, (len(DOMAINS), objects, -1))
    unconditional, conditional = output[:, 0], output[:, -1]
    guided = unconditional + conditions.guidance_scale * (conditional - unconditional)
    return guided.flatten(0, 1)


@torch.inference_mode()
def decode(
    pipeline: MultiviewPipeline, latents: Tensor, in_parts: InParts = whole
) -> dict[str, list[Image]]:
    """The pictures of latents 12×C×h×w, by domain: "normals" and "colours", each in view order.

    in_parts: how a batch is worked on that may not fit, as `Registry.in_parts`.
    """
    pictures = VaeImageProcessor().postprocess(decoded(pipeline.vae, latents, in_parts))
    halves = pictures[: len(VIEWS)], pictures[len(VIEWS) :]
    return dict(zip(DOMAINS, halves, strict=True))


@torch.inference_mode()
def preview(pipeline: MultiviewPipeline, clean: Tensor, in_parts: InParts = whole) -> Image:
    """The twelve of some clean latents, quick and soft, at a quarter of the work.

    One picture: a row for each domain, and in it the views side by side. in_parts: as in `decode`.
    """
    pixels = decoded(pipeline.vae, functional.avg_pool2d(clean, 2), in_parts)
    rows = pixels.unflatten(0, (len(DOMAINS), -1)).permute(2, 0, 3, 1, 4)  # 3 D h V w
    (picture,) = VaeImageProcessor().postprocess(rows.flatten(3).flatten(1, 2).unsqueeze(0))
    return picture


def _tokens(pipeline: MultiviewPipeline, picture: Image, latents: Tensor) -> Tensor:
    """The picture, of which `latents` are known, as tokens of cross-attention: 1×L×D."""
    encoder = pipeline.image_encoder
    if pipeline.image_processor is None:
        return encoder(latents.to(encoder.dtype)).to(pipeline.unet.dtype)
    pixels = pipeline.image_processor(picture, return_tensors="pt").pixel_values
    embeds = encoder(pixels.to(encoder.device, encoder.dtype)).image_embeds
    return embeds.unsqueeze(1).to(pipeline.unet.dtype)


def _image_latents(pipeline: MultiviewPipeline, picture: Image) -> Tensor:
    """The picture as latents, 1×C×h×w: the middle of the autoencoder's distribution, scaled."""
    vae = pipeline.vae
    pixels = VaeImageProcessor(vae_scale_factor=pipeline.vae_scale_factor).preprocess(picture)
    encoded = vae.encode(pixels.to(vae.device, vae.dtype))
    latents = encoded.latent_dist.mode() if "latent_dist" in encoded else encoded.latents
    return (latents * vae.config.scaling_factor).to(pipeline.unet.dtype)


def _every_view(objects: Tensor) -> Tensor:
    """O×… → R×…, the same for both domains and all views."""
    rows = objects.repeat_interleave(len(VIEWS), dim=0)
    return torch.cat([rows] * len(DOMAINS))
