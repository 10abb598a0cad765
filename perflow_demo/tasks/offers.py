"""Which models and styles there are, and what of them is on this machine."""

from dataclasses import dataclass

from perflow_demo.models.bases import checkpoints, family_named
from perflow_demo.models.catalogue import CATALOGUE, MULTIVIEW, REFINERS, SAFETY, SOLIDS
from perflow_demo.models.sources import Source, delta_source_of, source_of
from perflow_demo.models.spec import Defaults, Family, Model, MultiviewFamily, SolidModel
from perflow_demo.models.wonder3d import Converted

# What the families do, and what goes on from their pictures or looks at them.
DRAWS = "Draws pictures"
OTHERS = (
    ("Refines pictures", REFINERS.values()),
    ("Draws six views of an object", MULTIVIEW.values()),
    ("Makes meshes", SOLIDS.values()),
    ("Checks pictures where strangers can ask", [SAFETY]),
)


@dataclass(frozen=True)
class StyleOffer:
    """A style of a family; available: whether its weights are on this machine."""

    name: str
    title: str
    description: str
    available: bool


@dataclass(frozen=True)
class Offer:
    """A model; purpose: what it does. missing: files that it or its ΔW lacks on this machine.

    fetched: whether what is missing is fetched when the model is first used.
    """

    name: str
    title: str
    purpose: str
    description: str
    licence: str
    missing: tuple[str, ...]
    fetched: bool
    download_bytes: int
    memory_bytes: int


@dataclass(frozen=True)
class FamilyOffer(Offer):
    """A text-to-image family, its styles and its limits."""

    styles: tuple[StyleOffer, ...]
    sizes: tuple[int, ...]
    max_count: int
    defaults: Defaults


def offers(settings) -> tuple[Offer, ...]:
    """Every model of the catalogue, there or not, the families first; opens no file.

    settings: a `perflow_demo.settings.Settings`, handed through from whoever starts the program.
    """
    own = (path.name for path in checkpoints(settings))
    families = (family_named(name, settings) for name in (*CATALOGUE, *own))
    others = ((purpose, model) for purpose, models in OTHERS for model in models)
    return (
        *(_family_offer(family, settings) for family in families),
        *(Offer(**_told(purpose, model, settings)) for purpose, model in others),
    )


def _family_offer(family: Family, settings) -> FamilyOffer:
    source = _source(family, settings)
    styles = tuple(
        StyleOffer(s.name, s.title, s.description, source.has(s.component.weights))
        for s in family.styles
    )
    limits = {"sizes": family.sizes, "max_count": family.max_count, "defaults": family.defaults}
    return FamilyOffer(**_told(DRAWS, family, settings), styles=styles, **limits)


def _told(purpose: str, model: Model, settings) -> dict:
    """Fields of the Offer of any model."""
    source = _source(model, settings)
    missing = [name for part in model.components for name in part.files if not source.has(name)]
    if isinstance(model, Family | MultiviewFamily) and model.delta:
        plugged = delta_source_of(model, settings)
        missing += [name for name in model.delta.files if not plugged.has(name)]
    return {
        "name": model.name,
        "title": model.title,
        "purpose": purpose,
        "description": model.description,
        "licence": model.licence,
        "missing": tuple(missing),
        "fetched": model.repository is not None and not settings.offline,
        "download_bytes": model.download_bytes,
        "memory_bytes": model.memory_bytes,
    }


def _source(model: Model, settings) -> Source:
    """Its files, pickles that are converted when they are needed among them."""
    source = source_of(model, settings)
    if isinstance(model, SolidModel) and model.checkpoint:
        return Converted(source, {model.network.weights: model.checkpoint})
    return Converted(source)
