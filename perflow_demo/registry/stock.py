"""What there is to lend, and where its files lie; nothing here is resident."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from perflow_demo.errors import BadRequest
from perflow_demo.models import vocabulary
from perflow_demo.models.bases import checkpoints, delta_names, family_named, find_delta
from perflow_demo.models.catalogue import (
    CATALOGUE,
    FOREGROUND,
    MULTIVIEW,
    POCKET,
    REFINERS,
    SOLIDS,
    available,
    has_solid,
)
from perflow_demo.models.lora import find_lora, parse_loras
from perflow_demo.models.sources import Source, delta_source_of, source_of
from perflow_demo.models.spec import (
    Family,
    ForegroundModel,
    Model,
    MultiviewFamily,
    Refiner,
    SolidModel,
)
from perflow_demo.models.wonder3d import Converted, is_complete
from perflow_demo.registry.residents import OnLoad

# torch takes seconds to import: the first lease imports it, not the page.
if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from perflow_demo.models.merging import Addition

# Beyond the full step, for the curious: what was trained is 1.
MAX_STRENGTH = 1.5


class Stock:
    """Models by name, each with its files and with what is to be added to its weights.

    Part of the registry, whose `_settings` it reads.
    """

    def families(self) -> tuple[Family, ...]:
        """The families on offer, each with the styles whose weights are there.

        Published ones that are not on this machine are among them unless it is offline.
        """
        own = (path.name for path in checkpoints(self._settings))
        known = (self.family(name) for name in (*CATALOGUE, *own))
        return tuple(family for family in known if self._offered(family))

    def family(self, name: str) -> Family:
        """The family of that name, whether or not it is on offer; see `models.bases`."""
        family = family_named(name, self._settings)
        return available(family, self._source(family))

    @property
    def offline(self) -> bool:
        """Whether nothing may be fetched."""
        return self._settings.offline

    @property
    def names_repositories(self) -> bool:
        """Whether a family may be named that is a repository of the hub, as only the owner may."""
        return not (self._settings.public or self.offline)

    def deltas(self) -> tuple[str, ...]:
        """Names of the weight differences of one's own."""
        return delta_names(self._settings)

    def refiners(self) -> tuple[Refiner, ...]:
        """The refiners that are on this machine."""
        return tuple(
            refiner
            for refiner in REFINERS.values()
            if all(map(self._source(refiner).has, refiner.controlnet.files))
        )

    def refiner(self, family: str) -> Refiner:
        """The refiner of that family, there or not; BadRequest for a family that has none."""
        found = self.family(family)
        if not found.refiner:
            raise BadRequest(f"Nothing refines with {found.title}; choose another family.")
        return REFINERS[found.refiner]

    def multiview_families(self) -> tuple[MultiviewFamily, ...]:
        """The multiview families whose files are all on this machine."""
        return tuple(
            family for family in MULTIVIEW.values() if is_complete(family, self._source(family))
        )

    def multiview_family(self, name: str) -> MultiviewFamily:
        """The multiview family of that name, there or not; BadRequest for an unknown one."""
        if name not in MULTIVIEW:
            raise BadRequest(
                f"There is no multiview family {name!r}; choose {' or '.join(MULTIVIEW)}."
            )
        return MULTIVIEW[name]

    def solids(self) -> tuple[SolidModel, ...]:
        """The models that make solids of pictures and are on this machine."""
        return tuple(model for model in SOLIDS.values() if has_solid(model, self._source(model)))

    def difference(self, family: str, delta: str | None = None) -> "Mapping[str, Tensor]":
        """The weights of a ΔW, the family's or one's own, in float32, each read when asked for."""
        from perflow_demo.models.merging import Difference

        _, addition = self._published(self.family(family), 1.0, None, delta)
        if addition is None:
            raise BadRequest(f"{family} has ΔW inside, and none to take out.")
        return Difference(addition.file)

    def unlearnt(self, family: Family, text: str) -> tuple[str, ...]:
        """The words of a text that the family never learnt, as far as that is known."""
        if family.vocabulary is None:
            return ()
        return vocabulary.unlearnt(text, self._source(family), family.vocabulary)

    @contextmanager
    def fetched(self, models: Iterable[Model], on_load: OnLoad | None = None) -> Iterator[None]:
        """Lends nothing, with all files of these models and of their ΔW on this machine.

        on_load: as of `Registry.lease`.
        """
        for model in models:
            self._have(model, on_load=on_load)
        yield

    def checks(self, family: Family) -> bool:
        """Whether the family's pictures are to be checked before anyone sees them."""
        return self._settings.checks_pictures and family.name != POCKET.name

    def _have(self, model: Model, plugged: bool = True, on_load: OnLoad | None = None) -> None:
        """Have its files on this machine, and its ΔW if that is plugged in; else MissingFile."""
        needed = [(self._source(model, on_load), part) for part in model.components]
        if plugged and isinstance(model, Family | MultiviewFamily) and model.delta:
            needed.append((delta_source_of(model, self._settings, on_load), model.delta))
        for source, part in needed:
            for name in part.files:
                source.file(name)

    def _family_with(self, name: str, style: str | None) -> Family:
        family = self.family(name)
        if style is not None and family.style(style) is None:
            styles = " or ".join(known.name for known in family.styles) or "no style at all"
            raise BadRequest(f"{family.title} has no style {style!r} here; choose {styles}.")
        return family

    def _tuning(
        self,
        family: str,
        style: str | None,
        strength: float,
        loras: str | None,
        delta: str | None,
        on_load: OnLoad | None,
    ) -> "tuple[Family, Source, Addition | None, tuple[Addition, ...]]":
        """The family, where its files are, and what is to be added to its UNet."""
        family = self._family_with(family, style)
        source, plugged = self._published(family, strength, on_load, delta)
        return family, source, plugged, self._loras(loras, on_load)

    def _published(
        self,
        family: Family | MultiviewFamily,
        strength: float,
        on_load: OnLoad | None,
        delta: str | None = None,
    ) -> "tuple[Source, Addition | None]":
        """The family's files, and ΔW at this strength where there is some to add."""
        from perflow_demo.models.merging import Addition

        if not 0 <= strength <= MAX_STRENGTH:
            raise BadRequest(
                f"A ΔW strength of {strength} is not in 0..{MAX_STRENGTH}; choose another."
            )
        inside = isinstance(family, Family) and family.delta is None
        if inside and not delta and strength != 1:
            raise BadRequest(f"{family.title} has ΔW inside and cannot be had without it.")
        source = self._source(family, on_load)
        if not strength or not (delta or family.delta):
            return source, None
        if delta:
            component, plugged = find_delta(delta, self._settings)
        else:
            component, plugged = family.delta, delta_source_of(family, self._settings, on_load)
        return source, Addition(component, strength, plugged)

    def _loras(self, named: str | None, on_load: OnLoad | None) -> "tuple[Addition, ...]":
        from perflow_demo.models.merging import Addition

        found = [
            (weight, *find_lora(name, self._settings, on_load))
            for name, weight in parse_loras(named)
        ]
        return tuple(
            Addition(component, weight, source, lora=True) for weight, component, source in found
        )

    def _offered(self, family: Family) -> bool:
        published = family.repository is not None
        there = not published or self._source(family).has(family.unet.weights)
        return there or not self.offline

    def _source(self, model: Model, on_load: OnLoad | None = None) -> Source:
        """Where the model's files are, pickles read as safetensors."""
        source = source_of(model, self._settings, on_load)
        if isinstance(model, SolidModel) and model.checkpoint:
            return Converted(source, {model.network.weights: model.checkpoint})
        return Converted(source)


def foreground_model(name: str) -> ForegroundModel:
    """The foreground network of that name; raises BadRequest for an unknown one."""
    if name not in FOREGROUND:
        raise BadRequest(
            f"There is no foreground network {name!r}; choose {' or '.join(FOREGROUND)}."
        )
    return FOREGROUND[name]


def solid_model(name: str) -> SolidModel:
    """The model of that name that makes solids; raises BadRequest for an unknown one."""
    if name not in SOLIDS:
        raise BadRequest(f"There is no 3D model {name!r}; choose {' or '.join(SOLIDS)}.")
    return SOLIDS[name]
