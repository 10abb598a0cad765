"""The 3D tab: a prompt or a dropped picture becomes a mesh to turn, look at and take away."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from perflow_demo.errors import BadRequest
from perflow_demo.export import png
from perflow_demo.models.catalogue import SOLIDS
from perflow_demo.tasks.contract import CUTOUT, PICTURE, Loading, Phase, Stage, Step
from perflow_demo.tasks.enlarging import flatten
from perflow_demo.tasks.meshing import STAGES
from perflow_demo.tasks.text_to_image import RANDOM
from perflow_demo.tasks.to_3d import To3DRequest, To3DResult
from perflow_demo.ui import caption, controls, events, history, run
from perflow_demo.ui.form import Form, offered
from perflow_demo.ui.header import Header, styles_of
from perflow_demo.ui.runs import STOPPED, Runs
from perflow_demo.ui.stage import jpeg_url, send

EXAMPLES = ("a red mushroom", "a yellow mug", "a blue teapot", "a gift box with a bow")
EMPTY = "Type a thing and press Enter, or drop a picture of one."
PAPER = (0.965, 0.965, 0.965, 1.0)
# Degrees around and from above, and the distance: the front, from a little above.
CAMERA = (90, 78, None)
MADE_OF = {PICTURE: "The picture", CUTOUT: "Its object"}
AGAIN = "Another mesh of the same picture, with the settings as they are now"
GONE = "The picture is no longer here; press Enter to draw it again."
SMALL = 168  # pixels of the picture and its cut-out beside the mesh


@dataclass(frozen=True)
class Made:
    """What is in the viewer: the words below it, and the file of the picture drawn for it."""

    words: str = ""
    drawn: str | None = None


@dataclass(frozen=True)
class SolidForm(Form):
    """The controls of the tab, of which `picture` is not a field of the request."""

    picture: gr.Image

    @property
    def inputs(self) -> list:
        """What `run` reads."""
        return [*super().inputs, self.picture]

    def run(self, *values) -> dict[str, Any]:
        """Arguments of a run that values of `inputs` stand for; raises BadRequest."""
        *values, file = values
        request, picture = run.pictured(To3DRequest(**self.asked(*values)), file)
        return {"request": request, "picture": picture}

    def filled(self, request: To3DRequest, registry) -> list:
        """Values of `inputs` that ask for this request again; raises BadRequest.

        What was made of a picture leaves the one that is there.
        """
        family = offered(registry, request)
        values = {name: getattr(request, name) for name in self.fields}
        values["style"] = gr.update(choices=styles_of(family), value=request.style or "")
        if request.seed == RANDOM:  # nothing was drawn
            del values["seed"]
        return [*self.brought(values), None if request.prompt else gr.skip()]


def build(task, header: Header, page: gr.Blocks) -> None:
    """Lay out the tab and wire it; task: its row in the table of tasks."""
    fields = task.request.controls()
    with gr.Row(elem_classes="task solid"):
        with gr.Column(elem_classes="ask"):
            prompt = controls.prompt(fields["prompt"], "A thing in words")
            with gr.Row(elem_classes="go"):
                generate = gr.Button("Make it 3D", variant="primary", elem_classes="generate")
                stop = gr.Button("Stop", elem_classes="stop")
            chips = controls.chips(EXAMPLES)
            picture = controls.given("Or a picture of one thing")
        with gr.Column(elem_classes="show"):
            place = controls.markup('<p role="status"></p>', elem_classes="place")
            viewer = _viewer()
            told = controls.markup(caption.words("empty", EMPTY), "send")
        with gr.Column(elem_classes="set"):
            form = _settings(fields, header, prompt, picture)
            header.tell_cost(lambda family: SOLIDS[family.solid])
            mesh = gr.UploadButton("Open settings from a GLB", elem_classes="reader")
        past = history.build(task)

    # What is in the viewer, and the seed of the run that has just ended.
    made, used = gr.State(Made()), gr.State(None)
    runs = Runs()
    queued = events.on_device(place)
    make, inputs = _make(task, form, header.registry, runs), [*form.inputs, made]
    shown = [viewer, told, used, made, past.latest]
    started = gr.on([*form.entered, generate.click], make, inputs, shown, **queued)
    received = events.received(header.handed[task.name], task.title, picture)
    pictured = events.one_of(prompt, picture, received)
    sent = pictured.then(make, inputs, shown, **queued, **events.LATEST)

    def stopped(made: Made) -> str:
        return caption.words("stopped", STOPPED, made.words)

    going = [started, sent]
    runs.wire(going, stop, told, stopped, header, page, (made,))
    form.wire(page, going, used)
    events.publish(task, _started(task, header.registry), _glb, pictured=True)
    read, reopen = _read(form, header.registry), _brought(form, header.registry)
    opened = mesh.upload(read, [mesh, picture], form.inputs, **events.MAY_FAIL)
    for refilled in (opened, past.wire(page, going, reopen, form.inputs, [picture])):
        events.then_enter_runs(refilled)
    events.run_examples(chips, prompt, picture)
    told.send(_hand_over(header), made, [*header.handed.values()], **events.MAY_FAIL)


def _viewer() -> gr.Model3D:
    return gr.Model3D(
        label="Mesh",
        show_label=False,
        height=520,
        clear_color=PAPER,
        camera_position=CAMERA,
        interactive=False,
        elem_classes="viewer",
    )


def _settings(fields: dict, header: Header, prompt: gr.Textbox, picture: gr.Image) -> SolidForm:
    seed, keep = controls.seed(fields["seed"])
    ratio = controls.slider(fields["ratio"], step=0.01)
    texture, details, print_ready = (
        controls.switch(fields[name]) for name in ("texture", "details", "print_ready")
    )
    with gr.Accordion("Advanced", open=False):
        resolution, faces = (
            controls.number(fields[name], value=None, placeholder="automatic")
            for name in ("resolution", "faces")
        )
    made = {
        "prompt": prompt,
        "family": header.family,
        "style": header.style,
        "seed": seed,
        "ratio": ratio,
        "resolution": resolution,
        "texture": texture,
        "details": details,
        "faces": faces,
        "print_ready": print_ready,
    }
    return SolidForm(made, keep, picture)


def _make(task, form: SolidForm, registry, runs: Runs) -> Callable:
    """The run of the page: viewer, words below it, seed, words that stay, the history's entry."""

    def make(visitor: gr.Request, *values) -> Iterator[list]:
        *values, before = values
        pictures: dict[str, str] = {}

        def failed(sentence: str) -> list:
            # The viewer still has the mesh that the words before are of.
            return [
                gr.skip(),
                caption.words("failed", sentence, before.words or _made_of(pictures)),
                None,
                gr.skip(),
                [],
            ]

        views = _views(task, registry, lambda: form.run(*values), pictures)
        yield from runs.shown(visitor, views, failed)

    return make


