"""The Multiview tab: a prompt or a picture becomes six views of one object."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import gradio as gr

from perflow_demo.errors import BadRequest
from perflow_demo.export import png, views
from perflow_demo.models.catalogue import MULTIVIEW
from perflow_demo.tasks.contract import CUTOUT, PICTURE, Loading, Stage, Step
from perflow_demo.tasks.multiview import MultiviewRequest, MultiviewResult
from perflow_demo.tasks.text_to_image import RANDOM
from perflow_demo.ui import caption, controls, events, history, run, sheet, stage
from perflow_demo.ui.form import FamilyForm, offered
from perflow_demo.ui.header import Header, styles_of
from perflow_demo.ui.runs import STOPPED, Runs

EXAMPLES = ("a vintage car", "a red mushroom", "a bird", "a blue teapot")
KEEP_SECONDS = 3600  # that a cut-out waits for its views to be rolled again
UNCHANGED = [gr.skip(), None, [], gr.skip()]  # place in the queue, seeds, history, what was drawn
FORGOTTEN = "The cut-out is no longer remembered. Press Enter to start again."


@dataclass(frozen=True)
class Drawn:
    """Finished views, and their ZIP as gradio serves it."""

    result: MultiviewResult
    archive: str
    name: str

    def again(self, header: Header, said: str = "", refused: str | None = None) -> str:
        """The stage with them; said: why there are no newer ones. refused: as of `sheet.done`."""
        solid = header.receivers.get("to_3d")
        archive = run.url_of(self.archive)
        return sheet.done(self.result, archive, self.name, solid, said, refused)


@dataclass(frozen=True)
class ViewsForm(FamilyForm):
    """The controls of the tab."""

    own: ClassVar[tuple[str, ...]] = ("steps", "guidance_scale", "variety")

    def defaults(self, name: str):
        return self.registry.multiview_family(self.registry.family(name).multiview).defaults

    def request(self, *values) -> MultiviewRequest:
        """The request that values of `inputs` stand for; raises BadRequest."""
        return MultiviewRequest(**self.asked(*values))


def build(task, header: Header, page: gr.Blocks) -> None:
    """Lay out the tab and wire it; task: its row in the table of tasks."""
    fields = task.request.controls()
    with gr.Row(elem_classes="task"):
        with gr.Column(elem_classes="ask"):
            prompt = controls.prompt(fields["prompt"], "One object in words")
            with gr.Row(elem_classes="go"):
                generate = gr.Button("Generate", variant="primary", elem_classes="generate")
                stop = gr.Button("Stop", elem_classes="stop")
            chips = controls.chips(EXAMPLES)
            picture = controls.given("Or a picture of one object")
        with gr.Column(elem_classes="show"):
            place = controls.markup('<p role="status"></p>', elem_classes="place")
            shown = controls.markup(sheet.empty(), "reroll", "send")
        with gr.Column(elem_classes="set"):
            form = _settings(fields, header, prompt)
            header.tell_cost(lambda family: MULTIVIEW[family.multiview])
            made = gr.UploadButton("Open settings from a view", elem_classes="reader")
        past = history.build(task)
    # What is on the stage, or was: a Drawn; and the seeds of the run that has just ended.
    drawn, used = gr.State(None, time_to_live=KEEP_SECONDS), gr.State(None)
    runs = Runs()
    outputs = [shown, place, used, past.latest, drawn]
    queued = events.on_device(place)
    asked = [*form.entered, generate.click]
    draw, reroll = (make(task, form, header, runs) for make in (_draw, _reroll))
    inputs = [*form.inputs, picture, drawn]
    started = gr.on(asked, draw, inputs, outputs, **queued)
    again = shown.reroll(reroll, [*form.inputs, drawn], outputs, **queued)
    received = events.received(header.handed[task.name], task.title, picture)
    pictured = events.one_of(prompt, picture, received)
    sent = pictured.then(draw, inputs, outputs, **queued, **events.LATEST)
    filled = [*form.refilled, picture]
    reopen = _brought(form)
    read = _read(reopen)
    opened = made.upload(read, [made, picture], filled, **events.MAY_FAIL)
    going = [started, again, sent]
    for refilled in (opened, past.wire(page, going, reopen, filled, [picture])):
        events.then_enter_runs(refilled)
    events.run_examples(chips, prompt, picture)
    if "to_3d" in header.handed:
        shown.send(_hand_over(header), drawn, [*header.handed.values()], **events.MAY_FAIL)

    def stopped(before: Drawn | None) -> str:
        return before.again(header, STOPPED) if before else sheet.message("stopped", STOPPED, {})

    runs.wire(going, stop, shown, stopped, header, page, (drawn,))
    form.wire(page, going, used)
    started = _started(task, header.registry)
    events.publish(task, started, lambda result: [_zipped(result)[0]], pictured=True)


def _settings(fields: dict, header: Header, prompt: gr.Textbox) -> ViewsForm:
    """The controls below the prompt: those that matter, the others folded away."""
    registry = header.registry
    defaults = registry.multiview_families()[0].defaults
    steps = controls.slider(fields["steps"], value=defaults.steps)
    guidance = controls.slider(fields["guidance_scale"], value=defaults.guidance_scale)
    seed, keep = controls.seed(fields["seed"])
    with gr.Accordion("Advanced", open=False):
        variety = controls.slider(fields["variety"], value=defaults.variety, step=0.05)
        acceleration = controls.choice(fields["acceleration"], controls.KINDS)
        drawing = controls.number(fields["drawing_seed"], value=None, placeholder="the seed")
        split = controls.windows(fields["windows"])

    made = {
        "prompt": prompt,
        "family": header.family,
        "style": header.style,
        "acceleration": acceleration,
        "steps": steps,
        "guidance_scale": guidance,
        "variety": variety,
        "seed": seed,
        "drawing_seed": drawing,
        "windows": split,
    }
    form = ViewsForm(made, keep, registry, gr.State(header.family.value))
    form.follow()
    return form


def _draw(task, form: ViewsForm, header: Header, runs: Runs) -> Callable:
    """The run of the page: from the prompt, or from the picture where there is one."""

    def draw(visitor: gr.Request, *values) -> Iterator[list]:
        *values, file, before = values
        sources: dict[str, str] = {}

        def views() -> Iterator[list]:
            request, picture = run.pictured(form.request(*values), file)
            events = task.stream(request, header.registry, picture=picture)
            yield from _views(events, header, sources)

        def failed(sentence: str) -> list:
            if before:
                return [before.again(header, sentence, sources.get(PICTURE)), *UNCHANGED]
            return [sheet.message("failed", sentence, sources), *UNCHANGED]

        yield from runs.shown(visitor, views(), failed)

    return draw


def _reroll(task, form: ViewsForm, header: Header, runs: Runs) -> Callable:
    """Other views of the object on the stage, of a seed of their own."""

    def reroll(visitor: gr.Request, *values) -> Iterator[list]:
        *values, drawn = values
        if drawn is None:
            raise gr.Error(FORGOTTEN, title="", print_exception=False)

        def views() -> Iterator[list]:
            request = form.request(*values).model_copy(update={"seed": RANDOM})
            events = task.stream(request, header.registry, earlier=drawn.result)
            yield from _views(events, header, {})

        def failed(sentence: str) -> list:
            return [drawn.again(header, sentence), *UNCHANGED]

        yield from runs.shown(visitor, views(), failed)

    return reroll


def _views(events: Iterator, header: Header, sources: dict[str, str]) -> Iterator[list]:
    """Values of the tab's outputs as a run goes on; closing the iterator stops it."""
    with closing(_watch(events, sources)) as seen:
        for view in seen:
            if isinstance(view, str):
                yield [view, *UNCHANGED]
                continue
            drawn, request = Drawn(view, *_zipped(view)), view.request
            used = {"seed": request.seed, "drawing_seed": _drawing_seed(request)}
            entries = [history.entry(request, view.colours[0])]
            yield [drawn.again(header), gr.skip(), used, entries, drawn]


