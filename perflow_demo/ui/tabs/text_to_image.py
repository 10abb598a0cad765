"""The Image tab: a prompt becomes pictures."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import gradio as gr
from gradio.processing_utils import save_file_to_cache
from gradio.utils import get_upload_folder

from perflow_demo.errors import BadRequest
from perflow_demo.export import png
from perflow_demo.settings import ASSETS
from perflow_demo.tasks.picture import open_picture
from perflow_demo.tasks.table import REQUESTS
from perflow_demo.tasks.text_to_image import TextToImageRequest
from perflow_demo.ui import controls, events, history, image_form, run, stage
from perflow_demo.ui.header import Header
from perflow_demo.ui.image_form import ImageForm
from perflow_demo.ui.runs import STOPPED, Runs

EXAMPLES = (
    "a dog with glasses and cap",
    "a bird",
    "a vintage car",
    "a colorful bird standing on the tree, open beak",
    "a man with brown skin, a beard, and dark eyes",
    "a red mushroom on grass",
    "a lighthouse at sunset",
    "a blue teapot on a wooden table",
)


@dataclass(frozen=True)
class Drawn:
    """Finished pictures: how the stage shows them, and their files."""

    run: stage.Finished
    windows: int
    files: list[str]

    def again(self, header: Header, said: str = "") -> str:
        """The stage with them; said: why there are no newer ones."""
        return stage.done(self.run, self.windows, header.receivers, said)


def build(task, header: Header, page: gr.Blocks) -> None:
    """Lay out the tab and wire it; task: its row in the table of tasks."""
    fields = task.request.controls()
    windows = header.registry.families()[0].num_time_windows
    with gr.Row(elem_classes="task"):
        with gr.Column(elem_classes="ask"):
            prompt = controls.prompt(fields["prompt"], "A picture in words", autofocus=True)
            with gr.Row(elem_classes="go"):
                generate = gr.Button("Generate", variant="primary", elem_classes="generate")
                stop = gr.Button("Stop", elem_classes="stop")
            chips = controls.chips(EXAMPLES)
        with gr.Column(elem_classes="show"):
            place = controls.markup('<p role="status"></p>', elem_classes="place")
            shown = controls.markup(stage.empty(windows, _example()), "reuse", "send")
        with gr.Column(elem_classes="set"):
            form = image_form.build(fields, header, prompt)
            picture = gr.UploadButton("Open settings from a picture", elem_classes="reader")
        past = history.build(task)
    # What is on the stage, a Drawn, and the seed of the run that has just ended.
    drawn, used = gr.State(None), gr.State(None)
    runs = Runs()
    started = gr.on(
        [*form.entered, generate.click],
        _draw(task, form, header, runs),
        [*form.inputs, drawn],
        [shown, place, used, past.latest, drawn],
        **events.on_device(place),
    )

    def stopped(before: Drawn | None) -> str:
        return _instead(before, header, "stopped", STOPPED)

    runs.wire([started], stop, shown, stopped, header, page, (drawn,))
    form.wire(page, [started], used)
    events.run_examples(chips, prompt)
    tabs = [*header.handed.values()]
    if "refine" in header.handed:
        handed = [form.always, past.latest, drawn]
        started.success(_hand_on(header), handed, tabs, **events.MAY_FAIL)
    if tabs:
        shown.send(_hand_over(header), drawn, tabs, **events.MAY_FAIL)
    shown.reuse(_seed, None, [form.fields["seed"], form.keep], **events.AT_ONCE)
    settings = [shown, drawn, *form.refilled]
    reopened = past.wire(page, [started], partial(_settings_of, form), settings)
    read = picture.upload(_read(form), picture, settings, **events.MAY_FAIL)
    for refilled in (reopened, read):
        events.then_enter_runs(refilled)
    events.publish(task, partial(task.stream, registry=form.registry, previews=False), run.saved)


def _draw(task, form: ImageForm, header: Header, runs: Runs) -> Callable:
    """The run of the page: stage, place in the queue, seed, entry of the history, what is drawn."""
    unchanged = [gr.skip(), None, [], gr.skip()]

    def views(*values) -> Iterator[list]:
        request = form.request(*values)
        windows = form.windows(request)
        for view in run.watch(task, request, form.registry, windows):
            if isinstance(view, str):
                yield [view, *unchanged]
                continue
            files = run.saved(view)
            drawn = Drawn(run.finished(view, files), windows, files)
            withheld = 0 in view.withheld
            entries = [] if withheld else [history.entry(view.request, view.pictures[0])]
            yield [drawn.again(header), gr.skip(), {"seed": view.seeds[0]}, entries, drawn]

    def draw(visitor: gr.Request, *values) -> Iterator[list]:
        *values, before = values

        def failed(sentence: str) -> list:
            return [_instead(before, header, "failed", sentence), *unchanged]

        yield from runs.shown(visitor, views(*values), failed)

    return draw


def _instead(before: Drawn | None, header: Header, state: str, sentence: str) -> str:
    """The stage of a run without a result: what was there before it, and why it still is."""
    if before:
        return before.again(header, sentence)
    return stage.message(state, sentence, header.registry.families()[0].num_time_windows)


def _read(form: ImageForm) -> Callable:
    @events.explained
    def read(file: str) -> list:
        drawing = png.find_drawing(file, REQUESTS)
        request = drawing or png.read_recipe(file, TextToImageRequest)
        return _settings_of(form, request, stage.jpeg_url(open_picture(file), stage.PREVIEW, 82))

    return read


def _settings_of(form: ImageForm, request: TextToImageRequest, small: str) -> list:
    """The stage with a result's small picture, nothing drawn, and values of `form.refilled`."""
    request = form.reopened(request)
    line = stage.recipe_line(request, [request.seed])
    return [stage.reopened(small, line, form.windows(request)), None, *form.filled(request)]


def _hand_on(header: Header) -> Callable:
    def hand_on(always: bool, latest: list, drawn: Drawn | None) -> dict:
        return header.hand(drawn.files, "refine") if always and latest else gr.skip()

    return hand_on


def _hand_over(header: Header) -> Callable:
    @events.explained
    def hand_over(drawn: Drawn | None, event: gr.EventData) -> dict:
        files = drawn.files if drawn else []
        if not isinstance(event.index, int) or not 0 <= event.index < len(files):
            raise BadRequest("This picture is no longer here; press Enter to draw it again.")
        return header.hand([files[event.index]], event.to)

    return hand_over


def _seed(event: gr.EventData) -> tuple[int, bool]:
    return event.seed, True


def _example() -> str | None:
    """Address of the first picture that the program ships, where it ships one."""
    pictures = sorted((ASSETS / "examples").glob("*.png"))
    if not pictures:
        return None
    return run.url_of(save_file_to_cache(pictures[0], get_upload_folder()))
