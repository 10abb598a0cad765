"""The stage of the Multiview tab as HTML: what views are drawn of, the sheet, the object turned."""

from collections.abc import Mapping, Sequence
from html import escape
from textwrap import shorten
from typing import TYPE_CHECKING

from PIL import Image

from perflow_demo.export.views import DOMAINS, VIEWS, label
from perflow_demo.tasks.enlarging import flatten
from perflow_demo.ui import caption
from perflow_demo.ui.stage import WAITING, jpeg_url, send

if TYPE_CHECKING:
    from perflow_demo.tasks.multiview import MultiviewResult

SIDE = 256
SOURCES = {"picture": "Picture", "cutout": "Cut-out"}


def empty() -> str:
    """Nothing drawn yet."""
    words = "Name one object, or give a picture of it, and press <kbd>Enter</kbd>"
    return _stage("empty", {}, f'<p class="hint"><span>{words}</span></p>')


def running(
    sources: Mapping[str, str],
    words: str,
    number: int = 0,
    of: int = 0,
    seen: Image.Image | None = None,
) -> str:
    """On the way. sources: addresses of what there is so far, by stage; number of `of` steps.

    seen: the twelve as they would be now, in one picture: a row for each domain.
    """
    bar = f'<progress value="{number}" max="{of}"></progress>' if of else "<progress></progress>"
    status = f'<p class="status" role="status">{escape(words)}</p>'
    canvas = _sheet(_parted(seen)) if seen else WAITING
    return _stage("running", sources, canvas + status + bar, busy=True)


def done(
    result: "MultiviewResult",
    archive: str,
    name: str,
    solid: str | None = None,
    said: str = "",
    refused: str | None = None,
) -> str:
    """The twelve pictures. archive: address of the ZIP; name: the file it is saved as.

    solid: title of the tab that makes a mesh of the cut-out, where there is one. said: why there
    are no newer ones. refused: address of the picture that this is said of.
    """
    pages = {
        domain: [jpeg_url(page, SIDE, 92) for page in pictures]
        for domain, pictures in zip(DOMAINS, (result.normals, result.colours), strict=True)
    }
    sources = {"picture": on_white(result.picture), "cutout": on_white(result.cutout)}
    actions = caption.download(
        archive, name, "Download ZIP", "All pictures, the sheet and the cameras"
    )
    actions += (
        '<button type="button" class="action" data-event="reroll"'
        ' title="Other views of the same cut-out">Re-roll views</button>'
    )
    actions += send(solid, "to_3d") if solid else ""
    rest = caption.said(said, "alert")
    if refused:
        rest += f'<div class="made-of"><img src="{escape(refused)}" alt="Not used"></div>'
    rest += caption.recipe(result.line(), actions) + caption.notes(result.notes)
    turned, subject = pages["colours"], result.request.subject
    return _stage("done", sources, _sheet(pages), rest, turned=turned, subject=subject)


def message(state: str, sentence: str, sources: Mapping[str, str]) -> str:
    """One sentence in place of the sheet: the run was stopped, or it failed."""
    role = "alert" if state == "failed" else "status"
    return _stage(state, sources, f'<p class="message" role="{role}">{escape(sentence)}</p>')


def on_white(picture: Image.Image) -> str:
    """A picture or cut-out as a `data:` address."""
    small = picture.copy()
    small.thumbnail((SIDE, SIDE))
    return jpeg_url(flatten(small), SIDE, 88)


def _stage(
    state: str,
    sources: Mapping[str, str],
    canvas: str,
    rest: str = caption.NO_RECIPE,
    *,
    busy: bool = False,
    turned: Sequence[str] = (),
    subject: str | None = None,
) -> str:
    """subject: what the picture was drawn of, if that is known."""
    said = {"picture": f"“{shorten(subject, 36, placeholder=' …')}”"} if subject else {}
    figures = "".join(
        _source(words, sources.get(name), said.get(name, words)) for name, words in SOURCES.items()
    )
    return (
        f'<div class="stage views" data-state="{state}"{" data-busy" if busy else ""}>'
        f'<div class="sources">{figures}{_turn(turned)}</div>'
        f'<div class="canvas">{canvas}</div>{rest}</div>'
    )


def _source(words: str, url: str | None, said: str) -> str:
    picture = f'<img src="{escape(url)}" alt="{words}">' if url else ""
    said = f"<figcaption>{escape(said)}</figcaption>"
    return f'<figure><span class="frame">{picture}</span>{said}</figure>'


def _turn(pages: Sequence[str]) -> str:
    if not pages:
        return '<figure><span class="frame"></span><figcaption>All around</figcaption></figure>'
    return (
        f'<figure><span class="frame"><img class="turned" src="{pages[0]}" alt="front, colours">'
        f'</span><input type="range" min="0" max="{len(pages) - 1}" value="0" data-turn'
        ' aria-label="Turn the object"></figure>'
    )


def _parted(seen: Image.Image) -> dict[str, list[str]]:
    """Addresses of the views in one picture, by domain."""
    side = seen.height // len(DOMAINS)
    boxes = {
        domain: [
            (column * side, row * side, (column + 1) * side, (row + 1) * side)
            for column in range(len(VIEWS))
        ]
        for row, domain in enumerate(DOMAINS)
    }
    return {
        domain: [jpeg_url(seen.crop(box), SIDE, 82) for box in row] for domain, row in boxes.items()
    }


def _sheet(pages: Mapping[str, Sequence[str]]) -> str:
    figures = [
        f'<figure data-domain="{domain}"><img src="{url}" alt="{label(view)}, {domain}">'
        f"<figcaption>{label(view)}, {domain}</figcaption></figure>"
        for domain, urls in pages.items()
        for view, url in zip(VIEWS, urls, strict=True)
    ]
    return f'<div class="sheet">{"".join(figures)}</div>'
