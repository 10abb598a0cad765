"""The stage: a square that never jumps, with film strip, recipe line and actions, as HTML.

One function for each state. All of them give the same skeleton, so that the page replaces pictures
and words in place and nothing moves.
"""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from math import ceil, sqrt
from typing import TYPE_CHECKING

from perflow_demo.tasks.contract import Frame, Loading, Step, Timings
from perflow_demo.ui import caption

if TYPE_CHECKING:
    from PIL.Image import Image

Interval = tuple[float, float]

# Previews are decoded from half-size latents: more pixels would show nothing more.
PREVIEW = 256
SHARPENING = (
    '<svg class="emblem" viewBox="0 0 132 30" aria-hidden="true">'
    + "".join(
        f'<circle cx="{15 + 34 * i}" cy="15" r="9" style="filter:blur({blur}px)"/>'
        for i, blur in enumerate((5, 3, 1.2, 0))
    )
    + "</svg>"
)
WAITING = f'<p class="hint waiting">{SHARPENING}</p>'


@dataclass(frozen=True)
class Shown:
    """A finished picture: where the browser gets it, its file's name, its words and its seed."""

    url: str
    name: str
    alt: str
    line: str
    seed: int


@dataclass(frozen=True)
class Finished:
    """The pictures of a run, its film, its notes, and how it came about in one line."""

    pictures: Sequence[Shown]
    film: Sequence[tuple[Interval, str]]
    notes: Sequence[str]
    line: str


def empty(windows: int, example: str | None = None) -> str:
    """Nothing drawn yet; example: address of a picture the program ships."""
    keys = "<small>Esc stops · Ctrl K returns to the prompt</small>"
    words = f"<span>Type a sentence and press <kbd>Enter</kbd>{keys}</span>"
    words = f'<p class="hint">{SHARPENING}{words}</p>'
    picture = _grid([_picture(example, "An example of what can be drawn")]) if example else ""
    return _stage("empty", picture + words, _strip(even(windows)))


def starting(windows: int) -> str:
    """The run has left the queue; nothing is known of it yet."""
    return _stage("running", WAITING + _status("Starting …"), _strip(even(windows)), busy=True)


def loading(event: Loading, windows: int) -> str:
    """A component is being read: what, how many bytes, how far."""
    bar = "<progress></progress>"
    if event.bytes_total:
        bar = f'<progress value="{event.bytes_done}" max="{event.bytes_total}"></progress>'
    canvas = WAITING + _status(caption.loading(event)) + bar
    return _stage("running", canvas, _strip(even(windows)), busy=True)


def running(event: Step, film: Sequence[tuple[Interval, str]], windows: int) -> str:
    """Between two steps: the latest estimate, and how far it is. film: (interval, picture)."""
    canvas = WAITING
    if film:
        canvas = _grid([_picture(film[-1][1], f"Preview after step {event.number}")])
    canvas += _status(f"Step {event.number} of {event.of}")
    canvas += f'<progress value="{event.number}" max="{event.of}"></progress>'
    return _stage("running", canvas, _strip(_planned(film, windows)), busy=True)


def done(run: Finished, windows: int, receivers: Mapping[str, str], said: str = "") -> str:
    """The result; of several pictures one can be picked, which the line and actions then follow.

    receivers: titles of the tabs that a picture can be sent to, by name. said: why there are no
    newer ones.
    """
    pictures, film = run.pictures, run.film
    several = len(pictures) > 1
    cells = [
        _picture(shown.url, shown.alt, film[-1][1] if film and not several else None)
        for shown in pictures
    ]
    if several:
        cells = [
            f'<button type="button" class="pick" data-pick="{i}" aria-pressed="false"'
            f' aria-label="Picture {i + 1} of {len(cells)}">{cell}'
            f'<span class="seed-tag">seed {pictures[i].seed}</span></button>'
            for i, cell in enumerate(cells)
        ]
    cards = [
        _card(str(i), shown.line, _actions(i, shown, receivers), hidden=several)
        for i, shown in enumerate(pictures)
    ]
    if several:
        cards.append(_card("all", run.line, "<small>Pick one to go on with it.</small>"))
    rest = caption.said(said, "alert")
    rest += "".join(cards) + caption.notes(run.notes)
    return _stage("done", _grid(cells), _strip(_planned(film, windows)), rest)


def reopened(thumbnail: str, line: str, windows: int) -> str:
    """A result of the past: its small picture, to be drawn again with the controls it had."""
    canvas = _grid([_picture(thumbnail, "Small picture of an earlier result")])
    canvas += '<p class="hint low">Settings are back. <kbd>Enter</kbd> draws it again</p>'
    return _stage("reopened", canvas, _strip(even(windows)), caption.recipe(line))


