"""The Multiview tab: a prompt or a picture becomes six views of one object."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from perflow_demo.errors import UserError
from perflow_demo.export import views
from perflow_demo.tasks.contract import Loading, Stage, Step
from perflow_demo.tasks.multiview import PICTURE, MultiviewRequest, MultiviewResult
from perflow_demo.tasks.text_to_image import RANDOM
from perflow_demo.ui import controls, events, run, sheet, stage
from perflow_demo.ui.header import Header, resident

KEEP_SECONDS = 3600  # that a cut-out waits for its views to be rolled again
FORGOTTEN = "The cut-out is no longer remembered. Press Enter to start again."


@dataclass(frozen=True)
class Form:
    """The controls of the tab; fields: a component for each setting that has one."""

    registry: object
    family: str
    fields: dict[str, Any]
    keep: gr.Checkbox

    @property
    def inputs(self) -> list:
        """What `request` reads."""
        return [*self.fields.values(), self.keep]

    def request(self, *values) -> MultiviewRequest:
        """The request that values of `inputs` stand for; raises BadRequest."""
        *values, keep = values
        asked = dict(zip(self.fields, values, strict=True)) | {"family": self.family}
        if not keep or asked["seed"] is None:
            asked["seed"] = RANDOM
        asked["windows"] = asked["windows"] or None
        return MultiviewRequest(**asked)


def build(task, header: Header, page: gr.Blocks) -> None:
    """Lay out the tab and wire it; task: its row in the table of tasks."""
    fields = task.request.controls()
    with gr.Row(elem_classes="task"):
        with gr.Column(elem_classes="ask"):
            prompt = controls.prompt(fields["prompt"], "One object in words")
            picture = gr.Image(
                label="Or a picture of one object, instead of the prompt",
                type="pil",
                image_mode="RGBA",
                sources=["upload", "clipboard"],
                height=180,
                format="png",
            )
            with gr.Row(elem_classes="go"):
                generate = gr.Button("Generate", variant="primary", elem_classes="generate")
                stop = gr.Button("Stop", elem_classes="stop")
        with gr.Column(elem_classes="show"):
            place = controls.markup('<p role="status"></p>', elem_classes="place")
            shown = controls.markup(sheet.empty(), "reroll")
        with gr.Column(elem_classes="set"):
            form = _settings(fields, header, prompt)
    # What the views on the stage were drawn of: the cut-out, and the request.
    drawn = gr.State(None, time_to_live=KEEP_SECONDS)
    runs = run.Runs()

    def stopped(visitor: gr.Request) -> str:
        runs.wait(visitor.session_hash)
        return sheet.message("stopped", run.STOPPED, {})

    def left(visitor: gr.Request) -> None:
        runs.forget(visitor.session_hash)

    outputs = [shown, place, form.fields["seed"], drawn]
    queued = {"show_progress": "minimal", "show_progress_on": place}
    queued |= events.ON_DEVICE | events.INTERNAL
    asked = [prompt.submit, generate.click]
    started = gr.on(asked, _draw(task, form, runs), [*form.inputs, picture], outputs, **queued)
    again = shown.reroll(_reroll(task, form, runs), [*form.inputs, drawn], outputs, **queued)
    for going in (started, again):
        going.then(lambda: resident(header.registry), None, header.chip, **events.AT_ONCE)
    # Two events in this order: the view of the stop has to come after the last one of the run.
    stop.click(None, None, None, cancels=[started, again], **events.INTERNAL)
    stop.click(stopped, None, shown, **events.MAY_FAIL)
    page.unload(left)
    # gradio shows a number without a value as 0, which is a seed.
    page.load(None, None, form.fields["seed"], js="() => null", **events.AT_ONCE)
    gr.api(
        events.endpoint(_answer(task, form.registry), task.request, tuple[list[str], dict]),
        api_name=task.name,
        api_description=task.description,
        **events.ON_DEVICE,
    )


def _settings(fields: dict, header: Header, prompt: gr.Textbox) -> Form:
    """The controls below the prompt: those that matter, the others folded away."""
    family = header.registry.multiview_families()[0]
    defaults = family.defaults
    steps = controls.slider(fields["steps"], value=defaults.steps)
    guidance = controls.slider(fields["guidance_scale"], value=defaults.guidance_scale)
    seed, keep = controls.seed(fields["seed"])
    with gr.Accordion("Advanced", open=False):
        acceleration = controls.choice(fields["acceleration"], controls.KINDS)
        split = controls.windows(fields["windows"])

    def usual(kind: str) -> int:
        return defaults.steps if kind == "perflow" else defaults.teacher_steps

    acceleration.input(usual, acceleration, steps, **events.AT_ONCE)
    made = {
        "prompt": prompt,
        "style": header.style,
        "acceleration": acceleration,
        "steps": steps,
        "guidance_scale": guidance,
        "seed": seed,
        "windows": split,
    }
    return Form(header.registry, family.name, made, keep)


def _draw(task, form: Form, runs: run.Runs) -> Callable:
    """The run of the page: from the prompt, or from the picture where there is one."""

    def draw(visitor: gr.Request, *values) -> Iterator[list]:
        *values, picture = values
        with runs.going(visitor.session_hash):
            yield from _shown(task, form.registry, lambda: form.request(*values), picture)

    return draw


def _reroll(task, form: Form, runs: run.Runs) -> Callable:
    """Other views of the cut-out on the stage, of a seed of their own."""

    def reroll(visitor: gr.Request, *values) -> Iterator[list]:
        *values, drawn = values
        if drawn is None:
            yield [sheet.message("stopped", FORGOTTEN, {}), *[gr.skip()] * 3]
            return
        cutout, before = drawn

        def request() -> MultiviewRequest:
            kept = {"seed": RANDOM, "prompt": before.prompt, "drawing_seed": before.drawing_seed}
            return form.request(*values).model_copy(update=kept)

        with runs.going(visitor.session_hash):
            yield from _shown(task, form.registry, request, cutout)

    return reroll


def _shown(task, registry, request: Callable[[], MultiviewRequest], picture) -> Iterator[list]:
    """Values of the tab's outputs as a run goes on; closing the iterator stops it."""
    unchanged, sources = [gr.skip()] * 3, {}
    try:
        with closing(_watch(task, request(), registry, picture, sources)) as seen:
            for view in seen:
                if isinstance(view, str):
                    yield [view, *unchanged]
                    continue
                archive, name = _zipped(view)
                html = sheet.done(view, run.url_of(archive), name)
                yield [html, gr.skip(), view.request.seed, (view.cutout, view.request)]
    except UserError as error:
        yield [sheet.message("failed", str(error), sources), *unchanged]
    except Exception:
        yield [sheet.message("failed", run.FAULT, sources), *unchanged]
        raise


