"""The Refine tab: a dropped or received picture becomes a larger one, compared with a slider."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import gradio as gr

from perflow_demo.errors import BadRequest, UserError
from perflow_demo.export import png
from perflow_demo.models.catalogue import REFINERS
from perflow_demo.tasks.contract import Loading, Stage, Step
from perflow_demo.tasks.enlarging import LARGEST, check, flatten
from perflow_demo.tasks.picture import open_picture
from perflow_demo.tasks.refine import RefineRequest, RefineResult, drawn_with
from perflow_demo.tasks.text_to_image import TextToImageRequest
from perflow_demo.ui import caption, controls, events, history, refine_form, run
from perflow_demo.ui.header import Header
from perflow_demo.ui.refine_form import Chosen, RefineForm, source_of
from perflow_demo.ui.runs import STOPPED, Runs
from perflow_demo.ui.stage import send

EMPTY = "Choose a picture, or drop or paste one anywhere, and press Enter."
NO_PICTURE = "There is no picture yet; choose one, or drop it anywhere on the page."
REDRAW = (
    '<div class="actions"><button type="button" class="action" data-event="again"'
    ' title="Draw the picture that this was made of, and refine that with the settings below">'
    "Make it again</button></div>"
)
UNCHANGED = gr.skip()
BEFORE = 1024  # pixels along the longer side of what the slider shows until there is a result


@dataclass(frozen=True)
class Seen:
    """What there is between two runs: both sides of the slider, the words below, the result."""

    pair: tuple[str, str]
    rest: str = ""
    file: str | None = None


def build(task, header: Header, page: gr.Blocks) -> None:
    """Lay out the tab and wire it; task: its row in the table of tasks."""
    fields = task.request.controls()
    with gr.Row(elem_classes="task solid"):
        with gr.Column(elem_classes="ask"):
            prompt = controls.prompt(fields["prompt"], "What the picture shows, if you like")
            with gr.Row(elem_classes="go"):
                generate = gr.Button("Refine", variant="primary", elem_classes="generate")
                stop = gr.Button("Stop", elem_classes="stop")
            given = gr.UploadButton("Choose a picture", elem_classes="reader")
        with gr.Column(elem_classes="show"):
            place = controls.markup('<p role="status"></p>', elem_classes="place")
            compared = gr.ImageSlider(
                label="Before and after",
                show_label=False,
                type="filepath",
                interactive=False,
                height=560,
                max_height=560,
                buttons=["fullscreen"],
                elem_classes="compare",
            )
            said = controls.markup(caption.words("empty", EMPTY), "send", "again")
        with gr.Column(elem_classes="set"):
            form = refine_form.build(fields, header, prompt)
            header.tell_cost(lambda family: REFINERS.get(family.refiner))
        past = history.build(task)
    # What is to be refined, Chosen, what there is to see, Seen, and the seed of the run that has
    # just ended: only the server writes them, so no path is a request's.
    chosen, seen, used = gr.State(None), gr.State(None), gr.State(None)
    runs, queued = Runs(), events.on_device(place)
    refine, asked = _refine(task, form, header, runs), [chosen, *form.inputs, seen]
    shown = [compared, said, used, seen, past.latest]
    looked = [chosen, compared, said, seen, *form.refilled]
    look, beside = _look(form), [chosen, *form.inputs]
    started = gr.on([*form.entered, generate.click], refine, asked, shown, **queued)
    received = events.received(header.handed[task.name], task.title, looked, look, beside)
    sent = received.then(refine, asked, shown, **queued, **events.LATEST)
    redrawn = said.again(_redraw, chosen, chosen, **events.MAY_FAIL)
    again = redrawn.success(refine, asked, shown, **queued)
    said.send(_hand_over(header), seen, [*header.handed.values()], **events.MAY_FAIL)
    going, stopped = [started, sent, again], partial(_instead, "stopped", STOPPED)
    runs.wire(going, stop, [compared, said], stopped, header, page, (seen,))
    form.wire(page, going, used)
    reopened = past.wire(page, going, partial(_reopened, form), looked)
    for refilled in (given.upload(look, [given, *beside], looked, **events.MAY_FAIL), reopened):
        events.then_enter_runs(refilled)
    asked_for = _started(task, header.registry)
    events.publish(task, asked_for, lambda result: [_file(result)], pictured=True)


def _look(form: RefineForm) -> Callable:
    """What is shown of a file that was chosen."""

    def look(file: str, before: Chosen | None, *values) -> list:
        """The file, both sides of the slider, what it is, all there is to see, the settings."""
        try:
            picture = open_picture(file)
            check(picture.size, LARGEST)
        except UserError as error:
            failed = caption.words("failed", str(error))
            return [gr.skip(), gr.skip(), failed, gr.skip(), *form.brought({})]
        pair = (_kept(_small(picture, (BEFORE, BEFORE))),) * 2
        now = form.asked(*values)
        words, brought, redrawn = form.known(file, now["family"])
        earlier = source_of(before)
        if not brought and earlier and earlier.prompt == now["prompt"]:
            brought = {"prompt": ""}  # the words are of another picture
        words += f"{picture.width} × {picture.height} px"
        least = _least(picture.size)
        if brought.get("to", now["to"]) < least:
            words, brought = f"{words}, so size is {least} now", brought | {"to": least}
        words += ". Press Enter to refine it."
        said = caption.words("chosen", words, REDRAW if redrawn else "")
        return [file, pair, said, Seen(pair), *form.brought(brought)]

    return look


def _least(size: tuple[int, int]) -> int:
    """The smallest that a picture of this size, LARGEST at most, can be refined to."""
    sizes = RefineRequest.controls()["to"].choices
    return next(to for to in sizes if to >= min(size))


def _reopened(form: RefineForm, request: RefineRequest, small: str) -> list:
    """As of `look`, of an entry of the history, whose picture is not here unless it can be drawn.

    small: its thumbnail's address.
    """
    words = "Settings are back. Choose the picture that was refined."
    if request.source:
        words = "Settings are back. Enter draws the picture and refines it again."
    picture = f'<img src="{escape(small)}" alt="Small picture of an earlier result">'
    said = caption.words("reopened", words, f'<div class="made-of">{picture}</div>')
    return [request.source, None, said, None, *form.brought(form.filled(request))]


@events.explained
def _redraw(chosen: Chosen | None) -> TextToImageRequest:
    """The recipe of the picture that a refined one, whose file was chosen, was made of."""
    refined = png.find_recipe(chosen, RefineRequest) if isinstance(chosen, str) else None
    if refined is None or refined.source is None:
        raise BadRequest("This picture is no longer here; choose it once more.")
    return refined.source


def _refine(task, form: RefineForm, header: Header, runs: Runs) -> Callable:
    """The run of the page: slider, words, seed, what there is to see, entries of the history."""

    def views(chosen: Chosen | None, *values) -> Iterator[list]:
        if chosen is None:
            raise BadRequest(NO_PICTURE)
        picture = open_picture(chosen) if isinstance(chosen, str) else None
        yield _said(caption.busy("Starting …", 0, 1))
        yield from _watched(task, form.request(chosen, *values), header, picture)

    # Called `refine` it would take that name from the API.
    def show(visitor: gr.Request, *values) -> Iterator[list]:
        *values, before = values

        def failed(sentence: str) -> list:
            return [*_instead("failed", sentence, before), None, UNCHANGED, []]

        yield from runs.shown(visitor, views(*values), failed)

    return show


def _instead(state: str, sentence: str, before: Seen | None) -> list:
    """Slider and words of a run without a result: what was there before it, and why it still is."""
    pair, rest = (before.pair, before.rest) if before else (gr.skip(), "")
    return [pair, caption.words(state, sentence, rest)]


def _started(task, registry) -> Callable:
    """The run of the API: the events of refining an uploaded picture."""

    def started(request: RefineRequest, file: Path | None) -> Iterator:
        if file is None:
            raise BadRequest("There is no picture to refine; upload one.")
        source = png.find_recipe(file, TextToImageRequest)
        drawn = drawn_with(source, request.family)
        left = {name: it for name, it in drawn.items() if getattr(request, name) is None}
        asked = request.model_copy(update=left | {"source": source})
        return task.stream(asked, registry, previews=False, picture=open_picture(file))

    return started


def _watched(task, request: RefineRequest, header: Header, picture) -> Iterator[list]:
    """Values of the tab's outputs after each event; closing the iterator stops the run.

    picture: None where it is drawn first.
    """
    with closing(run.paced(task.stream(request, header.registry, picture=picture))) as told:
        for event in told:
            if isinstance(event, RefineResult):
                yield _done(event, header)
            elif isinstance(event, Stage):
                picture = event.picture
            elif isinstance(event, Step):
                words = f"{'Step' if picture else 'Drawing: step'} {event.number} of {event.of}"
                pair = _pair(picture, event.frame.picture) if event.frame else UNCHANGED
                yield _said(caption.busy(words, event.number, event.of), pair)
            elif isinstance(event, Loading):
                words = caption.loading(event)
                yield _said(caption.busy(words, event.bytes_done, event.bytes_total or 1))


def _pair(picture, frame) -> tuple[str, str]:
    """Both sides of the slider at a preview; picture: what is refined, None while it is drawn."""
    return _kept(_small(picture or frame, frame.size)), _kept(frame)


def _said(words: str, pair: Any = UNCHANGED) -> list:
    """Values of the tab's outputs between two results."""
    return [pair, words, None, UNCHANGED, []]


