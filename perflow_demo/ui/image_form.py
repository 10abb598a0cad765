"""The Image tab's controls as a request, and the defaults and limits a family brings them."""

from dataclasses import dataclass
from typing import Any, ClassVar

import gradio as gr

from perflow_demo.tasks.text_to_image import TextToImageRequest, resolve
from perflow_demo.ui import controls, events
from perflow_demo.ui.form import FamilyForm, offered
from perflow_demo.ui.header import Header, styles_of


@dataclass(frozen=True)
class ImageForm(FamilyForm):
    """The controls of the tab.

    prefix: puts the words that the family's authors use before the prompt.
    always: whether pictures go on to the Refine tab by themselves.
    """

    own: ClassVar[tuple[str, ...]] = (
        "steps",
        "guidance_scale",
        "size",
        "count",
        "negative_prompt",
    )

    prefix: gr.Button
    always: gr.Checkbox

    def request(self, *values) -> TextToImageRequest:
        """The request that values of `inputs` stand for; raises BadRequest."""
        return TextToImageRequest(**self.asked(*values))

    def reopened(self, request: TextToImageRequest) -> TextToImageRequest:
        """The request of a recipe with nothing left open; BadRequest where it is not for here."""
        return resolve(request, offered(self.registry, request))[0]

    def filled(self, request: TextToImageRequest) -> list:
        """Values of `refilled` that ask for this request, as of `reopened`, again."""
        family, values = self.family(request.family), request.model_dump()
        style = gr.update(choices=styles_of(family), value=request.style or "")
        limits = {name: it | {"value": values[name]} for name, it in self.limits(family).items()}
        return self.brought(values | limits | {"style": style})

    @staticmethod
    def limits(family) -> dict[str, dict]:
        """Updates of the controls whose choices and bounds are a family's own."""
        return {
            "size": gr.update(choices=list(family.sizes), visible=len(family.sizes) > 1),
            "count": gr.update(maximum=family.max_count),
        }

    def family(self, name: str):
        """The family of that name; raises BadRequest."""
        return self.registry.family(name)

    def defaults(self, name: str):
        return self.family(name).defaults

    def usual(self, name: str, acceleration: str) -> dict[str, Any]:
        """As of any form; sizes and counts are such as the family can draw."""
        limits, defaults = self.limits(self.family(name)), self.defaults(name)
        values = {"size": defaults.size, "count": 1}
        limited = {field: it | {"value": values[field]} for field, it in limits.items()}
        return super().usual(name, acceleration) | limited

    def windows(self, request: TextToImageRequest) -> int:
        """How many frames the film strip of this request has."""
        return request.windows or self.family(request.family).num_time_windows


def build(fields: dict, header: Header, prompt: gr.Textbox) -> ImageForm:
    """The controls below the prompt: those that matter, the others folded away."""
    family = header.registry.families()[0]
    defaults = family.defaults
    prefix = gr.Button("Add the family's usual words", visible=bool(family.prompt_prefix))
    with gr.Accordion("Negative prompt", open=False):
        negative = controls.text(
            fields["negative_prompt"],
            value=defaults.negative_prompt,
            lines=1,
            max_lines=8,
            show_label=False,
        )
    steps = controls.slider(fields["steps"], value=defaults.steps)
    guidance = controls.slider(fields["guidance_scale"], value=defaults.guidance_scale)
    seed, keep = controls.seed(fields["seed"])
    always = gr.Checkbox(
        False,
        label="Refine every picture",
        info="Each goes on to the Refine tab by itself.",
        visible="refine" in header.handed,
        elem_classes="switch",
    )
    with gr.Accordion("Advanced", open=False):
        sizes = {"value": defaults.size, "visible": len(family.sizes) > 1}
        size = controls.choice(fields["size"], list(family.sizes), **sizes)
        count = controls.slider(fields["count"], maximum=family.max_count)
        acceleration = controls.choice(fields["acceleration"], controls.KINDS)
        split = controls.windows(fields["windows"])
        strength = controls.slider(fields["strength"], step=0.05)
        delta = controls.picked(fields["delta"], header.registry.deltas())
        lora = controls.text(fields["lora"])
    made = {
        "prompt": prompt,
        "negative_prompt": negative,
        "family": header.family,
        "style": header.style,
        "acceleration": acceleration,
        "steps": steps,
        "guidance_scale": guidance,
        "size": size,
        "count": count,
        "seed": seed,
        "windows": split,
        "strength": strength,
        "delta": delta,
        "lora": lora,
    }
    form = ImageForm(made, keep, header.registry, gr.State(family.name), prefix, always)
    form.follow()
    _offer_prefix(form)
    return form


def _offer_prefix(form: ImageForm) -> None:
    """The button for the words of a family's authors is there where it has some."""
    family, prompt = form.fields["family"], form.fields["prompt"]

    def prefixed(name: str, prompt: str) -> str:
        words = form.family(name).prompt_prefix
        return prompt if prompt.startswith(words) else words + prompt

    @events.quiet
    def prefix(name: str) -> dict:
        return gr.update(visible=bool(form.family(name).prompt_prefix))

    form.prefix.click(prefixed, [family, prompt], prompt, **events.AT_ONCE)
    family.change(prefix, family, form.prefix, **events.AT_ONCE)