def _views(task, registry, asked: Callable[[], dict], pictures: dict[str, str]) -> Iterator[list]:
    """How the page changes in a run; asked: its arguments. pictures: filled as they are made."""
    told = task.stream(registry=registry, **asked())
    with closing(run.paced(told)) as seen:
        for event in seen:
            if isinstance(event, To3DResult):
                yield from _shown(event, pictures)
            elif isinstance(event, Stage):
                pictures[event.name] = jpeg_url(flatten(event.picture), SMALL, 85)
            else:
                if isinstance(event, Step) and event.frame:
                    pictures[PICTURE] = jpeg_url(event.frame.picture, SMALL, 82)
                yield [gr.skip(), _progress(event, _made_of(pictures)), None, gr.skip(), []]


def _started(task, registry) -> Callable:
    """The run of the API: the events of making words or an uploaded picture solid."""

    def started(request: To3DRequest, file: Path | None) -> Iterator:
        request, picture = run.pictured(request, file)
        return task.stream(request, registry, previews=False, picture=picture)

    return started


def _glb(result) -> list[str]:
    from perflow_demo.export.glb import encode_result  # mesh libraries take their time

    return [run.kept(encode_result(result, "glb"), f"{_stem(result.request)}.glb")]


def _stem(request: To3DRequest) -> str:
    """The name of its files, but for their ends."""
    drawn = request.source
    return run.name_of(drawn.prompt, drawn.seed, "") if drawn else "picture"


