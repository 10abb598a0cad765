"""The parts of a family, how each is loaded, and the pipeline assembled of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import torch
from diffusers import (
    DDIMScheduler,
    ModelMixin,
    StableDiffusionControlNetImg2ImgPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
)
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from transformers import CLIPImageProcessorPil

from perflow_demo.errors import LoadError
from perflow_demo.flow import PeRFlowScheduler
from perflow_demo.models import loaders, words
from perflow_demo.models.merging import Addition, Merge, load_unet
from perflow_demo.models.sources import Source, State
from perflow_demo.models.spec import Component, Family, MultiviewFamily
from perflow_demo.registry.placement import Placement


class Key(NamedTuple):
    """What makes one resident part different from another.

    family: whose files they are. style, delta_strength: of the UNet alone.
    additions: all that went into the UNet, by title, and how much of each. files: the states of the
    weights' files, since a file of one's own may be replaced by another of its name.
    """

    family: str
    part: str
    placement: str
    style: str | None = None
    delta_strength: float = 0.0
    additions: tuple[tuple[str, float], ...] = ()
    files: tuple[State | None, ...] = ()


Weights = tuple[tuple[Component, Source], ...]


class Tuned(NamedTuple):
    """A UNet and what each weight difference in it did to its weights, in the order added."""

    unet: ModelMixin
    merges: tuple[Merge, ...]


class Foreign(NamedTuple):
    """What is no network of torch, and the bytes that it counts for."""

    value: Any
    bytes: int


class Checker(NamedTuple):
    """A safety checker and how pictures are prepared for it."""

    network: StableDiffusionSafetyChecker
    processor: CLIPImageProcessorPil


@dataclass(frozen=True)
class Part:
    """One part to lease.

    title: what the user reads while it loads. weights: the components whose files it is made of,
    each with the source of its files.
    load: takes a function told of bytes read, gives the part in its place.
    expected_bytes: room the loaded part will need; reads headers only.
    """

    key: Key
    title: str
    weights: Weights
    load: Callable[[loaders.BytesRead], Any]
    expected_bytes: Callable[[], int]

    def loader(self, on_load: Callable[[str, int, int], None] | None) -> Callable[[], Any]:
        """The load, reporting to on_load(title, bytes read, bytes to read) as it goes."""

        def load() -> Any:
            done, total = 0, loaders.file_bytes(self.weights)

            def read(count: int) -> None:
                nonlocal done
                done += count
                if on_load:
                    on_load(self.title, done, total)

            value = self.load(read)
            if done < total:
                read(total - done)  # the headers, which nobody reported
            return value

        return load


def states(weights: Weights) -> tuple[State | None, ...]:
    """The states of the components' weights, for the key of what is made of them."""
    return tuple(source.state(component.weights) for component, source in weights)


def network_part(
    owner: str,
    source: Source,
    place: Placement,
    name: str,
    component: Component,
    load: Callable = loaders.load_network,
) -> Part:
    """A network as a part; owner, name: its key."""
    weights = ((component, source),)
    return Part(
        Key(owner, name, str(place), files=states(weights)),
        component.title,
        weights,
        lambda read: place.put(load(component, source=source, dtype=place.dtype, read=read)),
        partial(loaders.resident_bytes, component, source, place.dtype),
    )


def foreign_part(title: str, load: Callable[[], Any], counted: int) -> Part:
    """What `load` gives, as a part that counts for so many bytes; its value is a Foreign."""

    def loaded(read: loaders.BytesRead) -> Foreign:
        read(0)  # nobody knows how far it is, but that it loads
        return Foreign(load(), counted)

    return Part(Key(title, "foreign", "cpu"), title, (), loaded, lambda: counted)


def parts_of(
    family: Family,
    source: Source,
    place: Placement,
    style: str | None = None,
    delta: Addition | None = None,
    loras: tuple[Addition, ...] = (),
) -> dict[str, Part]:
    """The parts of a text-to-image pipeline that draw, by their names in diffusers; loads nothing.

    delta, loras: what to add to the UNet; all else is the same for all styles and strengths.
    """
    # SDXL's autoencoder overflows in float16.
    wide = family.text_encoder_2 and place.dtype is torch.float16
    vae_place = replace(place, dtype=torch.float32) if wide else place
    return {
        "vae": network_part(family.owner, source, vae_place, "vae", family.vae),
        "unet": unet_part(family, source, place, style, delta, loras),
    }


