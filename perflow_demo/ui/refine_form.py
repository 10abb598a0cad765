"""The Refine tab's controls as a request, and what a picture's file brings into them."""

from dataclasses import dataclass
from typing import Any, ClassVar

import gradio as gr

from perflow_demo.errors import BadRequest
from perflow_demo.export import png
from perflow_demo.tasks.refine import DRAWN_WITH, RefineRequest, drawn_with, resolve
from perflow_demo.tasks.text_to_image import TextToImageRequest
from perflow_demo.ui import controls
from perflow_demo.ui.form import FamilyForm, offered
from perflow_demo.ui.header import Header, styles_of

Chosen = str | TextToImageRequest  # a picture's file, or the recipe it is drawn by


@dataclass(frozen=True)
class RefineForm(FamilyForm):
    """The controls of the tab."""

    own: ClassVar[tuple[str, ...]] = ("steps", "guidance_scale", "negative_prompt", "fidelity")

    def request(self, chosen: Chosen, *values) -> RefineRequest:
        """The request that values of `inputs` stand for on a picture; raises BadRequest."""
        return RefineRequest(source=source_of(chosen), **self.asked(*values))

    def defaults(self, name: str):
        return self.registry.refiner(name).defaults

    def filled(self, request: RefineRequest) -> dict[str, Any]:
        """Values to be brought that ask for this request again; raises BadRequest."""
        family = offered(self.registry, request)
        style = gr.update(choices=styles_of(family), value=request.style or "")
        request, _ = resolve(request, family, self.registry.refiner(family.name), pictured=True)
        return request.model_dump(exclude={"source"}) | {"style": style}

    def known(self, file: str, family: str) -> tuple[str, dict[str, Any], bool]:
        """What a file's recipe says of it; values to be brought; whether it can be drawn again.

        A drawn picture brings its words and weights, a refined one all settings it was refined
        with. family: the chosen one.
        """
        drawn = png.find_recipe(file, TextToImageRequest)
        if drawn:
            words = f"Drawn of “{drawn.prompt}”, seed {drawn.seed}, "
            return words, {"prompt": drawn.prompt} | self._weights(drawn, family), False
        refined = png.find_recipe(file, RefineRequest)
        if refined is None:
            return "", {}, False
        try:
            values = self.filled(refined)
        except BadRequest:
            return "Refined before by what is not here, ", {}, False
        words = f"Refined with seed {refined.seed}, its settings are back, "
        return words, values, refined.source is not None

    def _weights(self, drawn: TextToImageRequest, family: str) -> dict[str, str | None]:
        try:
            offered(self.registry, drawn)
        except BadRequest:
            return dict.fromkeys(DRAWN_WITH)
        return dict.fromkeys(DRAWN_WITH) | drawn_with(drawn, family)


def source_of(chosen: Chosen | None) -> TextToImageRequest | None:
    """The recipe that a picture was drawn by, where it has one."""
    return png.find_recipe(chosen, TextToImageRequest) if isinstance(chosen, str) else chosen


def build(fields: dict, header: Header, prompt: gr.Textbox) -> RefineForm:
    """The controls below the prompt: those that matter, the others folded away."""
    registry = header.registry
    defaults = registry.refiners()[0].defaults
    size = controls.choice(fields["to"], list(fields["to"].choices), value=defaults.size)
    strength = controls.slider(fields["strength"], step=0.05)
    fidelity = controls.slider(fields["fidelity"], value=defaults.fidelity, step=0.05)
    seed, keep = controls.seed(fields["seed"])
    with gr.Accordion("Advanced", open=False):
        steps = controls.slider(fields["steps"], value=defaults.steps)
        guidance = controls.slider(fields["guidance_scale"], value=defaults.guidance_scale)
        negative = controls.text(fields["negative_prompt"], value=defaults.negative_prompt)
        acceleration = controls.choice(fields["acceleration"], controls.KINDS)
        split = controls.windows(fields["windows"])
        delta = controls.picked(fields["delta"], registry.deltas())
        lora = controls.text(fields["lora"])
    made = {
        "prompt": prompt,
        "negative_prompt": negative,
        "family": header.family,
        "style": header.style,
        "acceleration": acceleration,
        "to": size,
        "strength": strength,
        "fidelity": fidelity,
        "steps": steps,
        "guidance_scale": guidance,
        "seed": seed,
        "windows": split,
        "delta": delta,
        "lora": lora,
    }
    form = RefineForm(made, keep, registry, gr.State(registry.families()[0].name))
    form.follow()
    return form
