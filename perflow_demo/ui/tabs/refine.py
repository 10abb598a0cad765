"""The Refine tab: a dropped or received picture becomes a larger one, compared with a slider."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from html import escape
from pathlib import Path

import gradio as gr

from perflow_demo.errors import BadRequest, UserError
from perflow_demo.export import png
from perflow_demo.models.catalogue import REFINERS
from perflow_demo.tasks.contract import Loading, Stage, Step
from perflow_demo.tasks.enlarging import LARGEST, check
from perflow_demo.tasks.picture import open_picture
from perflow_demo.tasks.refine import RefineRequest, RefineResult, drawn_with
from perflow_demo.tasks.text_to_image import TextToImageRequest
from perflow_demo.ui import caption, compared, controls, events, history, refine_form, run
from perflow_demo.ui.compared import Seen
from perflow_demo.ui.header import Header
from perflow_demo.ui.refine_form import Chosen, RefineForm, source_of
from perflow_demo.ui.runs import STOPPED, Runs

EMPTY = "Choose a picture, or drop or paste one anywhere, and press Enter."
NO_PICTURE = "There is no picture yet; choose one, or drop it anywhere on the page."
REDRAW = (
    '<div class="actions"><button type="button" class="action" data-event="again"'
    ' title="Draw the picture that this was made of, and refine that with the settings below">'
    "Make it again</button></div>"
)
UNCHANGED = gr.skip()
BEFORE = 1024  # pixels along the longer side of what the slider shows until there is a result


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
            slider = gr.ImageSlider(
                label="Before and after",
                show_label=False,
                type="filepath",
                interactive=False,
                height=560,
                max_height=560,
                buttons=["fullscreen"],
                elem_classes="compare",
            )
            said = controls.markup(caption.words("empty", EMPTY), "send", "again", "show")
        with gr.Column(elem_classes="set"):
            form = refine_form.build(fields, header, prompt)
            header.tell_cost(lambda family: REFINERS.get(family.refiner))
        past = history.build(task)
    # What is to be refined, some Chosen, what there is to see, Seen, and the seed of the run that
    # has just ended: only the server writes them, so no path is a request's.
    chosen, seen, used = gr.State(()), gr.State(None), gr.State(None)
    runs, queued = Runs(), events.on_device(place)
    refine, asked = _refine(task, form, header, runs), [chosen, *form.inputs, seen]
    shown = [slider, said, used, seen, past.latest]
    looked = [chosen, slider, said, seen, *form.refilled]
    look, beside = _look(form), [chosen, *form.inputs]
    started = gr.on([*form.entered, generate.click], refine, asked, shown, **queued)
    received = events.received(header.handed[task.name], task.title, looked, look, beside)
    sent = received.then(refine, asked, shown, **queued, **events.LATEST)
    redrawn = said.again(_redraw, chosen, chosen, **events.MAY_FAIL)
    again = redrawn.success(refine, asked, shown, **queued)
    said.send(_hand_over(header), seen, [*header.handed.values()], **events.MAY_FAIL)
    said.show(_another, seen, [slider, said, seen], **events.MAY_FAIL)
    going, stopped = [started, sent, again], partial(_instead, "stopped", STOPPED)
    runs.wire(going, stop, [slider, said], stopped, header, page, (seen,))
    form.wire(page, going, used)
    reopened = past.wire(page, going, partial(_reopened, form), looked)
    uploaded = given.upload(
        lambda file, *values: look((file,), *values), [given, *beside], looked, **events.MAY_FAIL
    )
    for refilled in (uploaded, reopened):
        events.then_enter_runs(refilled)
    asked_for = _started(task, header.registry)
    events.publish(task, asked_for, lambda result: [compared.file_of(result)], pictured=True)


def _look(form: RefineForm) -> Callable:
    """What is shown of files that were chosen, or of pictures of another tab."""

    def look(files: Sequence[str], before: Sequence[Chosen], *values) -> list:
        """The files, both sides of the slider, what they are, all there is to see, the settings."""
        file, *others = files
        try:
            picture = open_picture(file)
            check(picture.size, LARGEST)
        except UserError as error:
            failed = caption.words("failed", str(error))
            return [gr.skip(), gr.skip(), failed, gr.skip(), *form.brought({})]
        pair = (compared.kept(compared.small(picture, (BEFORE, BEFORE))),) * 2
        now = form.asked(*values)
        words, brought, redrawn = form.known(file, now["family"])
        earlier = source_of(before[0]) if before else None
        if not brought and earlier and earlier.prompt == now["prompt"]:
            brought = {"prompt": ""}  # the words are of another picture
        words += f"{picture.width} × {picture.height} px"
        least = _least(picture.size)
        if brought.get("to", now["to"]) < least:
            words, brought = f"{words}, so size is {least} now", brought | {"to": least}
        words += f", and {len(others)} more" if others else ""
        words += f". Press Enter to refine {'them' if others else 'it'}."
        said = caption.words("chosen", words, REDRAW if redrawn else "")
        return [tuple(files), pair, said, Seen(pair), *form.brought(brought)]

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
    drawn = (request.source,) if request.source else ()
    return [drawn, None, said, None, *form.brought(form.filled(request))]


@events.explained
def _redraw(chosen: Sequence[Chosen]) -> Sequence[Chosen]:
    """The recipe of the picture that a refined one, whose file was chosen, was made of."""
    file = chosen[0] if chosen else None
    refined = png.find_recipe(file, RefineRequest) if isinstance(file, str) else None
    if refined is None or refined.source is None:
        raise BadRequest("This picture is no longer here; choose it once more.")
    return (refined.source,)


def _refine(task, form: RefineForm, header: Header, runs: Runs) -> Callable:
    """The run of the page: slider, words, seed, what there is to see, entries of the history."""

    def views(chosen: Sequence[Chosen], *values) -> Iterator[list]:
        yield [UNCHANGED, caption.busy("Starting …", 0, 1), None, UNCHANGED, []]
        if not chosen:
            raise BadRequest(NO_PICTURE)
        made, entries = [], []
        for one, request in [(one, form.request(one, *values)) for one in chosen]:
            rest = compared.strip(made)
            which = f"Picture {len(made) + 1} of {len(chosen)}. " if len(chosen) > 1 else ""
            picture = open_picture(one) if isinstance(one, str) else None
            result = yield from _watched(task, request, header, picture, which, rest)
            made.append(compared.result(result, header))
            entries.insert(0, history.entry(result.request, result.picture))
            seen = made[-1].among(made if len(chosen) > 1 else ())
            words = caption.words("done", "", seen.rest)
            if len(made) < len(chosen):
                words = caption.busy(f"{which}Done.", 1, 1, seen.rest)
            yield [seen.pair, words, {"seed": result.request.seed}, seen, entries]

    # Called `refine` it would take that name from the API.
    def show(visitor: gr.Request, *values) -> Iterator[list]:
        *values, before = values

        def failed(sentence: str) -> list:
            return [*_instead("failed", sentence, before), None, UNCHANGED, UNCHANGED]

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


def _watched(
    task, request: RefineRequest, header: Header, picture, which: str, rest: str
) -> Generator[list, None, RefineResult]:
    """Values of the tab's outputs after each event, and the result; closing it stops the run.

    picture: None where it is drawn first. which: said before how far it is. rest: what stays below.
    """
    with closing(run.paced(task.stream(request, header.registry, picture=picture))) as told:
        for event in told:
            if isinstance(event, RefineResult):
                return event
            if isinstance(event, Stage):
                picture = event.picture
            elif isinstance(event, Step):
                words = f"{'Step' if picture else 'Drawing: step'} {event.number} of {event.of}"
                pair = compared.previewed(picture, event.frame.picture) if event.frame else None
                yield _said(caption.busy(which + words, event.number, event.of, rest), pair)
            elif isinstance(event, Loading):
                words = which + caption.loading(event)
                yield _said(caption.busy(words, event.bytes_done, event.bytes_total or 1, rest))


def _said(words: str, pair: tuple[str, str] | None = None) -> list:
    """Values of the tab's outputs between two results."""
    return [pair or UNCHANGED, words, None, UNCHANGED, UNCHANGED]


@events.explained
def _another(seen: Seen | None, event: gr.EventData) -> list:
    """Slider, words and what there is to see of another picture of the same run."""
    other = compared.another(seen, event.index)
    return [other.pair, caption.words("done", "", other.rest), other]


def _hand_over(header: Header) -> Callable:
    @events.explained
    def hand_over(seen: Seen | None, event: gr.EventData) -> dict:
        if seen is None or seen.file is None:
            raise BadRequest(compared.GONE)
        return header.hand([seen.file], event.to)

    return hand_over