def _brought(form: SolidForm, registry) -> Callable:
    """What brings the settings of a recipe back."""

    def brought(request: To3DRequest, small: str, given: str | None) -> list:
        values = form.filled(request, registry)
        events.want_picture(request, given)
        return values

    return brought


def _read(form: SolidForm, registry) -> Callable:
    brought = _brought(form, registry)

    @events.explained
    def read(file: str, given: str | None) -> list:
        from perflow_demo.export import glb  # mesh libraries take their time

        return brought(glb.read_recipe(file, To3DRequest), "", given)

    return read


def _hand_over(header: Header) -> Callable:
    @events.explained
    def hand_over(made: Made, event: gr.EventData) -> dict:
        if made.drawn is None:
            raise BadRequest(GONE)
        return header.hand([made.drawn], event.to)

    return hand_over


def _progress(event: Phase | Step | Loading, rest: str) -> str:
    if isinstance(event, Phase):
        words = f"{event.title} · stage {event.number} of {event.of}"
        return caption.busy(words, event.number - 1 + event.share, event.of, rest)
    if isinstance(event, Step):
        words = f"Picture · step {event.number} of {event.of}"
        return caption.busy(words, event.number / event.of, len(STAGES), rest)
    return caption.busy(caption.loading(event), event.bytes_done, event.bytes_total or 1, rest)


def _shown(result: To3DResult, pictures: dict[str, str]) -> Iterator[list]:
    """The viewer's file at once, then the words, small pictures and downloads below it."""
    from perflow_demo.export import glb, turntable  # mesh libraries take their time

    request, mesh = result.request, result.mesh
    name, drawn = _stem(request), None
    if request.prompt:
        drawn = run.kept(png.encode(result.picture, request.source), f"{name}.png")
    files = {f"{name}.glb": run.kept(glb.encode_result(result, "glb"), f"{name}.glb")}
    summary = _summary(result, files, pictures)
    used = {"seed": request.seed if request.prompt else None}
    busy = caption.busy("Other formats and a turntable", 1, 1, summary)
    yield [next(iter(files.values())), busy, used, Made(summary, drawn), []]
    bundle = f"{name}-obj.zip" if mesh.texture is not None else f"{name}.obj"
    for file in (bundle, f"{name}.ply", f"{name}.stl"):
        files[file] = run.kept(
            glb.encode_result(result, "obj" if file is bundle else file[-3:]), file
        )
    files[f"{name}.webp"] = run.kept(turntable.encode(mesh, "webp"), f"{name}.webp")
    summary = _summary(result, files, pictures)
    entries = [history.entry(request, flatten(result.cutout))]
    yield [gr.skip(), caption.words("done", "", summary), used, Made(summary, drawn), entries]


def _summary(result: To3DResult, files: dict[str, str], pictures: dict[str, str]) -> str:
    """Statistics, downloads, notes, and what the mesh was made of; files: name → path."""
    links = "".join(
        caption.download(run.url_of(path), file, _title(file)) for file, path in files.items()
    )
    if result.request.prompt:
        links += send("Same picture again", To3DRequest.task, hint=AGAIN)
    return caption.recipe(result.line(), links) + caption.notes(result.notes) + _made_of(pictures)


def _made_of(pictures: dict[str, str]) -> str:
    """The picture and its cut-out, as far as there are any; pictures: addresses by Stage."""
    seen = "".join(f'<img src="{url}" alt="{MADE_OF[name]}">' for name, url in pictures.items())
    return f'<div class="made-of">{seen}</div>' if seen else ""


def _title(file: str) -> str:
    kind = file.rpartition(".")[2]
    return {"zip": "OBJ", "webp": "Turntable"}.get(kind, kind.upper())
