"""What the Refine tab has to show: both sides of its slider, and the results of a run."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from perflow_demo.errors import BadRequest
from perflow_demo.export import png
from perflow_demo.tasks.enlarging import flatten
from perflow_demo.ui import caption, run
from perflow_demo.ui.stage import jpeg_url, send

if TYPE_CHECKING:
    from PIL.Image import Image

    from perflow_demo.tasks.refine import RefineResult
    from perflow_demo.ui.header import Header

THUMBNAIL = 168
GONE = "This picture is no longer here; press Enter to refine it again."


@dataclass(frozen=True)
class Seen:
    """What there is between two runs.

    pair: both sides of the slider, as files. told: the recipe of the result, what can be done with
    it, and notes, as markup. file: of the result. small: its address as a thumbnail. others: all
    results of its run, where that was of several pictures.
    """

    pair: tuple[str, str]
    told: str = ""
    file: str | None = None
    small: str = ""
    others: tuple["Seen", ...] = ()

    @property
    def rest(self) -> str:
        """The words below the slider, after the sentence on the run."""
        return self.told + strip(self.others, self.file)

    def among(self, others: Sequence["Seen"]) -> "Seen":
        """The same, as one of several results of a run."""
        return replace(self, others=tuple(others))


def result(made: "RefineResult", header: "Header") -> Seen:
    """What there is to see of a result, by itself."""
    after = file_of(made)
    onward = {name: it for name, it in header.receivers.items() if name != made.request.task}
    actions = "".join(send(title, name) for name, title in onward.items())
    actions += caption.download(
        run.url_of(after), Path(after).name, "Download", "A PNG with the recipe inside"
    )
    told = caption.recipe(made.line(), actions) + caption.notes(made.notes)
    return Seen((kept(made.before), after), told, after, jpeg_url(made.picture, THUMBNAIL, 82))


def strip(results: Sequence[Seen], current: str | None = None) -> str:
    """A button for each result of a run, which raises the event `show`; current: the one shown."""
    if not results:
        return ""
    items = "".join(
        '<li><button type="button" data-event="show"'
        f' aria-pressed="{json.dumps(seen.file == current)}"'
        f' data-detail="{escape(json.dumps({"index": index}))}"'
        f' aria-label="Show picture {index + 1} of {len(results)}">'
        f'<img src="{seen.small}" alt=""></button></li>'
        for index, seen in enumerate(results)
    )
    return f'<section class="history" aria-label="All pictures"><ol>{items}</ol></section>'


def another(seen: Seen | None, index: object) -> Seen:
    """Another result of the run that `seen` is of; raises BadRequest where there is none."""
    others = seen.others if seen else ()
    if not isinstance(index, int) or not 0 <= index < len(others):
        raise BadRequest(GONE)
    return others[index].among(others)


def previewed(picture: "Image | None", frame: "Image") -> tuple[str, str]:
    """Both sides of the slider at a preview; picture: what is refined, None while it is drawn."""
    return kept(small(picture or frame, frame.size)), kept(frame)


def file_of(made: "RefineResult") -> str:
    """Path of the refined picture as PNG with its recipe, where gradio serves it."""
    request = made.request
    name = run.name_of(f"{request.prompt or 'picture'} refined", request.seed)
    return run.kept(png.encode(made.picture, request), name)


def small(picture: "Image", size: tuple[int, int]) -> "Image":
    """The picture inside a box of this size; never larger than it is."""
    reduced = picture.copy()
    reduced.thumbnail(size)
    return flatten(reduced)


def kept(picture: "Image") -> str:
    """Path of a picture as JPEG, where gradio serves it."""
    file = BytesIO()
    picture.save(file, "JPEG", quality=92)
    return run.kept(file.getvalue(), "seen.jpg")