def message(state: str, sentence: str, windows: int) -> str:
    """One sentence in place of a picture: the run was stopped, or it failed."""
    role = "alert" if state == "failed" else "status"
    canvas = f'<p class="message" role="{role}">{escape(sentence)}</p>'
    return _stage(state, canvas, _strip(even(windows)))


def recipe_line(request, seeds: Sequence[int], timings: Timings | None = None) -> str:
    """`seed 42 · 4 steps · CFG 4.5 · 0.61 s (text 0.02 · denoise 0.41 · decode 0.18)`."""
    drawn = f"seed {seeds[0]}"
    if len(seeds) > 1:
        drawn = f"{len(seeds)} pictures · seeds {seeds[0]} to {seeds[-1]}"
    words = [drawn, f"{request.steps} steps", f"CFG {request.guidance_scale:g}"]
    if request.acceleration != "perflow":
        words.append(request.acceleration)
    if request.style:
        words.append(request.style)
    if timings is None:
        return " · ".join(words)
    spent = [f"{stage} {getattr(timings, stage):.2f}" for stage in ("text", "denoise", "decode")]
    for stage in ("preview", "load"):
        if getattr(timings, stage) >= 0.05:
            spent.append(f"{stage} {getattr(timings, stage):.2f}")
    return f"{' · '.join(words)} · {timings.total:.2f} s ({' · '.join(spent)})"


def even(windows: int) -> list[tuple[Interval, None]]:
    """The strip before a run: equal windows from 1 to 0, without pictures."""
    return [((1 - i / windows, 1 - (i + 1) / windows), None) for i in range(windows)]


def frame_url(frame: Frame) -> str:
    """A preview small enough to travel inside the page."""
    return jpeg_url(frame.picture, PREVIEW, 82)


def jpeg_url(picture: "Image", size: int, quality: int) -> str:
    """A `data:` address of the picture, reduced to `size` pixels."""
    small = picture.convert("RGB")
    small.thumbnail((size, size))
    file = BytesIO()
    small.save(file, "JPEG", quality=quality)
    return f"data:image/jpeg;base64,{b64encode(file.getvalue()).decode()}"


def _planned(film: Sequence[tuple[Interval, str]], windows: int) -> list:
    return [*film, *even(windows)[len(film) :]]


def _stage(state: str, canvas: str, strip: str, rest: str = "", busy: bool = False) -> str:
    rest = rest or caption.NO_RECIPE
    return (
        f'<div class="stage" data-state="{state}"{" data-busy" if busy else ""}>'
        f'<div class="canvas">{canvas}<img class="peek" alt="" hidden></div>{strip}{rest}</div>'
    )


def _grid(cells: Sequence[str]) -> str:
    columns = ceil(sqrt(len(cells)))
    return f'<div class="grid" style="--columns:{columns}">{"".join(cells)}</div>'


def _picture(url: str, alt: str, until_there: str | None = None) -> str:
    behind = f" style=\"background-image:url('{until_there}')\"" if until_there else ""
    return f'<img class="picture" src="{escape(url)}" alt="{escape(alt)}"{behind}>'


def _status(words: str) -> str:
    return f'<p class="status" role="status">{escape(words)}</p>'


def _strip(film: Sequence[tuple[Interval, str | None]]) -> str:
    frames = []
    for (start, end), url in film:
        times = f"{start:.2f} → {end:.2f}"
        picture = '<span class="frame"></span>'
        if url:
            picture = (
                '<button type="button" class="frame" data-peek'
                f' aria-label="Estimate of window {times}"><img src="{url}" alt=""></button>'
            )
        frames.append(f"<figure>{picture}<figcaption>{times}</figcaption></figure>")
    title = "The picture as estimated at the end of each time window"
    return f'<div class="strip" title="{title}">{"".join(frames)}</div>'


def send(title: str, to: str, index: int = 0, hint: str = "") -> str:
    """A button that raises the event `send`: picture number `index` goes to the tab `to`."""
    detail = escape(json.dumps({"index": index, "to": to}))
    hint = hint or f"Go on with this picture in the {title} tab"
    return (
        f'<button type="button" class="action" data-event="send" data-detail="{detail}"'
        f' title="{hint}">{title}</button>'
    )


def _actions(index: int, shown: Shown, receivers: Mapping[str, str]) -> str:
    detail = escape(json.dumps({"seed": shown.seed}))
    actions = "".join(send(title, name, index) for name, title in receivers.items())
    actions += caption.download(shown.url, shown.name, "Download", "A PNG with the recipe inside")
    return actions + (
        f'<button type="button" class="action" data-event="reuse" data-detail="{detail}"'
        ' title="Keep this seed for the next pictures">Reuse seed</button>'
    )


def _card(name: str, line: str, actions: str, hidden: bool = False) -> str:
    return (
        f'<div class="card" data-card="{name}"{" hidden" if hidden else ""}>'
        f"{caption.recipe(line, actions)}</div>"
    )
