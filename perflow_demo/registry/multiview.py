"""The parts of a multiview family, put together for one run."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers import AutoencoderKL, DDIMScheduler, ModelMixin
from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

from perflow_demo.flow import MergeReport, PeRFlowScheduler
from perflow_demo.models import loaders
from perflow_demo.models.sources import Source
from perflow_demo.models.spec import Component, MultiviewFamily
from perflow_demo.models.wonder3d import Converted
from perflow_demo.registry.pipelines import fresh_scheduler


@dataclass
class MultiviewPipeline:
    """What sampling works with; the scheduler is one run's own, the rest may be shared.

    merge: what plugging ΔW in did to the UNet, for the user to see; None where there is no ΔW.
    """

    image_encoder: CLIPVisionModelWithProjection
    image_processor: CLIPImageProcessorPil
    vae: AutoencoderKL
    unet: ModelMixin
    scheduler: PeRFlowScheduler | DDIMScheduler
    merge: MergeReport | None = None

    @property
    def device(self) -> torch.device:
        return self.unet.device

    @property
    def vae_scale_factor(self) -> int:
        """Pixels to one latent, along a side."""
        return 2 ** (len(self.vae.config.block_out_channels) - 1)


def load(
    family: MultiviewFamily,
    source: Source,
    dtype: torch.dtype,
    delta: tuple[Component, float, Source] | None = None,
) -> MultiviewPipeline:
    """A pipeline of the family's files, on the CPU.

    delta: ΔW of the text-to-image base to plug in: component, strength, where its file is.
    Raises LoadError for faulty files and for a ΔW that does not fit.
    """
    source = Converted(source)
    unet, merge = loaders.load_multiview_unet(family.unet, source, dtype, delta)
    return MultiviewPipeline(
        loaders.load_image_encoder(family.image_encoder, source, dtype),
        loaders.load_image_processor(family.image_processor, source),
        loaders.load_network(family.vae, source, dtype),
        unet,
        fresh_scheduler(family, source, accelerated=merge is not None),
        merge,
    )
