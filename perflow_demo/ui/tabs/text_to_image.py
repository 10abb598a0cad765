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
from perflow_demo.tasks.text_to_image import TextToImageRequest, resolve
from perflow_demo.ui import controls, events, history, run, stage
from perflow_demo.ui.form import Form, offered
from perflow_demo.ui.header import Header, styles_of
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
class ImageForm(Form):
    """The controls of the tab.

    prefix: puts the words that the family's authors use before the prompt.
    always: whether pictures go on to the Refine tab by themselves.
    held: name of the family whose limits and usual values the controls have.
    """

    registry: object
    prefix: gr.Button
    always: gr.Checkbox
    held: gr.State

    @property
    def outputs(self) -> list:
        """What `filled` fills."""
        return [*self.inputs, self.held]

    def request(self, *values) -> TextToImageRequest:
        """The request that values of `inputs` stand for; raises BadRequest."""
        return TextToImageRequest(**self.asked(*values))

    def filled(self, request: TextToImageRequest) -> list:
        """Values of `outputs` that ask for this request again; raises BadRequest."""
        family = offered(self.registry, request)
        if request.delta and request.delta not in self.registry.deltas():
            raise BadRequest(f"This was drawn with the ΔW {request.delta!r}, which is not here.")
        values = resolve(request, family)[0].model_dump()
        limits = self.limits(family)
        values["style"], values["delta"] = request.style or "", request.delta or ""
        values["windows"] = request.windows or 0
        for name in limits:
            values[name] = limits[name] | {"value": values[name]}
        return [*values.values(), True, family.name]

    @staticmethod
    def limits(family) -> dict[str, dict]:
        """Updates of the controls whose choices and bounds are a family's own."""
        return {
            "style": gr.update(choices=styles_of(family)),
            "size": gr.update(choices=list(family.sizes), visible=len(family.sizes) > 1),
            "count": gr.update(maximum=family.max_count),
        }

    def family(self, name: str):
        """The family of that name; raises BadRequest."""
        return self.registry.family(name)

    def windows(self, request: TextToImageRequest) -> int:
        """How many frames the film strip of this request has."""
        return request.windows or self.family(request.family).num_time_windows


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
    family = header.registry.families()[0]
    windows = family.num_time_windows
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
            form = _settings(fields, header, family, prompt)
            picture = gr.UploadButton("Open settings from a picture", elem_classes="reader")
        past = history.build(task.name)
    # What is on the stage, a Drawn; the seed of the run that has just ended. Only the server writes
    # them.
    drawn, used = gr.State(None), gr.State(None)

    runs = Runs()
    started = gr.on(
        [*form.entered, generate.click],
        _draw(task, form, header, runs),
        [*form.inputs, drawn],
        [shown, place, used, past.latest, drawn],
        **events.on_device(place),
    )
    past.wire(page, [started])

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
    filled = [shown, drawn, *form.outputs]
    reopened = past.reopened(TextToImageRequest, partial(_settings_of, form), filled)
    read = picture.upload(_read(form), picture, filled, **events.MAY_FAIL)
    for refilled in (reopened, read):
        events.then_enter_runs(refilled)
    _wire_defaults(form)
    events.publish(task, partial(task.stream, registry=form.registry, previews=False), run.saved)