def _done(result: RefineResult, header: Header) -> list:
    after = _file(result)
    onward = {name: title for name, title in header.receivers.items() if name != "refine"}
    actions = "".join(send(title, name) for name, title in onward.items())
    actions += caption.download(
        run.url_of(after), Path(after).name, "Download", "A PNG with the recipe inside"
    )
    rest = caption.recipe(result.line(), actions) + caption.notes(result.notes)
    seen = Seen((_kept(result.before), after), rest, after)
    used, entry = {"seed": result.request.seed}, history.entry(result.request, result.picture)
    return [seen.pair, caption.words("done", "", rest), used, seen, [entry]]


def _hand_over(header: Header) -> Callable:
    @events.explained
    def hand_over(seen: Seen | None, event: gr.EventData) -> dict:
        if seen is None or seen.file is None:
            raise BadRequest("This picture is no longer here; press Enter to refine it again.")
        return header.hand(seen.file, event.to)

    return hand_over


def _file(result: RefineResult) -> str:
    """Path of the refined picture as PNG with its recipe, where gradio serves it."""
    request = result.request
    name = run.name_of(f"{request.prompt or 'picture'} refined", request.seed)
    return run.kept(png.encode(result.picture, request), name)


def _small(picture, size: tuple[int, int]):
    """The picture inside a box of this size; never larger than it is."""
    small = picture.copy()
    small.thumbnail(size)
    return flatten(small)


def _kept(picture) -> str:
    """Path of a picture as JPEG, where gradio serves it."""
    file = BytesIO()
    picture.save(file, "JPEG", quality=92)
    return run.kept(file.getvalue(), "seen.jpg")
