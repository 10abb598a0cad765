"""The 3D tab: a prompt or a dropped picture becomes a mesh to turn, look at and take away."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from perflow_demo.errors import UserError
from perflow_demo.tasks.contract import Phase, Progress, Step
from perflow_demo.tasks.picture import open_picture
from perflow_demo.tasks.to_3d import RANDOM, To3DRequest, To3DResult
from perflow_demo.ui import caption, controls, events, run
from perflow_demo.ui.header import Header, resident
from perflow_demo.ui.stage import jpeg_url

EXAMPLES = ("a red mushroom", "a yellow mug", "a blue teapot", "a gift box with a bow")
FAULT = "Something went wrong inside the program; its log says what. Please try again."
STOPPED = "Stopped. Press Enter to start again."
EMPTY = "Type a thing and press Enter, or drop a picture of one."
PAPER = (0.965, 0.965, 0.965, 1.0)
# Degrees around and from above, and the distance: the front, from a little above.
CAMERA = (90, 78, None)
SMALL = 168  # pixels of the picture and its cut-out beside the mesh


@dataclass(frozen=True)
class Form:
    """The controls; fields: a component for each field of the request but those a run fills in."""

    fields: dict[str, Any]
    picture: gr.Image

    @property
    def inputs(self) -> list:
        """What `asked` reads."""
        return [*self.fields.values(), self.picture]

    def asked(self, *values) -> dict[str, Any]:
        """Arguments of a run that values of `inputs` stand for; raises BadRequest."""
        *values, file = values
        fields = dict(zip(self.fields, values, strict=True))
        fields["seed"] = RANDOM if fields["seed"] is None else fields["seed"]
        fields["faces"] = fields["faces"] or None
        fields["style"] = fields["style"] or None
        picture = open_picture(file) if file else None
        return {"request": To3DRequest(**fields), "picture": picture}


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
            picture = gr.Image(
                type="filepath",
                sources=["upload", "clipboard"],
                image_mode=None,
                label="Or a picture of one thing",
                height=180,
                buttons=[],
                elem_classes="given",
            )
        with gr.Column(elem_classes="show"):
            place = controls.markup('<p role="status"></p>', elem_classes="place")
            viewer = gr.Model3D(
                label="Mesh",
                show_label=False,
                height=520,
                clear_color=PAPER,
                camera_position=CAMERA,
                interactive=False,
                elem_classes="viewer",
            )
            told = controls.markup(caption.words("empty", EMPTY))
        with gr.Column(elem_classes="set"):
            form = _settings(fields, header, prompt, picture)

    runs = run.Runs()

    def stopped(visitor: gr.Request) -> str:
        runs.wait(visitor.session_hash)
        return caption.words("stopped", STOPPED)

    def left(visitor: gr.Request) -> None:
        runs.forget(visitor.session_hash)

    started = gr.on(
        [prompt.submit, generate.click],
        _make(task, form, header.registry, runs),
        form.inputs,
        [viewer, told],
        show_progress="minimal",
        show_progress_on=place,
        **events.ON_DEVICE,
        **events.INTERNAL,
    )
    started.then(lambda: resident(header.registry), None, header.chip, **events.AT_ONCE)
    stop.click(None, None, None, cancels=started, **events.INTERNAL)
    stop.click(stopped, None, told, **events.MAY_FAIL)
    page.unload(left)
    # A picture in the way would win over the words.
    chips.example(_example, None, [prompt, picture], **events.AT_ONCE).then(
        None, js="() => perflow.generate()", **events.AT_ONCE
    )
    page.load(None, None, form.fields["seed"], js="() => null", **events.AT_ONCE)


def _settings(fields: dict, header: Header, prompt: gr.Textbox, picture: gr.Image) -> Form:
    models = [(model.title, model.name) for model in header.registry.solids()]
    seed = controls.number(fields["seed"], value=None, placeholder="random")
    ratio = controls.slider(fields["ratio"], step=0.01)
    texture, print_ready = (controls.switch(fields[name]) for name in ("texture", "print_ready"))
    with gr.Accordion("Advanced", open=False):
        resolution = controls.slider(fields["resolution"], step=32)
        faces = controls.number(fields["faces"], value=None, placeholder="as many as it takes")
        model = controls.choice(fields["model"], models, value=models[0][1])
    made = {
        "prompt": prompt,
        "family": header.family,
        "style": header.style,
        "model": model,
        "seed": seed,
        "ratio": ratio,
        "resolution": resolution,
        "texture": texture,
        "faces": faces,
        "print_ready": print_ready,
    }
    return Form(made, picture)


def _make(task, form: Form, registry, runs: run.Runs) -> Callable:
    """The run of the page: the viewer, and the words below it as they change."""

    def views(*values) -> Iterator[list]:
        try:
            asked = form.asked(*values)
            told = task.stream(registry=registry, previews=False, **asked)
            with closing(run.paced(told)) as seen:
                for event in seen:
                    if isinstance(event, To3DResult):
                        yield from _shown(event)
                    else:
                        yield [gr.skip(), _progress(event)]
        except UserError as error:
            yield [gr.skip(), caption.words("failed", str(error))]
        except Exception:
            yield [gr.skip(), caption.words("failed", FAULT)]
            raise

    def make(visitor: gr.Request, *values) -> Iterator[list]:
        with runs.going(visitor.session_hash), closing(views(*values)) as seen:
            yield from seen

    return make


def _progress(event: Progress) -> str:
    if isinstance(event, Phase):
        words = f"{event.title} · stage {event.number} of {event.of}"
        return caption.busy(words, event.number - 1 + event.share, event.of)
    if isinstance(event, Step):
        return caption.busy(f"Picture · step {event.number} of {event.of}", event.number, event.of)
    return caption.busy(f"Loading {event.component}", event.bytes_done, event.bytes_total or 1)


def _shown(result: To3DResult) -> Iterator[list]:
    """The viewer's file at once, then the words, small pictures and downloads below it."""
    from perflow_demo.export import glb, turntable  # mesh libraries take their time

    name, mesh = run.file_stem(result.request.prompt or "picture"), result.mesh
    files = {f"{name}.glb": _kept(f"{name}.glb", glb.encode(mesh, "glb", result.request.recipe()))}
    yield [next(iter(files.values())), caption.busy("Other formats and a turntable", 1, 1)]
    bundle = f"{name}-obj.zip" if mesh.texture is not None else f"{name}.obj"
    for file in (bundle, f"{name}.ply", f"{name}.stl"):
        files[file] = _kept(file, glb.encode(mesh, "obj" if file is bundle else file[-3:]))
    files[f"{name}.webp"] = _kept(f"{name}.webp", turntable.encode(mesh, "webp"))
    yield [gr.skip(), caption.words("done", "", _summary(result, files))]


