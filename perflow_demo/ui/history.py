"""The last results of this browser: recipes and small pictures, kept by the browser itself."""

import json
from html import escape
from typing import TYPE_CHECKING, Any

from perflow_demo.errors import BadRequest
from perflow_demo.tasks.contract import Request
from perflow_demo.ui.stage import jpeg_url

if TYPE_CHECKING:
    from PIL.Image import Image

LENGTH = 24
THUMBNAIL = 144
PICTURE = "data:image/jpeg;base64,"


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
    prompt = escape(str(entry["recipe"].get("prompt", "")))
    count = entry["recipe"].get("count", 1)
    badge = f'<span class="badge">×{escape(str(count))}</span>' if count != 1 else ""
    detail = escape(json.dumps({"index": index}))
    return (
        f'<li><button type="button" data-event="reopen" data-detail="{detail}" title="{prompt}"'
        f' aria-label="Reopen: {prompt}"><img src="{escape(entry["thumb"])}" alt="">{badge}'
        "</button></li>"
    )
