"""What can be lent: pipelines and networks by name; light to import, as the page starts with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from perflow_demo.errors import BadRequest, OutOfMemory
from perflow_demo.models.catalogue import SAFETY
from perflow_demo.models.spec import Model
from perflow_demo.registry.residents import OnLoad, Residents
from perflow_demo.registry.stock import Stock, foreground_model, solid_model

# torch and diffusers take seconds to import: the first lease imports them, not the page.
if TYPE_CHECKING:
    from diffusers import (
        ModelMixin,
        StableDiffusionControlNetImg2ImgPipeline,
        StableDiffusionPipeline,
    )

    from perflow_demo.models.merging import LooseUnet, Merge
    from perflow_demo.models.u2net import U2Net
    from perflow_demo.registry.multiview import MultiviewPipeline
    from perflow_demo.registry.pipelines import Checker, Part
    from perflow_demo.registry.placement import Placement


class Registry(Residents, Stock):
    """Keeps models resident and lends pipelines of them; safe to use from many threads.

    settings: a `perflow_demo.settings.Settings`, handed through from whoever starts the program.
    """

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
        words: bool = True,
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
        words: with what reads prompts, too; else see `lease_words`.
        Raises BadRequest for an unknown family or style or a strength out of range, LoadError for a
        faulty file, OutOfMemory when the budget is too small or the device runs out of memory
        during the lease.
        """
        from perflow_demo.registry import pipelines

        family, source, *added = self._tuning(family, style, delta_strength, loras, delta, on_load)
        models = (family, self.refiner(family.name)) if refine else (family,)
        self._check_size(self.placement, *models, spared=0 if words else family.words_bytes)
        reading = pipelines.words_of(family, source, self.placement) if words else {}
        parts = reading | pipelines.parts_of(family, source, self.placement, style, *added)
        if refine:
            model = models[1]
            parts["controlnet"] = pipelines.network_part(
                model.owner,
                self._source(model, on_load),
                self.placement,
                "controlnet",
                model.controlnet,
            )
        with self._lent(parts, on_load) as modules:
            yield pipelines.assemble(family, source, modules, accelerated=delta_strength > 0)

    @contextmanager
    def lease_words(
        self,
        family: str = "pocket",
        style: str | None = None,
        delta_strength: float = 1.0,
        on_load: OnLoad | None = None,
        loras: str | None = None,
        delta: str | None = None,
    ) -> Iterator["StableDiffusionPipeline"]:
        """Lend what reads prompts, as a pipeline without all the rest.

        Given back before `lease` is asked for the rest, it makes room for that on a small device:
        of SDXL it is a quarter. Takes and raises what `lease` does, so that whatever cannot be lent
        afterwards is refused here, before anything is fetched.
        """
        from perflow_demo.registry import pipelines

        family, source, *_ = self._tuning(family, style, delta_strength, loras, delta, on_load)
        self._check_size(self.placement, family, spared=family.words_bytes)
        parts = pipelines.words_of(family, source, self.placement)
        with self._lent(parts, on_load) as modules:
            yield pipelines.put_together(family, modules)

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

    @contextmanager
    def loose_unet(
        self,
        family: str,
        style: str | None = None,
        delta_strength: float = 1.0,
        loras: str | None = None,
        delta: str | None = None,
    ) -> Iterator["LooseUnet"]:
        """A UNet whose weights are made one by one on the CPU, and not kept; otherwise as `merges`.

        A family that would not fit there in half precision is refused.
        """
        import torch

        from perflow_demo.models.merging import LooseUnet
        from perflow_demo.registry import pipelines
        from perflow_demo.registry.placement import Placement

        family, source, *added = self._tuning(family, style, delta_strength, loras, delta, None)
        self._check_size(Placement(torch.device("cpu"), torch.float16), family)
        with self._out_of_memory_explained():
            additions = pipelines.additions_of(family, source, style, *added)
            yield LooseUnet(family.unet, additions, source)

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
        self._check_size(self.placement, family)
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

    @contextmanager
    def lease_u2net(self, on_load: OnLoad | None = None) -> Iterator["U2Net"]:
        """Lend U²-Net, where rembg is installed; raises and calls back like `lease`.

        It lies in main memory, which the budget counts where that is the device's.
        """
        from perflow_demo.models import u2net
        from perflow_demo.registry import pipelines

        counted = u2net.BYTES if self.placement.device.type == "cpu" else 0
        part = pipelines.foreign_part(u2net.TITLE, u2net.load, counted)
        with self._lent({"network": part}, on_load) as modules:
            yield modules["network"].value

    @contextmanager
    def lease_checker(self, on_load: OnLoad | None = None) -> Iterator["Checker"]:
        """Lend the safety checker; raises and calls back like `lease`."""
        from perflow_demo.models import loaders
        from perflow_demo.registry import pipelines

        source = self._source(SAFETY, on_load)
        part = pipelines.network_part(
            SAFETY.name, source, self.placement, "checker", SAFETY.network, loaders.load_checker
        )
        with self._lent({"network": part}, on_load) as modules:
            processor = loaders.load_image_processor(SAFETY.image_processor, source)
            yield pipelines.Checker(modules["network"], processor)

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
        half = self.placement.dtype is torch.float16
        place = replace(
            self.placement,
            dtype=torch.float16 if half else torch.float32,
            memory_format=torch.contiguous_format,
        )
        self._check_size(place, model)
        part = pipelines.network_part(
            model.name,
            self._source(model, on_load),
            place,
            "solid",
            model.network,
            load_solid,
        )
        with self._lent({"network": part}, on_load) as modules:
            yield modules["network"]

    def foresee(self, model: Model, plugged: bool = True) -> None:
        """Raise what lending the model later would raise for its size, or for files that are not
        here and will not be fetched; plugged: its ΔW's among them, if it has one."""
        self._check_size(self.placement, model)
        if self.offline or model.repository is None:
            self._have(model, plugged)

    def _unet_part(
        self, place: "Placement", family: str, style: str | None, strength: float, *named
    ) -> "Part":
        from perflow_demo.registry import pipelines

        family, source, *added = self._tuning(family, style, strength, *named, None)
        return pipelines.unet_part(family, source, place, style, *added)

    def _check_size(self, place: "Placement", *models: Model, spared: int = 0) -> None:
        """Said before gigabytes are fetched, not after.

        spared: bytes of them, in half precision, that need not be there at the same time.
        """
        from perflow_demo.registry import memory

        half = sum(model.memory_bytes for model in models) - spared
        needed, advice = half * place.dtype.itemsize / 2, "choose a smaller one"
        if place.device == self.placement.device:
            budget, advice = self._budget(), f"{advice} or raise PERFLOW_MEMORY_BUDGET"
        else:
            budget = memory.default_budget(place.device)
        if needed > budget:
            raise OutOfMemory(
                f"{' with '.join(model.title for model in models)} takes about "
                f"{needed / 1e9:.1f} GB and models may take {budget / 1e9:.1f} GB on "
                f"{place.device}; {advice}."
            )