def _kept(name: str, content: bytes) -> str:
    return save_bytes_to_cache(content, name, get_upload_folder())


def _summary(result: To3DResult, files: dict[str, str]) -> str:
    """Statistics, downloads, notes, and what the mesh was made of; files: name → path."""
    links = "".join(
        f'<a class="action" href="{escape(run.url_of(path))}" download="{escape(file)}">'
        f"{_title(file)}</a>"
        for file, path in files.items()
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in result.notes)
    pictures = "".join(
        f'<img src="{jpeg_url(_on_white(picture), SMALL, 85)}" alt="{alt}">'
        for picture, alt in ((result.picture, "The picture"), (result.cutout, "Its object"))
    )
    return (
        f'<p class="recipe">{escape(result.line())}</p><div class="actions">{links}</div>'
        f'<ul class="notes">{notes}</ul><div class="made-of">{pictures}</div>'
    )


def _on_white(picture):
    from PIL import Image

    whole = Image.new("RGBA", picture.size, "white")
    whole.alpha_composite(picture.convert("RGBA"))
    return whole


def _title(file: str) -> str:
    kind = file.rpartition(".")[2]
    return {"zip": "OBJ", "webp": "Turntable"}.get(kind, kind.upper())


def _example(event: gr.EventData) -> tuple[str, None]:
    return event.prompt, None
