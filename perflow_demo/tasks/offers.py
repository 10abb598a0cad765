"""Which families and styles there are, and what of them is on this machine."""

from dataclasses import dataclass, fields

from perflow_demo.models.catalogue import CATALOGUE
from perflow_demo.models.sources import Source, source_of
from perflow_demo.models.spec import Component, Defaults, Family


@dataclass(frozen=True)
class StyleOffer:
    """A style of a family; available: whether its weights are on this machine."""

    name: str
    title: str
    description: str
    available: bool


@dataclass(frozen=True)
class Offer:
    """A family and its limits; missing: files that its base or ΔW lacks on this machine."""

    name: str
    title: str
    description: str
    licence: str
    missing: tuple[str, ...]
    styles: tuple[StyleOffer, ...]
    sizes: tuple[int, ...]
    max_count: int
    defaults: Defaults
    download_bytes: int


def offers(settings) -> tuple[Offer, ...]:
    """Every family of the catalogue, there or not; opens no file.

    settings: a `perflow_demo.settings.Settings`, handed through from whoever starts the program.
    """
    return tuple(_offer(family, source_of(family, settings)) for family in CATALOGUE.values())


def _offer(family: Family, source: Source) -> Offer:
    parts = [getattr(family, field.name) for field in fields(family)]
    components = [part for part in parts if isinstance(part, Component)]
    names = [name for part in components for name in (part.config, part.weights) if name]
    return Offer(
        family.name,
        family.title,
        family.description,
        family.licence,
        tuple(name for name in names if not source.has(name)),
        tuple(
            StyleOffer(s.name, s.title, s.description, source.has(s.component.weights))
            for s in family.styles
        ),
        family.sizes,
        family.max_count,
        family.defaults,
        family.download_bytes,
    )
