"""The Image tab's controls as a request, and the defaults and limits a family brings them."""

from dataclasses import dataclass

import gradio as gr

from perflow_demo.tasks.text_to_image import TextToImageRequest, resolve
from perflow_demo.ui import controls, events
from perflow_demo.ui.form import Form, offered
from perflow_demo.ui.header import Header, styles_of


@dataclass(frozen=True)
class ImageForm(Form):
    """The controls of the tab.

    prefix: puts the words that the family's authors use before the prompt.
    always: whether pictures go on to the Refine tab by themselves.
    held: name of the family whose defaults and limits the controls have.
    """

    registry: object
    prefix: gr.Button
    always: gr.Checkbox
    held: gr.State

    @property
    def refilled(self) -> list:
        """What `filled` has values of."""
        return [*self.inputs, self.held]

    def request(self, *values) -> TextToImageRequest:
        """The request that values of `inputs` stand for; raises BadRequest."""
        return TextToImageRequest(**self.asked(*values))

    def reopened(self, request: TextToImageRequest) -> TextToImageRequest:
        """The request of a recipe with nothing left open; BadRequest where it is not for here."""
        return resolve(request, offered(self.registry, request))[0]

    def filled(self, request: TextToImageRequest) -> list:
        """Values of `refilled` that ask for this request, as of `reopened`, again."""
        family, values = self.family(request.family), request.model_dump()
        limits = self.limits(family)
        values["style"], values["delta"] = request.style or "", request.delta or ""
        values["windows"] = request.windows or 0
        for name in limits:
            values[name] = limits[name] | {"value": values[name]}
        return [*values.values(), True, family.name]

    @staticmethod
    def limits(family) -> dict[str, dict]:
        """Updates of the controls whose choices and bounds are a family's own."""
        return {
            "style": gr.update(choices=styles_of(family)),
            "size": gr.update(choices=list(family.sizes), visible=len(family.sizes) > 1),
            "count": gr.update(maximum=family.max_count),
        }

    def switched(self, name: str, acceleration: str, style: str, held: str) -> list | dict:
        """Values of `own` and `held` in another family; raises BadRequest.

        They stay where a recipe has brought them along with the family; the style stays where the
        family has it, since a recipe opened in another tab brings that too.
        """
        if name == held:
            return gr.skip()
        family = self.family(name)
        defaults, limits = family.defaults, self.limits(family)
        return [
            limits["style"] | {"value": style if family.style(style) else ""},
            defaults.steps_of(acceleration),
            defaults.guidance_scale,
            limits["size"] | {"value": defaults.size},
            limits["count"] | {"value": 1},
            defaults.negative_prompt,
            name,
        ]

    @property
    def own(self) -> list:
        """The controls whose values are a family's own."""
        names = ("style", "steps", "guidance_scale", "size", "count", "negative_prompt")
        return [self.fields[name] for name in names]

    def family(self, name: str):
        """The family of that name; raises BadRequest."""
        return self.registry.family(name)

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
        info="Each goes on to the Refine tab by itself; of several, the first.",
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
    form = ImageForm(made, keep, header.registry, prefix, always, gr.State(family.name))
    _wire(form)
    return form


def _wire(form: ImageForm) -> None:
    """Another family or acceleration brings its own defaults and limits."""
    fields = form.fields
    family, acceleration, prompt = fields["family"], fields["acceleration"], fields["prompt"]

    def steps(name: str, acceleration: str) -> int:
        return form.family(name).defaults.steps_of(acceleration)

    def prefixed(name: str, prompt: str) -> str:
        words = form.family(name).prompt_prefix
        return prompt if prompt.startswith(words) else words + prompt

    @events.quiet
    def prefix(name: str) -> dict:
        return gr.update(visible=bool(form.family(name).prompt_prefix))

    form.prefix.click(prefixed, [family, prompt], prompt, **events.AT_ONCE)
    acceleration.input(steps, [family, acceleration], fields["steps"], **events.AT_ONCE)
    # A recipe opened in another tab may change the family too.
    asked = [family, acceleration, fields["style"], form.held]
    held = [*form.own, form.held]
    family.change(events.quiet(form.switched), asked, held, **events.AT_ONCE)
    family.change(prefix, family, form.prefix, **events.AT_ONCE)