def _watch(events: Iterator, sources: dict[str, str]) -> Iterator[str | MultiviewResult]:
    """The stage's HTML after each event, then the result; sources: filled with what there is."""
    yield sheet.running(sources, "Starting …")
    work, seen = "Drawing the picture", None
    with closing(run.paced(events)) as told:
        for event in told:
            if isinstance(event, Stage):
                sources[event.name] = sheet.on_white(event.picture)
                work = "Cutting the object out" if event.name == PICTURE else "Drawing the views"
                yield sheet.running(sources, f"{work} …")
            elif isinstance(event, Step):
                if event.frame and CUTOUT in sources:
                    seen = event.frame.picture
                elif event.frame:
                    sources[PICTURE] = stage.frame_url(event.frame)
                words = f"{work}: step {event.number} of {event.of}"
                yield sheet.running(sources, words, event.number, event.of, seen)
            elif isinstance(event, Loading):
                words = caption.loading(event)
                yield sheet.running(sources, words, event.bytes_done, event.bytes_total, seen)
            else:
                yield event


def _drawing_seed(request: MultiviewRequest) -> int | None:
    """What its box shows: nothing where the views' seed drew the picture too, as the next will."""
    own = request.prompt and request.drawing_seed not in (request.seed, RANDOM)
    return request.drawing_seed if own else None


def _brought(form: ViewsForm) -> Callable:
    """What brings the settings of a recipe back."""

    def brought(request: MultiviewRequest, small: str, given: str | None) -> list:
        """Values of `form.refilled` and the picture, which words take the place of.

        `small` is not shown: what is on the stage stays there.
        """
        family = offered(form.registry, request)
        events.want_picture(request, given)
        style = gr.update(choices=styles_of(family), value=request.style or "")
        seeds = {"drawing_seed": _drawing_seed(request)}
        values = form.brought(request.model_dump() | seeds | {"style": style})
        return [*values, None if request.prompt else gr.skip()]

    return brought


def _read(brought: Callable) -> Callable:
    @events.explained
    def read(file: str, given: str | None) -> list:
        return brought(png.read_recipe(file, MultiviewRequest), "", given)

    return read


def _hand_over(header: Header) -> Callable:
    @events.explained
    def hand_over(drawn: Drawn | None, event: gr.EventData) -> dict:
        if drawn is None:
            raise BadRequest(FORGOTTEN)
        request = drawn.result.request
        name = run.name_of(request.subject or "cut-out", request.seed)
        content = png.encode(drawn.result.cutout, request)
        return header.hand([run.kept(content, name)], event.to)

    return hand_over


def _zipped(result: MultiviewResult) -> tuple[str, str]:
    """Path of all of the result's files as a ZIP, where gradio serves it, and the ZIP's name."""
    pages = result.picture, result.cutout, result.normals, result.colours
    content = views.zipped(views.files(result.request, *pages))
    name = run.name_of(result.request.subject or "views", result.request.seed, ".zip")
    return run.kept(content, name), name


def _started(task, registry) -> Callable:
    """The run of the API: the events of drawing the views of words or of an uploaded picture."""

    def started(request: MultiviewRequest, file: Path | None) -> Iterator:
        asked, picture = run.pictured(request, file)
        return task.stream(asked, registry, previews=False, picture=picture)

    return started
