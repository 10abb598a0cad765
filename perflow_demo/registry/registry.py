"""What can be lent: pipelines and networks by name; light to import, as the page starts with it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from perflow_demo.errors import BadRequest, OutOfMemory
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
from perflow_demo.models.spec import Family, ForegroundModel, MultiviewFamily, Refiner, SolidModel
from perflow_demo.models.stable_diffusion import SAFETY
from perflow_demo.models.wonder3d import Converted, is_complete
from perflow_demo.registry.residents import OnLoad, Residents

# torch and diffusers take seconds to import: the first lease imports them, not the page.
if TYPE_CHECKING:
    from diffusers import (
        ModelMixin,
        StableDiffusionControlNetImg2ImgPipeline,
        StableDiffusionPipeline,
    )
    from torch import Tensor

    from perflow_demo.models.loaders import Addition, Merge
    from perflow_demo.registry.multiview import MultiviewPipeline
    from perflow_demo.registry.pipelines import Checker, Part, Tuned
    from perflow_demo.registry.placement import Placement

# Beyond the full step, for the curious: what was trained is 1.
MAX_STRENGTH = 1.5


class Registry(Residents):
    """Keeps models resident and lends pipelines of them; safe to use from many threads.

    settings: a `perflow_demo.settings.Settings`, handed through from whoever starts the program.
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

    @contextmanager
    def lease(
        self,
        family: str = "pocket",
        style: str | None = None,
        delta_strength: float = 1.0,
        on_load: OnLoad | None = None,
        refine: bool = False,
        loras: str | None = None,
        delta: str | None = None,
    ) -> Iterator["StableDiffusionPipeline | StableDiffusionControlNetImg2ImgPipeline"]:
        """Lend a text-to-image pipeline; its modules are shared, its scheduler is its own.

        style: name of one of the family's styles; None is the base.
        delta_strength: share of the PeRFlow ΔW in the UNet, 0..1.5; 1 where it is part of it
        already. At 0 the pipeline is the plain teacher with a DDIMScheduler, else it has a
        PeRFlowScheduler.
        on_load: called while a component loads, with its title, bytes read and bytes to read.
        refine: with the family's ControlNet-tile beside the very same modules, as a pipeline from
        picture to picture.
        loras: LoRA files to add to the UNet, as `models.lora.parse_loras` reads them.
        delta: name of a ΔW of one's own, instead of the family's.
        Raises BadRequest for an unknown family or style or a strength out of range, LoadError for a
        faulty file, OutOfMemory when the budget is too small or the device runs out of memory
        during the lease.
        """
        from perflow_demo.registry import pipelines

        family, source, *added = self._tuning(family, style, delta_strength, loras, delta, on_load)
        self._check_size(family)
        parts = pipelines.parts_of(family, source, self.placement, style, *added)
        if refine:
            model = self.refiner(family.name)
            parts["controlnet"] = pipelines.network_part(
                model.owner,
                source_of(model, self._settings, on_load),
                self.placement,
                "controlnet",
                model.controlnet,
            )
        with self._lent(parts, on_load) as modules:
            yield pipelines.assemble(family, source, modules, accelerated=delta_strength > 0)

    def merges(
        self,
        family: str,
        style: str | None = None,
        delta_strength: float = 1.0,
        loras: str | None = None,
        delta: str | None = None,
    ) -> "tuple[Merge, ...]":
        """What each weight difference did to the UNet that `lease` lends for these arguments."""
        part = self._unet_part(self.placement, family, style, delta_strength, loras, delta)
        with self._lent({"unet": part}, None) as modules:
            return modules["unet"].merges

    def private_unet(
        self,
        family: str,
        style: str | None = None,
        delta_strength: float = 1.0,
        loras: str | None = None,
        delta: str | None = None,
    ) -> "Tuned":
        """A UNet of the caller's own, in float32 on the CPU and not kept; otherwise as `merges`."""
        import torch

        from perflow_demo.registry.placement import Placement

        place = Placement(torch.device("cpu"), torch.float32)
        part = self._unet_part(place, family, style, delta_strength, loras, delta)
        with self._out_of_memory_explained():
            return part.loader(None)()

    def difference(self, family: str, delta: str | None = None) -> "Mapping[str, Tensor]":
        """The weights of a ΔW, the family's or one's own, in float32."""
        from perflow_demo.models.loaders import read_delta

        _, addition = self._published(self.family(family), 1.0, None, delta)
        if addition is None:
            raise BadRequest(f"{family} has ΔW inside, and none to take out.")
        return read_delta(addition.source.file(addition.component.weights))

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

    @contextmanager
    def lease_multiview(
        self, family: str = "pocket", delta_strength: float = 1.0, on_load: OnLoad | None = None
    ) -> Iterator["MultiviewPipeline"]:
        """Lend a pipeline of a multiview family; its ΔW is that of the text-to-image base.

        Otherwise like `lease`, whose autoencoder it shares.
        """
        from perflow_demo.registry import multiview

        family = self.multiview_family(family)
        if delta_strength and not family.delta:
            raise BadRequest(f"{family.title} has no ΔW; choose a strength of 0.")
        source, delta = self._published(family, delta_strength, on_load)
        parts = multiview.parts_of(family, source, self.placement, delta)
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

    def checks(self, family: Family) -> bool:
        """Whether the family's pictures are to be checked before anyone sees them."""
        return self._settings.checks_pictures and family.name != POCKET.name

    @contextmanager
    def lease_checker(self, on_load: OnLoad | None = None) -> Iterator["Checker"]:
        """Lend the safety checker; raises and calls back like `lease`."""
        from perflow_demo.models import loaders
        from perflow_demo.registry import pipelines

        source = source_of(SAFETY, self._settings, on_load)
        part = pipelines.network_part(
            SAFETY.name, source, self.placement, "checker", SAFETY.network, loaders.load_checker
        )
        with self._lent({"network": part}, on_load) as modules:
            processor = loaders.load_image_processor(SAFETY.image_processor, source)
            yield pipelines.Checker(modules["network"], processor)

    def solids(self) -> tuple[SolidModel, ...]:
        """The models that make solids of pictures and are on this machine."""
        return tuple(model for model in SOLIDS.values() if has_solid(model, self._source(model)))

    @contextmanager
    def lease_solid(
        self, name: str = "pocket", on_load: OnLoad | None = None
    ) -> Iterator["ModelMixin"]:
        """Lend a `nets.TSR`; raises and calls back like `lease`.

        It is in float32 on a CPU. On a GPU what sees the picture is in float16, but points in space
        need more digits than a picture's latents, so what answers for them is not.
        """
        import torch

        from perflow_demo.models.triposr import load_solid
        from perflow_demo.registry import pipelines

        model = solid_model(name)
        pickles = {model.network.weights: model.checkpoint} if model.checkpoint else {}
        place = self.placement
        dtype = torch.float16 if place.dtype is torch.float16 else torch.float32
        part = pipelines.network_part(
            model.name,
            Converted(source_of(model, self._settings, on_load), pickles),
            replace(place, dtype=dtype, memory_format=torch.contiguous_format),
            "solid",
            model.network,
            load_solid,
        )
        with self._lent({"network": part}, on_load) as modules:
            yield modules["network"]

    def _family_with(self, name: str, style: str | None) -> Family:
        family = self.family(name)
        if style is not None and family.style(style) is None:
            styles = " or ".join(known.name for known in family.styles) or "no style at all"
            raise BadRequest(f"{family.title} has no style {style!r} here; choose {styles}.")
        return family

    def _unet_part(
        self, place: "Placement", family: str, style: str | None, strength: float, *named
    ) -> "Part":
        from perflow_demo.registry import pipelines

        family, source, *added = self._tuning(family, style, strength, *named, None)
        return pipelines.unet_part(family, source, place, style, *added)

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
        from perflow_demo.models.loaders import Addition

        if not 0 <= strength <= MAX_STRENGTH:
            raise BadRequest(
                f"A ΔW strength of {strength} is not in 0..{MAX_STRENGTH}; choose another."
            )
        inside = isinstance(family, Family) and family.delta is None
        if inside and not delta and strength != 1:
            raise BadRequest(f"{family.title} has ΔW inside and cannot be had without it.")
        source = Converted(source_of(family, self._settings, on_load))
        if not strength or not (delta or family.delta):
            return source, None
        if delta:
            component, plugged = find_delta(delta, self._settings)
        else:
            component, plugged = family.delta, delta_source_of(family, self._settings, on_load)
        return source, Addition(component, strength, plugged)

    def _check_size(self, family: Family) -> None:
        """Said before gigabytes are fetched, not after."""
        needed = family.memory_bytes * self.placement.dtype.itemsize / 2
        budget = self._budget()
        if needed > budget:
            raise OutOfMemory(
                f"{family.title} takes about {needed / 1e9:.1f} GB and models may take "
                f"{budget / 1e9:.1f} GB here; choose a smaller family or raise "
                "PERFLOW_MEMORY_BUDGET."
            )

    def _loras(self, named: str | None, on_load: OnLoad | None) -> "tuple[Addition, ...]":
        from perflow_demo.models.loaders import Addition

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
        return there or not self._settings.offline

    def _source(
        self, family: Family | ForegroundModel | MultiviewFamily | Refiner | SolidModel
    ) -> Source:
        return source_of(family, self._settings)


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