def _watch(
    task, request: MultiviewRequest, registry, picture, sources: dict[str, str]
) -> Iterator[str | MultiviewResult]:
    """The stage's HTML after each event, then the result; sources: filled with what there is."""
    if picture is not None:
        sources[PICTURE] = sheet.on_white(picture)
    yield sheet.running(sources, "Starting …")
    work = "Drawing the views" if picture is not None else "Drawing the picture"
    with closing(run.paced(task.stream(request, registry, picture=picture))) as told:
        for event in told:
            if isinstance(event, Stage):
                cut = event.name != PICTURE
                sources[event.name] = sheet.on_white(event.picture)
                work = "Drawing the views" if cut else work
                yield sheet.running(sources, f"{work} …" if cut else "Cutting the object out …")
            elif isinstance(event, Step):
                if event.frame:
                    sources[PICTURE] = stage.frame_url(event.frame)
                words = f"{work}: step {event.number} of {event.of}"
                yield sheet.running(sources, words, event.number, event.of)
            elif isinstance(event, Loading):
                yield sheet.running(
                    sources, f"Loading {event.component}", event.bytes_done, event.bytes_total
                )
            else:
                yield event


def _zipped(result: MultiviewResult) -> tuple[str, str]:
    """Path of all of the result's files as a ZIP, where gradio serves it, and the ZIP's name."""
    pages = result.picture, result.cutout, result.normals, result.colours
    content = views.zipped(views.files(result.request, *pages))
    name = run.name_of(result.request.prompt or "views", result.request.seed, ".zip")
    return save_bytes_to_cache(content, name, get_upload_folder()), name


def _answer(task, registry) -> Callable:
    """The run of the API: a ZIP of all files, and the request as it was run."""

    def answer(request: MultiviewRequest) -> tuple[list, dict]:
        result = task.run(request, registry)
        archive, _ = _zipped(result)
        files = [gr.FileData(path=archive).model_dump()]
        return files, result.request.model_dump() | {"notes": result.notes}

    return answer
