"""The one owner of resident models; light to import, since the page starts with it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from perflow_demo.errors import BadRequest, OutOfMemory
from perflow_demo.models.catalogue import (
    CATALOGUE,
    FOREGROUND,
    MULTIVIEW,
    REFINERS,
    SOLIDS,
    available,
    has_solid,
)
from perflow_demo.models.sources import Source, source_of
from perflow_demo.models.spec import Family, ForegroundModel, MultiviewFamily, Refiner, SolidModel
from perflow_demo.models.wonder3d import is_complete
from perflow_demo.registry.cache import Cache, EntryStatus

# torch and diffusers take seconds to import: the first lease imports them, not the page.
if TYPE_CHECKING:
    from diffusers import (
        ModelMixin,
        StableDiffusionControlNetImg2ImgPipeline,
        StableDiffusionPipeline,
    )

    from perflow_demo.registry.multiview import MultiviewPipeline
    from perflow_demo.registry.pipelines import Key, Part
    from perflow_demo.registry.placement import Placement

# Title of the component that loads, bytes read so far, bytes to read.
OnLoad = Callable[[str, int, int], None]
# A CPU's allocator has no exception class of its own, only these words.
CPU_EXHAUSTED = "can't allocate memory"


@dataclass(frozen=True)
class Status:
    """What is resident and where; bytes count each entry, budget is the most they may reach."""

    device: str
    dtype: str
    budget: int
    bytes: int
    entries: tuple[EntryStatus, ...]


class Registry:
    """Keeps models resident and lends pipelines of them; safe to use from many threads.

    settings: a `perflow_demo.settings.Settings`, handed through from whoever starts the program.
    """

    def __init__(self, settings):
        self._settings = settings
        self._cache = Cache(self._budget, self._measure, self._release)

    @cached_property
    def placement(self) -> "Placement":
        """Device, dtype and memory format of everything lent out."""
        from perflow_demo.registry import placement

        return placement.choose(self._settings.device)

    def families(self) -> tuple[Family, ...]:
        """The families on offer, each with the styles whose weights are there."""
        return tuple(available(family, self._source(family)) for family in CATALOGUE.values())

    def family(self, name: str) -> Family:
        """The family of that name, as in `families`; raises BadRequest for an unknown one."""
        families = {family.name: family for family in self.families()}
        if name not in families:
            raise BadRequest(f"There is no family {name!r}; choose {' or '.join(families)}.")
        return families[name]

    @contextmanager
    def lease(
        self,
        family: str = "pocket",
        style: str | None = None,
        delta_strength: float = 1.0,
        on_load: OnLoad | None = None,
        refine: bool = False,
    ) -> Iterator["StableDiffusionPipeline | StableDiffusionControlNetImg2ImgPipeline"]:
        """Lend a text-to-image pipeline; its modules are shared, its scheduler is its own.

        style: name of one of the family's styles; None is the base.
        delta_strength: share of the PeRFlow ΔW in the UNet, 0..1. At 0 the pipeline is the plain
        teacher with a DDIMScheduler, else it has a PeRFlowScheduler.
        on_load: called while a component loads, with its title, bytes read and bytes to read.
        refine: with the family's ControlNet-tile beside the very same modules, as a pipeline from
        picture to picture.
        Raises BadRequest for an unknown family or style or a strength out of range, LoadError for a
        faulty file, OutOfMemory when the budget is too small or the device runs out of memory
        during the lease.
        """
        from perflow_demo.registry import pipelines

        family = self._family_with(family, style)
        if not 0 <= delta_strength <= 1:
            raise BadRequest(f"A ΔW strength of {delta_strength} is not in 0..1; choose another.")
        parts = pipelines.parts_of(
            family, self._source(family), self.placement, style, delta_strength
        )
        if refine:
            model = self.refiner(family.name)
            parts["controlnet"] = pipelines.network_part(
                model.name, self._source(model), self.placement, "controlnet", model.controlnet
            )
        with self._lent(parts, on_load) as modules:
            yield pipelines.assemble(
                family, self._source(family), modules, accelerated=delta_strength > 0
            )

    def refiners(self) -> tuple[Refiner, ...]:
        """The refiners that are on this machine."""
        return tuple(
            refiner
            for refiner in REFINERS.values()
            if all(map(self._source(refiner).has, refiner.controlnet.files))
        )

    def refiner(self, family: str) -> Refiner:
        """The refiner of that family, there or not; BadRequest for a family that has none."""
        if family not in REFINERS:
            raise BadRequest(f"Nothing refines {family!r}; choose {' or '.join(REFINERS)}.")
        return REFINERS[family]

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

    @contextmanager
    def lease_multiview(
        self, family: str = "pocket", delta_strength: float = 1.0, on_load: OnLoad | None = None
    ) -> Iterator["MultiviewPipeline"]:
        """Lend a pipeline of a multiview family; its ΔW is that of the text-to-image base.

        Otherwise like `lease`, whose autoencoder it shares.
        """
        from perflow_demo.registry import multiview

        family = self.multiview_family(family)
        if not 0 <= delta_strength <= (1 if family.delta else 0):
            allowed = "0..1" if family.delta else "0, since the family has no ΔW"
            raise BadRequest(f"A ΔW strength of {delta_strength} is not in {allowed}.")
        source = self._source(family)
        parts = multiview.parts_of(family, source, self.placement, delta_strength)
        with self._lent(parts, on_load) as modules:
            yield multiview.assemble(family, source, modules)

    @contextmanager
    def lease_foreground(
        self, name: str = "pocket", on_load: OnLoad | None = None
    ) -> Iterator["ModelMixin"]:
        """Lend a `nets.ForegroundNet`; raises and calls back like `lease`."""
        from perflow_demo.registry import pipelines

        model = foreground_model(name)
        part = pipelines.network_part(
            model.name, self._source(model), self.placement, "foreground", model.network
        )
        with self._lent({"network": part}, on_load) as modules:
            yield modules["network"]

    def solids(self) -> tuple[SolidModel, ...]:
        """The models that make solids of pictures and are on this machine."""
        return tuple(model for model in SOLIDS.values() if has_solid(model, self._source(model)))

    @contextmanager
    def lease_solid(
        self, name: str = "pocket", on_load: OnLoad | None = None
    ) -> Iterator["ModelMixin"]:
        """Lend a `nets.TSR` in float32; raises and calls back like `lease`.

        Points in space need more digits than a picture's latents: in bfloat16 they would stand on
        a coarse grid.
        """
        import torch

        from perflow_demo.models.triposr import load_solid
        from perflow_demo.models.wonder3d import Converted
        from perflow_demo.registry import pipelines

        model = solid_model(name)
        pickles = {model.network.weights: model.checkpoint} if model.checkpoint else {}
        part = pipelines.network_part(
            model.name,
            Converted(self._source(model), pickles),
            replace(self.placement, dtype=torch.float32, memory_format=torch.contiguous_format),
            "solid",
            model.network,
            load_solid,
        )
        with self._lent({"network": part}, on_load) as modules:
            yield modules["network"]

    def room(self) -> int:
        """Bytes that the budget leaves a run, once idle models have been dropped."""
        used = sum(entry.bytes for entry in self._cache.status() if entry.leases)
        return max(0, self._budget() - used)

    def unload(self, key: "Key | None" = None) -> int:
        """Drop one entry of `status()`, or all; what is leased stays. Returns the bytes freed."""
        return self._cache.unload(key)

    def status(self) -> Status:
        """What is resident, the most recently used first."""
        entries = self._cache.status()
        place = self.placement
        return Status(
            str(place.device),
            place.dtype_name,
            self._budget(),
            sum(entry.bytes for entry in entries),
            entries,
        )

    @contextmanager
    def _lent(
        self, parts: "Mapping[str, Part]", on_load: OnLoad | None
    ) -> Iterator[dict[str, Any]]:
        """Values of the parts by their names, loaded where they are not resident."""
        with self._out_of_memory_explained(), ExitStack() as leases:
            yield {
                name: leases.enter_context(
                    self._cache.lease(part.key, part.loader(on_load), part.expected_bytes)
                )
                for name, part in parts.items()
            }

    def _family_with(self, name: str, style: str | None) -> Family:
        family = self.family(name)
        if style is not None and family.style(style) is None:
            styles = " or ".join(known.name for known in family.styles) or "no style at all"
            raise BadRequest(f"{family.title} has no style {style!r} here; choose {styles}.")
        return family

    def _source(
        self, family: Family | ForegroundModel | MultiviewFamily | Refiner | SolidModel
    ) -> Source:
        return source_of(family, self._settings)

    def _budget(self) -> int:
        from perflow_demo.registry import memory

        return self._settings.memory_budget or memory.default_budget(self.placement.device)

    def _measure(self, value: Any) -> int:
        from perflow_demo.registry import memory

        return memory.module_bytes(*(value if isinstance(value, tuple) else (value,)))

    def _release(self) -> None:
        from perflow_demo.registry import memory

        memory.release(self.placement.device)

    @contextmanager
    def _out_of_memory_explained(self) -> Iterator[None]:
        import torch

        try:
            yield
        except RuntimeError as error:
            exhausted = isinstance(error, torch.OutOfMemoryError) or CPU_EXHAUSTED in str(error)
            if not exhausted:
                raise
            self._release()
            raise OutOfMemory(
                "The device ran out of memory; ask for fewer or smaller pictures, or unload models."
            ) from error


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
