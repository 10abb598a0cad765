"""The Refine tab: a dropped or received picture becomes a larger one, compared with a slider."""

from collections.abc import Callable, Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import gradio as gr

from perflow_demo.errors import BadRequest, UserError
from perflow_demo.export import png
from perflow_demo.models.catalogue import REFINERS
from perflow_demo.tasks.contract import Loading, Step
from perflow_demo.tasks.enlarging import LARGEST, check, flatten
from perflow_demo.tasks.picture import open_picture
from perflow_demo.tasks.refine import DRAWN_WITH, RefineRequest, RefineResult, drawn_with
from perflow_demo.tasks.text_to_image import TextToImageRequest
from perflow_demo.ui import caption, controls, events, run
from perflow_demo.ui.form import Form
from perflow_demo.ui.header import Header
from perflow_demo.ui.runs import STOPPED, Runs
from perflow_demo.ui.stage import send

EMPTY = "Choose a picture, or drop one anywhere, and press Enter."
NO_PICTURE = "There is no picture yet; choose one, or drop it anywhere on the page."
UNCHANGED = gr.skip()
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
            said = controls.markup(caption.words("empty", EMPTY), "send")
        with gr.Column(elem_classes="set"):
            form = _settings(fields, header, prompt)
            header.tell_cost(lambda family: REFINERS.get(family.refiner))
    # The files to refine and refined: only the server writes them, so no path is a request's.
    chosen, refined, used = gr.State(None), gr.State(None), gr.State(None)
    runs = Runs()
    queued = events.on_device(place)
    refine, asked = _refine(task, form, header, runs), [chosen, *form.inputs]
    shown = [compared, said, used, refined]
    started = gr.on([*form.entered, generate.click], refine, asked, shown, **queued)
    look, beside = _look(form, header.registry), [chosen, prompt, header.family]
    looked = [chosen, compared, said, *form.inputs]
    received = events.received(header.handed[task.name], task.title, looked, look, beside)
    sent = received.then(refine, asked, shown, **queued, **events.LATEST)
    said.send(_hand_over(header), refined, [*header.handed.values()], **events.MAY_FAIL)
    stopped = caption.words("stopped", STOPPED)
    runs.wire([started, sent], stop, said, lambda: stopped, header, page)
    form.wire(page, [started, sent], used)
    started = _started(task, header.registry)
    events.publish(task, started, lambda result: [_file(result)], pictured=True)
    events.then_enter_runs(given.upload(look, [given, *beside], looked, **events.MAY_FAIL))


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
        delta = controls.picked(fields["delta"], registry.deltas())
        lora = controls.text(fields["lora"])

    @events.quiet
    def usual(name: str, kind: str) -> Any:
        if not registry.family(name).refiner:  # said when it is run
            return gr.skip()
        defaults = registry.refiner(name).defaults
        return defaults.steps_of(kind), defaults.guidance_scale, defaults.negative_prompt

    asked, own = [header.family, acceleration], [steps, guidance, negative]
    # A recipe opened in another tab may change the family.
    gr.on([header.family.change, acceleration.input], usual, asked, own, **events.AT_ONCE)
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
        "delta": delta,
        "lora": lora,
    }
    return RefineForm(made, keep)


def _look(form: RefineForm, registry) -> Callable:
    """What is shown of a file that was chosen."""

    def look(file: str, before: str | None, prompt: str, family: str) -> list:
        """The file, both sides of the slider, what it is, and the settings it brings."""
        try:
            picture = open_picture(file)
            check(picture.size, LARGEST)
        except UserError as error:
            failed = caption.words("failed", str(error))
            return [gr.skip(), gr.skip(), failed, *form.brought({})]
        small = _kept(_small(picture, (BEFORE, BEFORE)))
        words, values = _known(file, registry.family(family), registry.deltas())
        if not values and before:
            earlier = png.find_recipe(before, TextToImageRequest)
            if earlier and earlier.prompt == prompt:
                values = {"prompt": ""}  # the words are of another picture
        words += f"{picture.width} × {picture.height} px. Press Enter to refine it."
        return [file, (small, small), caption.words("chosen", words), *form.brought(values)]

    return look


def _known(file: str, family, deltas: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    """What a file's recipe says of it, and values of the controls that are as in it.

    A drawn picture brings its words and weights, a refined one all settings it was refined with.
    """
    recipe = png.find_recipe(file, TextToImageRequest) or png.find_recipe(file, RefineRequest)
    if recipe is None:
        return "", {}
    own = recipe.family == family.name
    own = own and (not recipe.style or family.style(recipe.style))
    own = own and (not recipe.delta or recipe.delta in deltas)
    if isinstance(recipe, TextToImageRequest):
        drawn = drawn_with(recipe, family.name) if own else dict.fromkeys(DRAWN_WITH)
        words = f"Drawn of “{recipe.prompt}”, seed {recipe.seed}, "
        return words, {"prompt": recipe.prompt} | drawn
    if not own:
        return "Refined by another family before, ", {}
    values = recipe.model_dump(exclude={"family"})
    return f"Refined with seed {recipe.seed}, its settings are back, ", values


def _refine(task, form: RefineForm, header: Header, runs: Runs) -> Callable:
    """The run of the page: the slider, the words below it and the seed as they change."""

    def views(file: str | None, *values) -> Iterator[list]:
        if file is None:
            raise BadRequest(NO_PICTURE)
        picture = open_picture(file)
        yield _said(caption.busy("Starting …", 0, 1))
        yield from _watched(task, form.request(file, *values), header, picture)

    def failed(sentence: str) -> list:
        return _said(caption.words("failed", sentence))

    return runs.listener(views, failed)


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
    """Values of the tab's outputs after each event; closing the iterator stops the run."""
    with closing(run.paced(task.stream(request, header.registry, picture=picture))) as told:
        for event in told:
            if isinstance(event, RefineResult):
                yield _done(event, header)
            elif isinstance(event, Step):
                pair = gr.skip()
                if event.frame:
                    frame = event.frame.picture
                    pair = _kept(_small(picture, frame.size)), _kept(frame)
                words = f"Step {event.number} of {event.of}"
                yield _said(caption.busy(words, event.number, event.of), pair)
            elif isinstance(event, Loading):
                words = caption.loading(event)
                yield _said(caption.busy(words, event.bytes_done, event.bytes_total or 1))


def _said(words: str, pair: Any = UNCHANGED) -> list:
    """Values of the tab's outputs between two results."""
    return [pair, words, None, UNCHANGED]


def _done(result: RefineResult, header: Header) -> list:
    after = _file(result)
    onward = {name: title for name, title in header.receivers.items() if name != "refine"}
    actions = "".join(send(title, name) for name, title in onward.items())
    actions += caption.download(
        run.url_of(after), Path(after).name, "Download", "A PNG with the recipe inside"
    )
    rest = caption.recipe(result.line(), actions) + caption.notes(result.notes)
    pair = _kept(result.before), after
    return [pair, caption.words("done", "", rest), {"seed": result.request.seed}, after]


def _hand_over(header: Header) -> Callable:
    @events.explained
    def hand_over(file: str | None, event: gr.EventData) -> dict:
        if file is None:
            raise BadRequest("This picture is no longer here; press Enter to refine it again.")
        return header.hand(file, event.to)

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
