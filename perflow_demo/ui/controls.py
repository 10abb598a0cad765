"""Controls made from the fields of a Request: title, help, bounds and default come from there.

And markup of our own, where gradio has no control for what is needed.
"""

import json
from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from perflow_demo.tasks.contract import Control
from perflow_demo.ui.events import AT_ONCE

KINDS = [("PeRFlow", "perflow"), ("Teacher", "teacher")]  # of acceleration


def prompt(control: Control, placeholder: str, **options) -> gr.Textbox:
    """The box that Enter sends: one line that grows with its words."""
    return text(
        control,
        lines=1,
        max_lines=8,
        info=None,
        placeholder=placeholder,
        elem_classes="prompt",
        **options,
    )


def text(control: Control, **options) -> gr.Textbox:
    """A text; in one with a single line Enter submits and Shift+Enter breaks the line."""
    made = {"value": control.default, "max_length": int(control.maximum)}
    return gr.Textbox(**made | _words(control, options))


def given(label: str) -> gr.Image:
    """Takes a picture of an object, instead of a prompt, as the file that was chosen."""
    picture = gr.Image(
        label=label,
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard"],
        height=180,
        buttons=[],
        elem_classes="given",
    )
    # gradio would open it first, and has no words for what is no picture: the task has.
    picture.preprocess = lambda chosen: chosen and chosen.path
    return picture


def slider(control: Control, **options) -> gr.Slider:
    """A number between bounds; options may narrow them and give the default a family has."""
    bounds = {"minimum": control.minimum, "maximum": control.maximum, "value": control.default}
    step = 1 if control.kind is int else 0.5
    return gr.Slider(**bounds | {"step": step, "buttons": []} | _words(control, options))


def number(control: Control, **options) -> gr.Number:
    """A number without a slider; checked by the request, so that its sentence is the answer."""
    return gr.Number(precision=0, **_words(control, options))


def seed(control: Control) -> tuple[gr.Number, gr.Checkbox]:
    """A seed with a die beside it, and whether it is kept for the next run."""
    with gr.Row(elem_classes="seed"):
        made = number(control, value=None, placeholder="random", min_width=80)
        die = gr.Button("Throw a seed", elem_classes="die", min_width=40)  # shown as a die
        keep = gr.Checkbox(False, label="Keep", elem_classes="switch", min_width=60)
    # A seed that was typed or thrown is meant to be used, one that was cleared is not.
    made.input(None, made, keep, js="(seed) => Number.isInteger(seed)", **AT_ONCE)
    throw = "() => [Math.floor(Math.random() * 2 ** 32), true]"
    die.click(None, None, [made, keep], js=throw, **AT_ONCE)
    return made, keep


def choice(control: Control, choices: list[tuple[str, Any]] | list, **options) -> gr.Radio:
    """One of a few."""
    return gr.Radio(choices, **{"value": control.default} | _words(control, options))


def picked(control: Control, names: Sequence[str], **options) -> gr.Dropdown:
    """One of the things of one's own, by name, or none; hidden where there is none."""
    choices = [("The family's", ""), *((name, name) for name in names)]
    made = {"value": "", "filterable": False, "visible": bool(names)}
    return gr.Dropdown(choices, **made | _words(control, options))


def switch(control: Control, **options) -> gr.Checkbox:
    """Yes or no."""
    made = {"value": control.default, "elem_classes": "switch", "min_width": 60}
    return gr.Checkbox(**made | _words(control, options))


def chips(prompts: Sequence[str]) -> gr.HTML:
    """Prompts to be tried at a click, which raises the event `example` with its `prompt`."""
    buttons = "".join(
        '<button type="button" class="chip-example" data-event="example"'
        f' data-detail="{escape(json.dumps({"prompt": words}))}">{escape(words)}</button>'
        for words in prompts
    )
    return markup(
        f'<div class="examples" role="group" aria-label="Examples">{buttons}</div>', "example"
    )


def windows(control: Control) -> gr.Radio:
    """In how many time windows PeRFlow runs; 0 stands for as many as it was trained with."""
    splits = [("As trained", 0), *((str(n), n) for n in control.choices)]
    return choice(control, splits, value=0)


def markup(value: str = "", *events: str, **options) -> gr.HTML:
    """HTML as it stands; an element in it with data-event raises that event with its data-detail.

    events: the names that may be raised, each then a listener of the component.
    """
    return gr.HTML(value, js_on_load=_raises(events), apply_default_css=False, **options)


def _raises(events: tuple[str, ...]) -> str:
    names = ", ".join(f'"{event}"' for event in events)
    return f"""
    const events = [{names}];
    element.addEventListener("click", (click) => {{
      const target = click.target.closest("[data-event]");
      const busy = target?.dataset.event === "example" && perflow.busy();
      if (target && events.includes(target.dataset.event) && !busy)
        trigger(target.dataset.event, JSON.parse(target.dataset.detail || "{{}}"));
    }});
    """


def _words(control: Control, options: dict) -> dict:
    return {"label": control.title, "info": control.help} | options