def _settings(fields: dict, header: Header, family, prompt: gr.Textbox) -> ImageForm:
    """The controls below the prompt: those that matter, the others folded away."""
    defaults = family.defaults
    prefix = gr.Button("Add the family's usual words", visible=bool(family.prompt_prefix))
    with gr.Accordion("Negative prompt", open=False):
        negative = controls.text(
            fields["negative_prompt"],
            value=defaults.negative_prompt,
            lines=1,
            max_lines=8,
            show_label=False,
        )
    steps = controls.slider(fields["steps"], value=defaults.steps)
    guidance = controls.slider(fields["guidance_scale"], value=defaults.guidance_scale)
    seed, keep = controls.seed(fields["seed"])
    always = gr.Checkbox(
        False,
        label="Refine every picture",
        info="Each goes on to the Refine tab by itself; of several, the first.",
        visible="refine" in header.handed,
        elem_classes="switch",
    )
    with gr.Accordion("Advanced", open=False):
        sizes = {"value": defaults.size, "visible": len(family.sizes) > 1}
        size = controls.choice(fields["size"], list(family.sizes), **sizes)
        count = controls.slider(fields["count"], maximum=family.max_count)
        acceleration = controls.choice(fields["acceleration"], controls.KINDS)
        split = controls.windows(fields["windows"])
        strength = controls.slider(fields["strength"], step=0.05)
        delta = controls.picked(fields["delta"], header.registry.deltas())
        lora = controls.text(fields["lora"])
    made = {
        "prompt": prompt,
        "negative_prompt": negative,
        "family": header.family,
        "style": header.style,
        "acceleration": acceleration,
        "steps": steps,
        "guidance_scale": guidance,
        "size": size,
        "count": count,
        "seed": seed,
        "windows": split,
        "strength": strength,
        "delta": delta,
        "lora": lora,
    }
    return ImageForm(made, keep, header.registry, prefix, always, gr.State(family.name))


def _wire_defaults(form: ImageForm) -> None:
    """Another family or acceleration brings its own defaults and limits."""
    fields = form.fields

    def steps(name: str, acceleration: str) -> int:
        return form.family(name).defaults.steps_of(acceleration)

    @events.quiet
    def limits(name: str, acceleration: str, style: str, held: str) -> tuple:
        if name == held:  # it came with a recipe of this tab, which brought its own values
            return gr.skip()
        family = form.family(name)
        bounds = form.limits(family)
        return (
            name,
            bounds["style"] | {"value": style if style and family.style(style) else ""},
            steps(name, acceleration),
            family.defaults.guidance_scale,
            bounds["size"] | {"value": family.defaults.size},
            bounds["count"] | {"value": 1},
            family.defaults.negative_prompt,
        )

    def prefixed(name: str, prompt: str) -> str:
        words = form.family(name).prompt_prefix
        return prompt if prompt.startswith(words) else words + prompt

    @events.quiet
    def prefix(name: str) -> dict:
        return gr.update(visible=bool(form.family(name).prompt_prefix))

    asked = [fields["family"], fields["acceleration"]]
    names = ("style", "steps", "guidance_scale", "size", "count", "negative_prompt")
    limited = [form.held, *(fields[name] for name in names)]
    words = [fields["family"], fields["prompt"]]
    form.prefix.click(prefixed, words, fields["prompt"], **events.AT_ONCE)
    fields["acceleration"].input(steps, asked, fields["steps"], **events.AT_ONCE)
    # A recipe opened in another tab may change the family, too.
    chosen = [*asked, fields["style"], form.held]
    fields["family"].change(limits, chosen, limited, **events.AT_ONCE)
    fields["family"].change(prefix, fields["family"], form.prefix, **events.AT_ONCE)


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
    """The stage with a result's small picture, nothing drawn, and the controls that ask for it."""
    values = form.filled(request)
    line = stage.recipe_line(request, [request.seed])
    return [stage.reopened(small, line, form.windows(request)), None, *values]


def _hand_on(header: Header) -> Callable:
    def hand_on(always: bool, latest: list, drawn: Drawn | None) -> dict:
        return header.hand(drawn.files[0], "refine") if always and latest else gr.skip()

    return hand_on


def _hand_over(header: Header) -> Callable:
    @events.explained
    def hand_over(drawn: Drawn | None, event: gr.EventData) -> dict:
        files = drawn.files if drawn else []
        if not isinstance(event.index, int) or not 0 <= event.index < len(files):
            raise BadRequest("This picture is no longer here; press Enter to draw it again.")
        return header.hand(files[event.index], event.to)

    return hand_over


def _seed(event: gr.EventData) -> tuple[int, bool]:
    return event.seed, True


def _example() -> str | None:
    """Address of the first picture that the program ships, where it ships one."""
    pictures = sorted((ASSETS / "examples").glob("*.png"))
    if not pictures:
        return None
    return run.url_of(save_file_to_cache(pictures[0], get_upload_folder()))
