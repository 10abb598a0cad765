"""The parts of a family, how each is loaded, and the pipeline assembled of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from diffusers import (
    DDIMScheduler,
    StableDiffusionControlNetImg2ImgPipeline,
    StableDiffusionPipeline,
)

from perflow_demo.flow import PeRFlowScheduler
from perflow_demo.models import loaders
from perflow_demo.models.sources import Source
from perflow_demo.models.spec import Component, Family, MultiviewFamily
from perflow_demo.registry.placement import Placement


class Key(NamedTuple):
    """What makes one resident part different from another; style and ΔW concern the UNet alone."""

    family: str
    part: str
    placement: str
    style: str | None = None
    delta_strength: float = 0.0


@dataclass(frozen=True)
class Part:
    """One part to lease.

    title: what the user reads while it loads. weights: the components whose files it is made of.
    load: takes a function told of bytes read, gives the part in its place.
    expected_bytes: room the loaded part will need; reads headers only.
    """

    key: Key
    title: str
    weights: tuple[Component, ...]
    source: Source
    load: Callable[[loaders.BytesRead], Any]
    expected_bytes: Callable[[], int]

    def loader(self, on_load: Callable[[str, int, int], None] | None) -> Callable[[], Any]:
        """The load, reporting to on_load(title, bytes read, bytes to read) as it goes."""

        def load() -> Any:
            done, total = 0, loaders.file_bytes(self.weights, self.source)

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


def network_part(
    owner: str,
    source: Source,
    place: Placement,
    name: str,
    component: Component,
    load: Callable = loaders.load_network,
    *extra: Component,
    **variant: Any,
) -> Part:
    """A network as a part; owner, name, variant: its key. extra: components that go into it."""
    return Part(
        Key(owner, name, str(place), **variant),
        component.title,
        (component, *extra),
        source,
        lambda read: place.put(load(component, source=source, dtype=place.dtype, read=read)),
        partial(loaders.resident_bytes, component, source, place.dtype),
    )


def parts_of(
    family: Family, source: Source, place: Placement, style: str | None, delta_strength: float
) -> dict[str, Part]:
    """The parts of a text-to-image pipeline by their names in diffusers; loads nothing.

    Text encoder, autoencoder and tokenizer are the same for all styles and strengths.
    """
    deltas = [(family.style(style).component, 1.0)] if style else []
    deltas += [(family.delta, delta_strength)] if delta_strength else []
    network = partial(network_part, family.name, source, place)
    return {
        "tokenizer": Part(
            Key(family.name, "tokenizer", "cpu"),
            family.tokenizer.title,
            (family.tokenizer,),
            source,
            partial(loaders.load_tokenizer, family.tokenizer, source),
            lambda: 0,
        ),
        "text_encoder": network("text_encoder", family.text_encoder, loaders.load_text_encoder),
        "vae": network("vae", family.vae),
        "unet": network(
            "unet",
            family.unet,
            partial(loaders.load_unet, deltas=deltas),
            *(component for component, _ in deltas),
            style=style,
            delta_strength=delta_strength,
        ),
    }


def assemble(
    family: Family, source: Source, modules: Mapping[str, Any], accelerated: bool
) -> StableDiffusionPipeline | StableDiffusionControlNetImg2ImgPipeline:
    """A pipeline of these modules with a fresh scheduler, since schedulers hold state.

    modules: values of the parts of `parts_of`; with a "controlnet" beside them the pipeline is one
    from picture to picture. accelerated: whether the UNet contains ΔW, so that
    a PeRFlowScheduler has to read it; else a DDIMScheduler does.
    """
    controlled = "controlnet" in modules
    kind = StableDiffusionControlNetImg2ImgPipeline if controlled else StableDiffusionPipeline
    pipeline = kind(
        **modules,
        scheduler=fresh_scheduler(family, source, accelerated),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def fresh_scheduler(
    family: Family | MultiviewFamily, source: Source, accelerated: bool
) -> PeRFlowScheduler | DDIMScheduler:
    """A scheduler of the family's noise schedule; a PeRFlowScheduler for a UNet with ΔW."""
    config = loaders.load_scheduler_config(family.scheduler, source)
    if not accelerated:
        return DDIMScheduler.from_config(config)
    return PeRFlowScheduler.from_config(
        config,
        prediction_type=family.prediction_type,
        num_time_windows=family.num_time_windows,
    )
