"""The parts of a multiview family, put together for one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from diffusers import DDIMScheduler, ModelMixin
from transformers import CLIPImageProcessorPil

from perflow_demo.flow import MergeReport, PeRFlowScheduler
from perflow_demo.models import loaders
from perflow_demo.models.merging import Addition, load_multiview_unet
from perflow_demo.models.sources import Source
from perflow_demo.models.spec import MultiviewFamily
from perflow_demo.models.wonder3d import Converted
from perflow_demo.registry.pipelines import Key, Part, fresh_scheduler, network_part, states
from perflow_demo.registry.placement import Placement


class Merged(NamedTuple):
    """A UNet and what plugging ΔW in did to it; None where there is no ΔW."""

    unet: ModelMixin
    report: MergeReport | None


@dataclass
class MultiviewPipeline:
    """What sampling works with; the scheduler is one run's own, the rest may be shared.

    image_encoder, image_processor: as in `MultiviewFamily`. merge: what plugging ΔW in did to the
    UNet, for the user to see; None where there is no ΔW.
    """

    image_encoder: torch.nn.Module
    image_processor: CLIPImageProcessorPil | None
    vae: ModelMixin
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


def parts_of(
    family: MultiviewFamily, source: Source, place: Placement, delta: Addition | None
) -> dict[str, Part]:
    """The parts of a multiview pipeline; loads nothing.

    The autoencoder is the very one of a text-to-image family of the same name. A ΔW is merged
    leniently, since a multiview UNet has more weights than the one ΔW was made for.
    """
    source = Converted(source)
    network = partial(network_part, family.owner, source, place)
    read_tokens = loaders.load_image_encoder if family.image_processor else loaders.load_network
    return {
        "image_encoder": network("image_encoder", family.image_encoder, read_tokens),
        "vae": network("vae", family.vae),
        "unet": _unet_part(family, source, place, delta),
    }


def assemble(
    family: MultiviewFamily, source: Source, modules: Mapping[str, Any]
) -> MultiviewPipeline:
    """A pipeline of the values of `parts_of`, with a scheduler of its own."""
    source, (unet, report) = Converted(source), modules["unet"]
    processor = family.image_processor
    return MultiviewPipeline(
        modules["image_encoder"],
        processor and loaders.load_image_processor(processor, source),
        modules["vae"],
        unet,
        fresh_scheduler(family, source, accelerated=report is not None),
        report,
    )


def _unet_part(
    family: MultiviewFamily, source: Source, place: Placement, delta: Addition | None
) -> Part:
    def load(read: loaders.BytesRead) -> Merged:
        unet, report = load_multiview_unet(family.unet, source, place.dtype, delta, read)
        return Merged(place.put(unet), report)

    added = ((delta.component, delta.source),) if delta else ()
    weights = ((family.unet, source), *added)
    strength = delta.strength if delta else 0.0
    return Part(
        Key(
            family.owner,
            "multiview_unet",
            str(place),
            delta_strength=strength,
            files=states(weights),
        ),
        family.unet.title,
        weights,
        load,
        partial(loaders.resident_bytes, family.unet, source, place.dtype),
    )