def words_of(family: Family, source: Source, place: Placement) -> dict[str, Part]:
    """The parts of a text-to-image pipeline that read prompts; otherwise as `parts_of`."""
    network = partial(network_part, family.owner, source, place)
    parts = {
        "tokenizer": _tokenizer_part(family.owner, source, "tokenizer", family.tokenizer),
        "text_encoder": network("text_encoder", family.text_encoder, words.load_text_encoder),
    }
    if family.text_encoder_2:
        parts["tokenizer_2"] = _tokenizer_part(
            family.owner, source, "tokenizer_2", family.tokenizer_2
        )
        parts["text_encoder_2"] = network(
            "text_encoder_2", family.text_encoder_2, words.load_text_encoder
        )
    return parts


def _tokenizer_part(owner: str, source: Source, name: str, component: Component) -> Part:
    weights = ((component, source),)
    return Part(
        Key(owner, name, "cpu", files=states(weights)),
        component.title,
        weights,
        partial(words.load_tokenizer, component, source),
        lambda: 0,
    )


def additions_of(
    family: Family,
    source: Source,
    style: str | None,
    delta: Addition | None,
    loras: tuple[Addition, ...] = (),
) -> tuple[Addition, ...]:
    """What is added to the family's UNet, in this order."""
    styles = (Addition(family.style(style).component, 1.0, source),) if style else ()
    return (*styles, *((delta,) if delta else ()), *loras)


def unet_part(
    family: Family,
    source: Source,
    place: Placement,
    style: str | None,
    delta: Addition | None,
    loras: tuple[Addition, ...] = (),
) -> Part:
    """The UNet of `parts_of`, whose value is a Tuned."""
    additions = additions_of(family, source, style, delta, loras)

    def load(read: loaders.BytesRead) -> Tuned:
        unet, merges = load_unet(family.unet, additions, source, place.dtype, read)
        return Tuned(place.put(unet), merges)

    weights = ((family.unet, source), *((added.component, added.source) for added in additions))
    return Part(
        Key(
            family.owner,
            "unet",
            str(place),
            style,
            delta.strength if delta else 0.0,
            tuple((added.component.title, added.strength) for added in additions),
            states(weights),
        ),
        family.unet.title,
        weights,
        load,
        partial(loaders.resident_bytes, family.unet, source, place.dtype),
    )


def assemble(
    family: Family, source: Source, modules: Mapping[str, Any], accelerated: bool
) -> StableDiffusionPipeline | StableDiffusionXLPipeline | StableDiffusionControlNetImg2ImgPipeline:
    """A pipeline of these modules with a fresh scheduler, since schedulers hold state.

    modules: values of the parts of `parts_of`, mostly with those of `words_of`; with a
    "controlnet" beside them the pipeline is one from picture to picture. accelerated: whether the
    UNet contains ΔW, so that a PeRFlowScheduler has to read it; else a DDIMScheduler does.
    """
    scheduler = fresh_scheduler(family, source, accelerated)
    return put_together(family, {**modules, "unet": modules["unet"].unet, "scheduler": scheduler})


def put_together(
    family: Family, modules: Mapping[str, Any]
) -> StableDiffusionPipeline | StableDiffusionXLPipeline | StableDiffusionControlNetImg2ImgPipeline:
    """The family's pipeline of these modules, by diffusers' names; some may be missing."""
    modules = dict.fromkeys(_names(family)) | modules
    if family.text_encoder_2:
        pipeline = StableDiffusionXLPipeline(**modules, add_watermarker=False)
    else:
        controlled = "controlnet" in modules
        kind = StableDiffusionControlNetImg2ImgPipeline if controlled else StableDiffusionPipeline
        pipeline = kind(
            **modules,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _names(family: Family) -> tuple[str, ...]:
    """What diffusers calls the modules of the family's pipeline."""
    more = ("tokenizer_2", "text_encoder_2") if family.text_encoder_2 else ()
    return ("tokenizer", "text_encoder", *more, "vae", "unet", "scheduler")


def fresh_scheduler(
    family: Family | MultiviewFamily, source: Source, accelerated: bool
) -> PeRFlowScheduler | DDIMScheduler:
    """A scheduler of the family's noise schedule; a PeRFlowScheduler for a UNet with ΔW.

    Raises LoadError for a schedule that ΔW cannot follow.
    """
    config = loaders.load_scheduler_config(family.scheduler, source)
    if not accelerated:
        # As pipelines of Stable Diffusion mend it, whatever scheduler the file was written for.
        spaced = "trailing" if config.get("timestep_spacing") == "trailing" else "leading"
        return DDIMScheduler.from_config(
            config,
            timestep_spacing=spaced,
            steps_offset=1,
            clip_sample=False,
            set_alpha_to_one=False,
        )
    try:
        return PeRFlowScheduler.from_config(
            config,
            prediction_type=family.prediction_type,
            num_time_windows=family.num_time_windows,
        )
    except ValueError as error:
        raise LoadError(
            f"The noise schedule of {family.title} does not go with ΔW ({error}); choose another "
            "checkpoint."
        ) from error
