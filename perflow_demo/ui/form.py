"""The controls of a tab as a request."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import gradio as gr
from gradio.events import Dependency

from perflow_demo.errors import BadRequest
from perflow_demo.tasks.text_to_image import RANDOM
from perflow_demo.ui import events

SEEDS = {"seed", "drawing_seed"}
# What components show that have no None.
NOTHING = {"prompt": "", "style": "", "windows": 0, "delta": "", "lora": ""}
# Boxes of one line.
ENTERED = ("prompt", "negative_prompt", "seed", "drawing_seed", "resolution", "faces", "lora")


@dataclass(frozen=True)
class Form:
    """fields: a component for each field of the request that has one; keep: the seed's switch."""

    fields: dict[str, Any]
    keep: gr.Checkbox

    @property
    def inputs(self) -> list:
        """What `asked` reads."""
        return [*self.fields.values(), self.keep]

    @property
    def entered(self) -> list:
        """What Enter raises in boxes of one line."""
        return [self.fields[name].submit for name in ENTERED if name in self.fields]

    def asked(self, *values) -> dict[str, Any]:
        """Fields of the request that values of `inputs` stand for."""
        *values, keep = values
        asked = dict(zip(self.fields, values, strict=True))
        for name in SEEDS & asked.keys():
            if not keep or asked[name] is None:
                asked[name] = RANDOM
        # Components have no None: for these it is no choice, no number and "as trained".
        for name in ("style", "resolution", "faces", "windows"):
            if name in asked:
                asked[name] = asked[name] or None
        return asked

    def brought(self, values: Mapping[str, Any]) -> list:
        """What `inputs` become: those of the fields named here have these values, others stay.

        A seed that is brought is kept.
        """
        shown = {name: NOTHING.get(name) if it is None else it for name, it in values.items()}
        keep = True if "seed" in values else gr.skip()
        return [*(shown.get(name, gr.skip()) for name in self.fields), keep]

    def wire(self, page: gr.Blocks, runs: Sequence[Dependency], used: gr.State) -> None:
        """Wire what is the seeds'. used: of the latest of `runs`, by field; None while one goes on.

        A seed that is typed, thrown or brought back during a run is meant for the next.
        """
        seeds = {name: box for name, box in self.fields.items() if name in SEEDS}

        def settled(used: dict[str, int | None] | None, keep: bool, *shown: int | None) -> dict:
            meant = (keep and seed is not None for seed in shown)
            return {
                box: gr.skip() if used is None or stays else used[name]
                for (name, box), stays in zip(seeds.items(), meant, strict=True)
            }

        boxes = [*seeds.values()]
        for run in runs:
            run.success(settled, [used, self.keep, *boxes], boxes, **events.AT_ONCE)
        for box in self.fields.values():
            # gradio shows a number without a value as 0, which is a seed, and no number of faces.
            if isinstance(box, gr.Number):
                page.load(None, None, box, js="() => null", **events.AT_ONCE)


@dataclass(frozen=True)
class FamilyForm(Form, ABC):
    """Controls some of whose values are a family's own.

    own: names of those. held: name of the family whose values they have.
    """

    own: ClassVar[tuple[str, ...]] = ("steps", "guidance_scale")

    registry: Any
    held: gr.State

    @property
    def refilled(self) -> list:
        """What `brought` has values of."""
        return [*self.inputs, self.held]

    def brought(self, values: Mapping[str, Any]) -> list:
        """As of any form; a family that is brought comes with its settings."""
        return [*super().brought(values), values.get("family", gr.skip())]

    @abstractmethod
    def defaults(self, name: str):
        """Those of the model that the family of that name uses here; raises BadRequest."""

    def usual(self, name: str, acceleration: str) -> dict[str, Any]:
        """Values in the family of that name of `own`, at least; raises BadRequest."""
        defaults = self.defaults(name)
        return {
            "steps": defaults.steps_of(acceleration),
            "guidance_scale": defaults.guidance_scale,
            "negative_prompt": defaults.negative_prompt,
            "fidelity": defaults.fidelity,
            "variety": defaults.variety,
        }

    def switched(self, name: str, acceleration: str, held: str) -> list | dict:
        """Values of `own` and `held` in another family; raises BadRequest.

        They stay where a recipe has brought them along with the family.
        """
        if name == held:
            return gr.skip()
        usual = self.usual(name, acceleration)
        return [*(usual[field] for field in self.own), name]

    def follow(self) -> None:
        """Wire that another family brings its own values, another acceleration its steps."""
        family, acceleration = self.fields["family"], self.fields["acceleration"]

        def steps(name: str, acceleration: str) -> int:
            return self.defaults(name).steps_of(acceleration)

        asked, box = [family, acceleration], self.fields["steps"]
        acceleration.input(events.quiet(steps), asked, box, **events.AT_ONCE)
        # A recipe opened in another tab may change the family too.
        switched = [*(self.fields[field] for field in self.own), self.held]
        family.change(events.quiet(self.switched), [*asked, self.held], switched, **events.AT_ONCE)


def offered(registry, request):
    """The family of a recipe; BadRequest where it, its style or its ΔW is not offered here."""
    family = registry.family(request.family)
    repository = registry.names_repositories and "/" in family.name
    if not repository and family.name not in (known.name for known in registry.families()):
        raise BadRequest(f"This was made by {family.title}, which this page does not offer.")
    if request.style and not family.style(request.style):
        raise BadRequest(f"{family.title} has no style {request.style!r} here; choose another.")
    delta = getattr(request, "delta", None)
    if delta and delta not in registry.deltas():
        raise BadRequest(f"This was drawn with the ΔW {delta!r}, which is not here.")
    return family
