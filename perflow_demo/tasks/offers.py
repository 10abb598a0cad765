"""Which families and styles there are, and what of them is on this machine."""

from dataclasses import dataclass

from perflow_demo.models.bases import checkpoints, family_named
from perflow_demo.models.catalogue import CATALOGUE
from perflow_demo.models.sources import delta_source_of, source_of
from perflow_demo.models.spec import Defaults, Family
from perflow_demo.models.wonder3d import Converted


@dataclass(frozen=True)
class StyleOffer:
    """A style of a family; available: whether its weights are on this machine."""

    name: str
    title: str
    description: str
    available: bool


@dataclass(frozen=True)
class Offer:
    """A family and its limits; missing: files that its base or ΔW lacks on this machine.

    fetched: whether what is missing is fetched when the family is first used.
    """

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
    memory_bytes: int
    fetched: bool


def offers(settings) -> tuple[Offer, ...]:
    """Every family of the catalogue, there or not; opens no file.

    settings: a `perflow_demo.settings.Settings`, handed through from whoever starts the program.
    """
    own = (path.name for path in checkpoints(settings))
    return tuple(_offer(family_named(name, settings), settings) for name in (*CATALOGUE, *own))


def _offer(family: Family, settings) -> Offer:
    source = Converted(source_of(family, settings))
    missing = [name for part in family.components for name in part.files if not source.has(name)]
    if family.delta:
        plugged = delta_source_of(family, settings)
        missing += [name for name in family.delta.files if not plugged.has(name)]
    return Offer(
        family.name,
        family.title,
        family.description,
        family.licence,
        tuple(missing),
        tuple(
            StyleOffer(s.name, s.title, s.description, source.has(s.component.weights))
            for s in family.styles
        ),
        family.sizes,
        family.max_count,
        family.defaults,
        family.download_bytes,
        family.memory_bytes,
        family.repository is not None and not settings.offline,
    )
