"""The last results of this browser: recipes and small pictures, kept by the browser itself."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.events import Dependency

from perflow_demo.errors import BadRequest
from perflow_demo.tasks.contract import Request
from perflow_demo.ui import controls, events
from perflow_demo.ui.stage import jpeg_url

if TYPE_CHECKING:
    from PIL.Image import Image

LENGTH = 24
THUMBNAIL = 144
PICTURE = "data:image/jpeg;base64,"


@dataclass(frozen=True)
class Past:
    """The last results of a tab, below it.

    latest: the entry of the run that has just ended, in a list; empty while one goes on or where
    it failed. Only the server writes it.
    """

    strip: gr.HTML
    memory: gr.BrowserState
    latest: gr.State

    def wire(self, page: gr.Blocks, runs: Sequence[Dependency]) -> None:
        """Remember what `runs` made, and show it."""
        for run in runs:
            # Of the history as it is then: it may have been cleared during the run.
            run.success(remember, [self.latest, self.memory], self.memory, **events.AT_ONCE)
        self.strip.forget(list, None, self.memory, **events.AT_ONCE)
        shown = [page.load, self.memory.change]
        gr.on(shown, panel, self.memory, self.strip, **events.AT_ONCE)

    def reopened(
        self,
        kind: type[Request],
        filled: Callable[..., list],
        outputs: Sequence[Any],
        beside: Sequence[Any] = (),
    ) -> Dependency:
        """A result that is picked fills the outputs.

        filled: its request, its small picture and values of `beside` → values of `outputs`.
        """

        @events.explained
        def picked(entries: Any, event: gr.EventData, *values) -> list:
            return filled(*reopen(entries, event.index, kind), *values)

        return self.strip.reopen(picked, [self.memory, *beside], outputs, **events.MAY_FAIL)


def build(name: str) -> Past:
    """The history of the tab of that name, laid out."""
    strip = controls.markup("", "reopen", "forget", elem_classes="past")
    # A fixed key and secret, so that the history outlives a restart of the program.
    memory = gr.BrowserState([], storage_key=f"perflow-{name}", secret="perflow-demo")
    return Past(strip, memory, gr.State([]))


def entry(request: Request, picture: "Image") -> dict:
    """What to remember of a result."""
    return {"recipe": request.model_dump(mode="json"), "thumb": jpeg_url(picture, THUMBNAIL, 80)}


def remember(latest: list[dict], entries: Any) -> list[dict]:
    """The entries with the latest in front, and no more than LENGTH."""
    return [*latest, *_sound(entries)][:LENGTH]


def reopen(entries: Any, index: Any, kind: type[Request]) -> tuple[Request, str]:
    """The request of one entry and its small picture; BadRequest where they cannot be used."""
    entries = _sound(entries)
    if not isinstance(index, int) or not 0 <= index < len(entries):
        raise BadRequest("This result is no longer remembered; reload the page.")
    return kind.model_validate(entries[index]["recipe"]), entries[index]["thumb"]


def panel(entries: Any) -> str:
    """The entries as a strip of buttons; what the browser kept is not trusted."""
    entries = _sound(entries)
    if not entries:
        return ""
    items = "".join(_item(index, entry) for index, entry in enumerate(entries))
    return (
        '<section class="history" aria-label="History"><header><h2>History</h2>'
        '<button type="button" class="quiet" data-event="forget">Clear</button></header>'
        f"<ol>{items}</ol></section>"
    )


def _sound(entries: Any) -> list[dict]:
    """Those of the entries that have the shape they were written in."""
    return [
        entry
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict)
        and isinstance(entry.get("recipe"), dict)
        and str(entry.get("thumb")).startswith(PICTURE)
    ]


def _item(index: int, entry: dict) -> str:
    recipe = entry["recipe"]
    source = recipe.get("source") if isinstance(recipe.get("source"), dict) else {}
    prompt = escape(str(recipe.get("prompt") or source.get("prompt") or "a picture of one’s own"))
    count = recipe.get("count", 1)
    badge = f'<span class="badge">×{escape(str(count))}</span>' if count != 1 else ""
    detail = escape(json.dumps({"index": index}))
    return (
        f'<li><button type="button" data-event="reopen" data-detail="{detail}" title="{prompt}"'
        f' aria-label="Reopen: {prompt}"><img src="{escape(entry["thumb"])}" alt="">{badge}'
        "</button></li>"
    )
