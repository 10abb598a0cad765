"""The Refine tab: a dropped or received picture becomes a larger one, compared with a slider."""

from collections.abc import Callable, Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path

import gradio as gr

from perflow_demo.errors import BadRequest, UserError
from perflow_demo.export import png
from perflow_demo.tasks.contract import Loading, Step
from perflow_demo.tasks.picture import open_picture
from perflow_demo.tasks.refine import RefineRequest, RefineResult
from perflow_demo.tasks.text_to_image import TextToImageRequest
from perflow_demo.ui import caption, controls, events, run
from perflow_demo.ui.form import Form
from perflow_demo.ui.header import Header
from perflow_demo.ui.runs import STOPPED, Runs

EMPTY = "Choose a picture, or drop one anywhere, and press Enter."
NO_PICTURE = "There is no picture yet; choose one, or drop it anywhere on the page."
BEFORE = 1024  # pixels along the longer side of what the slider shows until there is a result


class RefineForm(Form):
    """The controls of the tab."""

    def request(self, file: str, *values) -> RefineRequest:
        """The request that values of `inputs` stand for on a picture's file; raises BadRequest."""
        source = png.find_recipe(file, TextToImageRequest)
        return RefineRequest(source=source, **self.asked(*values))


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
            said = controls.markup(caption.words("empty", EMPTY))
        with gr.Column(elem_classes="set"):
            form = _settings(fields, header, prompt)
    # The file to refine: only the server writes it, so no path comes from a request.
    chosen = gr.State(None)
    runs = Runs()
    queued = events.on_device(place)
    refine, asked = _refine(task, form, header.registry, runs), [chosen, *form.inputs]
    shown = [compared, said, form.fields["seed"]]
    started = gr.on([prompt.submit, generate.click], refine, asked, shown, **queued)
    looked = [chosen, compared, said, prompt]
    received = events.received(header.handed[task.name], task.title, looked, _look)
    sent = received.then(refine, asked, shown, **queued)
    stopped = caption.words("stopped", STOPPED)
    runs.wire([started, sent], stop, said, stopped, header, page)
    form.wire(page)
    events.publish(task, _answer(task, header.registry), pictured=True)
    events.then_enter_runs(given.upload(_look, given, looked, **events.MAY_FAIL))


def _settings(fields: dict, header: Header, prompt: gr.Textbox) -> RefineForm:
    """The controls below the prompt: those that matter, the others folded away."""
    registry = header.registry
    defaults = registry.refiners()[0].defaults
    size = controls.choice(fields["to"], list(fields["to"].choices), value=defaults.size)
    strength = controls.slider(fields["strength"], step=0.05)
    seed, keep = controls.seed(fields["seed"])
    with gr.Accordion("Advanced", open=False):
        steps = controls.slider(fields["steps"], value=defaults.steps)
        guidance = controls.slider(fields["guidance_scale"], value=defaults.guidance_scale)
        negative = controls.text(fields["negative_prompt"], value=defaults.negative_prompt)
        acceleration = controls.choice(fields["acceleration"], controls.KINDS)
        split = controls.windows(fields["windows"])

    def usual(name: str, kind: str) -> tuple:
        if not registry.family(name).refiner:  # said when it is run
            return (gr.skip(),) * 3
        defaults = registry.refiner(name).defaults
        return defaults.steps_of(kind), defaults.guidance_scale, defaults.negative_prompt

    asked, own = [header.family, acceleration], [steps, guidance, negative]
    gr.on([header.family.input, acceleration.input], usual, asked, own, **events.AT_ONCE)
    made = {
        "prompt": prompt,
        "negative_prompt": negative,
        "family": header.family,
        "style": header.style,
        "acceleration": acceleration,
        "to": size,
        "strength": strength,
        "steps": steps,
        "guidance_scale": guidance,
        "seed": seed,
        "windows": split,
    }
    return RefineForm(made, keep)


def _look(file: str) -> list:
    """The chosen file, both sides of the slider, what it is, and its own words as the prompt."""
    try:
        picture = open_picture(file)
    except UserError as error:
        return [None, None, caption.words("failed", str(error)), gr.skip()]
    source = png.find_recipe(file, TextToImageRequest)
    words = f"{picture.width} × {picture.height} px. Press Enter to refine it."
    if source:
        words = f"Drawn of “{source.prompt}”, seed {source.seed}, {words}"
    small = _kept(_small(picture, (BEFORE, BEFORE)))
    prompt = source.prompt if source else ""
    return [file, (small, small), caption.words("chosen", words), prompt]


def _refine(task, form: RefineForm, registry, runs: Runs) -> Callable:
    """The run of the page: the slider, the words below it and the seed as they change."""

    def views(file: str | None, *values) -> Iterator[list]:
        if file is None:
            raise BadRequest(NO_PICTURE)
        picture = open_picture(file)
        yield [gr.skip(), caption.busy("Starting …", 0, 1), gr.skip()]
        yield from _watched(task, form.request(file, *values), registry, picture)

    def failed(sentence: str) -> list:
        return [gr.skip(), caption.words("failed", sentence), gr.skip()]

    return runs.listener(views, failed)


def _answer(task, registry) -> Callable:
    """The run of the API: a PNG file with its recipe inside, and the request as it was run."""

    def answer(request: RefineRequest, file: Path | None) -> tuple[list, dict]:
        if file is None:
            raise BadRequest("There is no picture to refine; upload one.")
        source = png.find_recipe(file, TextToImageRequest)
        asked = request.model_copy(update={"source": source})
        result = task.run(asked, registry, picture=open_picture(file))
        files = [gr.FileData(path=_file(result)).model_dump()]
        return files, result.request.model_dump() | {"notes": result.notes}

    return answer


def _watched(task, request: RefineRequest, registry, picture) -> Iterator[list]:
    """Values of the tab's outputs after each event; closing the iterator stops the run."""
    with closing(run.paced(task.stream(request, registry, picture=picture))) as told:
        for event in told:
            if isinstance(event, RefineResult):
                yield _done(event)
            elif isinstance(event, Step):
                pair = gr.skip()
                if event.frame:
                    frame = event.frame.picture
                    pair = _kept(_small(picture, frame.size)), _kept(frame)
                words = f"Step {event.number} of {event.of}"
                yield [pair, caption.busy(words, event.number, event.of), gr.skip()]
            elif isinstance(event, Loading):
                words = f"Loading {event.component}"
                bar = caption.busy(words, event.bytes_done, event.bytes_total or 1)
                yield [gr.skip(), bar, gr.skip()]


def _done(result: RefineResult) -> list:
    after = _file(result)
    link = caption.download(
        run.url_of(after), Path(after).name, "Download", "A PNG with the recipe inside"
    )
    rest = caption.recipe(result.line(), link) + caption.notes(result.notes)
    return [(_kept(result.before), after), caption.words("done", "", rest), result.request.seed]


def _file(result: RefineResult) -> str:
    """Path of the refined picture as PNG with its recipe, where gradio serves it."""
    request = result.request
    name = run.name_of(f"{request.prompt or 'picture'} refined", request.seed)
    return run.kept(png.encode(result.picture, request), name)


def _small(picture, size: tuple[int, int]):
    """The picture inside a box of this size; never larger than it is."""
    small = picture.convert("RGB")
    small.thumbnail(size)
    return small


def _kept(picture) -> str:
    """Path of a picture as JPEG, where gradio serves it."""
    file = BytesIO()
    picture.save(file, "JPEG", quality=92)
    return run.kept(file.getvalue(), "seen.jpg")
