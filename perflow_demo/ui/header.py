"""The header: name, family and style, device and memory, light or dark."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from perflow_demo.errors import BadRequest, UserError
from perflow_demo.tasks import libraries
from perflow_demo.tasks.table import TASKS
from perflow_demo.ui import caption, controls, events

RECEIVERS = ("refine", "multiview", "to_3d")  # tabs that take pictures of others
BRAND = '<h1 class="brand">PeRFlow <span>demo</span></h1>'
SWITCH = (
    '<button type="button" class="theme-switch" data-theme-switch'
    ' aria-label="Switch between light and dark" title="Light or dark">'
    '<svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">'
    '<circle cx="12" cy="12" r="8.5" fill="none" stroke="currentColor" stroke-width="1.6"/>'
    '<path d="M12 3.5a8.5 8.5 0 0 1 0 17z" fill="currentColor"/></svg></button>'
)


@dataclass(frozen=True)
class Header:
    """What the tabs share: the registry, the selectors and the chip beside them.

    handed: for the name of each tab that takes pictures of others, those on their way to it: their
    files, and a word that makes them differ from the last, so that a picture can be sent again.
    """

    registry: object
    family: gr.Dropdown
    style: gr.Dropdown
    chip: gr.HTML
    handed: dict[str, gr.State]

    @property
    def receivers(self) -> dict[str, str]:
        """Titles of the tabs that take pictures of others, by name."""
        return {name: TASKS[name].title for name in self.handed}

    def hand(self, files: Sequence[str], name: str) -> dict:
        """What to set, by component, to send files which gradio serves to the tab of that name."""
        if name not in self.handed:
            raise BadRequest(f"There is no tab {name!r} to send a picture to.")
        return {self.handed[name]: (tuple(files), secrets.token_hex(4))}

    def tell_cost(self, used: Callable[..., Any]) -> None:
        """Say here what a tab's own model takes, where it is a published one.

        used: the chosen family → the row of that model, or None where there is none.
        """

        @events.quiet
        def told(name: str) -> dict:
            model = used(self.registry.family(name))
            published = model is not None and model.repository is not None
            words = caption.said(f"{model.title}: {cost(model)}", "note") if published else ""
            return gr.update(value=words, visible=published)

        line = controls.markup(visible=False)
        # A recipe opened in a tab may change the family.
        self.family.change(told, self.family, line, **events.AT_ONCE)


def build(registry) -> Header:
    """The header, inside an open `gr.Blocks`."""
    families = registry.families()
    plain = {"show_label": False, "min_width": 100}
    named = registry.names_repositories  # then it can be typed in: org/name
    with gr.Row(elem_id="header"):
        controls.markup(BRAND, elem_classes="brand-box")
        titles = [(family.title, family.name) for family in families]
        family = gr.Dropdown(
            titles,
            value=families[0].name,
            label="Family",
            elem_classes=["selector", "family"],
            filterable=named,
            allow_custom_value=named,
            **plain,
        )
        style = gr.Dropdown(
            styles_of(families[0]),
            value="",
            label="Style",
            elem_classes=["selector", "style"],
            filterable=False,
            **plain,
        )
        chip = controls.markup(resident(registry), elem_classes="chip-box")
        controls.markup(SWITCH, elem_classes="switch-box")
    family.input(_tell_cost(registry), family, None, **events.MAY_FAIL)
    # A recipe opened in a tab may change the family, and brings its style along.
    styled = _styled(registry)
    family.change(styled, [family, style], style, **events.AT_ONCE)
    taking = (name for name in RECEIVERS if TASKS[name].ready(registry))
    handed = {name: gr.State(None) for name in taking}
    return Header(registry, family, style, chip, handed)


def cost(model) -> str:
    """What to know before a model is first used: its licence, and what it takes."""
    known = [model.licence]
    if model.download_bytes:
        known.append(f"about {model.download_bytes / 1e9:.1f} GB fetched when first used")
    if model.memory_bytes:
        known.append(f"{model.memory_bytes / 1e9:.1f} GB in memory")
    return ", ".join(known) + "."


def _tell_cost(registry) -> Callable:
    @events.explained
    def tell(name: str) -> None:
        family = registry.family(name)
        gr.Info(cost(family), title=family.title, duration=8)

    return tell


def _styled(registry) -> Callable:
    @events.quiet
    def styled(name: str, style: str) -> dict:
        family = registry.family(name)
        kept = style if family.style(style) else ""
        return gr.update(choices=styles_of(family), value=kept)

    return styled


def styles_of(family) -> list[tuple[str, str]]:
    """(title, name) of what a family can draw in; its base has the empty name."""
    return [("Base", ""), *((style.title, style.name) for style in family.styles)]


def resident(registry) -> str:
    """The chip: the device, and the memory that models take there."""
    # Asking for the device takes torch, which the page itself does without.
    if not libraries.are_there():
        return _chip("idle", "Models load on first use")
    try:
        status = registry.status()
    except UserError as error:
        return _chip("failed", str(error))
    device = status.device.upper().replace("CUDA", "GPU")
    return _chip("ready", f"{device} · {status.dtype} · {status.bytes / 1e6:.0f} MB")


def prepared(registry) -> str:
    """The chip, once the libraries are there: whoever is still typing need not wait for them."""
    libraries.load()
    return resident(registry)


def _chip(state: str, text: str) -> str:
    title = "Device, precision and memory of the loaded models"
    return f'<p class="chip" data-state="{state}" title="{title}">{escape(text)}</p>'
