"""The last results of this browser: recipes and small pictures, kept by the browser itself.

All its tabs write them, so each reads them anew when it adds to them (`perflow.remember`).
"""

import json
import secrets
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
class History:
    """The history of a task's tab.

    past: the strip of its entries. latest: those that the run which has just ended adds; the
    browser has to see them, so they are no gr.State.
    """

    task: Any
    past: gr.HTML
    latest: gr.JSON

    def wire(
        self,
        page: gr.Blocks,
        runs: Sequence[Dependency],
        reopened: Callable[..., list],
        shown: Sequence[Any],
        beside: Sequence[Any] = (),
    ) -> Dependency:
        """Remember what `runs` add, and give it back; returns the event that does.

        reopened: an entry's request, its small picture and values of `beside` → values of `shown`.
        """
        key = json.dumps(f"perflow-history-{self.task.name}")
        kept = f"(latest, ...beside) => [perflow.remembered({key}), ...beside]"
        remember = f"(latest) => [perflow.remember({key}, latest, {LENGTH})]"

        @events.explained
        def reopen(entries: Any, event: gr.EventData, *values) -> list:
            return reopened(*find(entries, event.id, self.task.request), *values)

        past, latest = self.past, self.latest
        for run in runs:
            run.success(panel, latest, past, js=remember, **events.AT_ONCE)
        page.load(panel, latest, past, js=kept, **events.AT_ONCE)
        past.forget(None, None, past, js=f"() => perflow.forget({key})", **events.AT_ONCE)
        return past.reopen(reopen, [latest, *beside], shown, js=kept, **events.MAY_FAIL)


def build(task) -> History:
    """The strip, below all else of the tab of a task."""
    past = controls.markup("", "reopen", "forget", elem_classes="past")
    return History(task, past, gr.JSON([], visible=False))


def entry(request: Request, picture: "Image") -> dict:
    """What to remember of a result."""
    recipe, small = request.model_dump(mode="json"), jpeg_url(picture, THUMBNAIL, 80)
    return {"id": secrets.token_hex(8), "recipe": recipe, "thumb": small}


def find(entries: Any, name: Any, kind: type[Request]) -> tuple[Request, str]:
    """The request of the entry of that id and its small picture; BadRequest where it is of no use.

    What the browser kept is not trusted.
    """
    found = next((entry for entry in _sound(entries) if entry["id"] == name), None)
    if found is None:
        raise BadRequest("This result is no longer remembered; reload the page.")
    return kind.model_validate(kind.formerly | found["recipe"]), found["thumb"]


def panel(entries: Any) -> str:
    """The entries as a strip of buttons; of another shape they count as none."""
    entries = _sound(entries)
    if not entries:
        return ""
    items = "".join(map(_item, entries))
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
        and isinstance(entry.get("id"), str)
        and isinstance(entry.get("recipe"), dict)
        and str(entry.get("thumb")).startswith(PICTURE)
    ]


def _item(entry: dict) -> str:
    recipe = entry["recipe"]
    source = recipe.get("source") if isinstance(recipe.get("source"), dict) else {}
    prompt = escape(str(recipe.get("prompt") or source.get("prompt") or "a picture of one’s own"))
    count = recipe.get("count", 1)
    badge = f'<span class="badge">×{escape(str(count))}</span>' if count != 1 else ""
    detail = escape(json.dumps({"id": entry["id"]}))
    return (
        f'<li><button type="button" data-event="reopen" data-detail="{detail}" title="{prompt}"'
        f' aria-label="Reopen: {prompt}"><img src="{escape(entry["thumb"])}" alt="">{badge}'
        "</button></li>"
    )
