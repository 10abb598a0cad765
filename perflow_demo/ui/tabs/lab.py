"""The ΔW lab: a checkpoint with and without ΔW side by side, what changed, and files to keep."""

import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from html import escape
from pathlib import Path

import gradio as gr

from perflow_demo.tasks import lab
from perflow_demo.tasks.contract import Loading, Progress
from perflow_demo.tasks.lab import LabRequest, LabResult
from perflow_demo.tasks.text_to_image import TextToImageResult
from perflow_demo.ui import caption, controls, events, run
from perflow_demo.ui.form import Form
from perflow_demo.ui.header import Header
from perflow_demo.ui.runs import STOPPED, Runs

EMPTY = "Type a sentence and press Enter: the same seed is drawn without and with ΔW."


class LabForm(Form):
    """The controls of the tab."""

    def request(self, *values) -> LabRequest:
        """The request that values of `inputs` stand for; raises BadRequest."""
        return LabRequest(**self.asked(*values))


def build(task, header: Header, page: gr.Blocks) -> None:
    """Lay out the tab and wire it; task: its row in the table of tasks."""
    fields = task.request.controls()
    registry = header.registry
    with gr.Row(elem_classes="task lab"):
        with gr.Column(elem_classes="ask"):
            prompt = controls.prompt(fields["prompt"], "A picture in words")
            with gr.Row(elem_classes="go"):
                generate = gr.Button("Compare", variant="primary", elem_classes="generate")
                stop = gr.Button("Stop", elem_classes="stop")
        with gr.Column(elem_classes="show"):
            place = controls.markup('<p role="status"></p>', elem_classes="place")
            shown = controls.markup(caption.words("empty", EMPTY))
        with gr.Column(elem_classes="set"):
            form = _settings(fields, header, prompt)
            unmerge, export, tuned, difference, file, told = _files(header)
    used = gr.State(None)  # the seed of the run that has just ended
    runs = Runs()
    queued = events.ON_DEVICE | events.INTERNAL
    started = gr.on(
        [*form.entered, generate.click],
        _compare(task, form, registry, runs),
        form.inputs,
        [shown, used],
        **events.on_device(place),
    )
    runs.wire([started], stop, shown, lambda: caption.words("stopped", STOPPED), header, page)
    form.wire(page, [started], used)
    unmerge.click(_unmerged(form, registry), form.inputs, told, **queued)
    export.click(_merged(form, registry), form.inputs, file, **queued)
    chosen = [*form.inputs, tuned]
    difference.click(_difference(form, registry), chosen, file, **queued)


def _settings(fields: dict, header: Header, prompt: gr.Textbox) -> LabForm:
    family = header.registry.families()[0]
    strength = controls.slider(fields["strength"], step=0.05)
    steps = controls.choice(fields["steps"], list(fields["steps"].choices))
    guidance = controls.slider(fields["guidance_scale"], value=family.defaults.guidance_scale)
    seed, keep = controls.seed(fields["seed"])
    delta = controls.picked(fields["delta"], header.registry.deltas())
    lora = controls.text(fields["lora"])
    made = {
        "prompt": prompt,
        "family": header.family,
        "style": header.style,
        "delta": delta,
        "strength": strength,
        "lora": lora,
        "steps": steps,
        "guidance_scale": guidance,
        "seed": seed,
    }
    return LabForm(made, keep)


def _files(header: Header) -> tuple:
    """What can be made of the weights: proof that ΔW comes out, and files."""
    with gr.Accordion("Weights", open=False):
        unmerge = gr.Button("Take ΔW out again")
        told = controls.markup('<p role="status"></p>')
        export = gr.Button("Export the merged UNet")
        named = header.registry.names_repositories
        tuned = gr.Dropdown(
            [("This one with ΔW", ""), *((f.title, f.name) for f in header.registry.families())],
            value="",
            label="Second checkpoint",
            info="The second less this one is a ΔW of its own.",
            filterable=named,
            allow_custom_value=named,
        )
        difference = gr.Button("Export the difference")
        controls.markup(
            '<p class="said">In <code>deltas/</code> of the checkpoints’ folder '
            "(<code>PERFLOW_CHECKPOINTS</code>) its file is offered as a ΔW under its name.</p>"
        )
        file = gr.File(label="The file", interactive=False, visible=False)
    return unmerge, export, tuned, difference, file, told


def _compare(task, form: LabForm, registry, runs: Runs) -> Callable:
    """The run of the page: both pictures and what changed, and the seed."""

    def views(*values) -> Iterator[list]:
        with closing(run.paced(task.stream(form.request(*values), registry, False))) as told:
            for event in told:
                if isinstance(event, LabResult):
                    yield [_result(event), {"seed": event.base.seeds[0]}]
                else:
                    yield [_progress(event), None]

    def failed(sentence: str) -> list:
        return [caption.words("failed", sentence), None]

    return runs.listener(views, failed)


def _unmerged(form: LabForm, registry) -> Callable:
    @events.explained
    def unmerged(*values) -> str:
        # The prompt is of no matter here, and may be empty.
        found = lab.unmerge(form.request("weights", *values[1:]), registry)
        exact = "bit for bit those of the base" if found.exact else "not those of the base"
        return (
            f'<p role="status">{found.weights} weights are {exact} again; by subtraction alone the '
            f"largest error would be {found.largest_error:.1e}.</p>"
        )

    return unmerged


def _merged(form: LabForm, registry) -> Callable:
    @events.explained
    def merged(*values) -> gr.File:
        request = form.request("weights", *values[1:])
        return _zipped("merged-unet", lambda folder: lab.export_merged(request, registry, folder))

    return merged


def _difference(form: LabForm, registry) -> Callable:
    @events.explained
    def difference(*values) -> gr.File:
        *values, second = values
        request, write = form.request("weights", *values[1:]), lab.export_difference
        base, tuned = request.weights(0.0), request.weights(request.strength)
        if second:
            plain = 0.0 if registry.family(second).delta else 1.0  # ΔW that is inside stays there
            tuned = {"family": second, "delta_strength": plain}
        return _zipped("delta", lambda folder: write(tuned, base, registry, folder))

    return difference


def _zipped(name: str, write: Callable[[Path], None]) -> gr.File:
    """What `write` puts into a folder, shown as one ZIP, uncompressed since weights are noise."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / name
        folder.mkdir()
        write(folder)
        file = folder.with_suffix(".zip")
        with zipfile.ZipFile(file, "w") as bundle:
            for path in sorted(folder.iterdir()):
                bundle.write(path, f"{name}/{path.name}")
        return gr.File(run.copied(file), visible=True)


def _result(result: LabResult) -> str:
    pictures = _figure("Base", result.base) + _figure("Base + ΔW", result.accelerated)
    charts = "".join(_chart(merge) for merge in result.merges)
    said = [*result.notes, *result.base.notes, *result.accelerated.notes]
    notes = caption.notes(dict.fromkeys(said))
    return caption.words("done", "", f'<div class="pair">{pictures}</div>{notes}{charts}')


def _figure(title: str, result: TextToImageResult) -> str:
    (file,) = run.saved(result)
    seconds = result.timings.total - result.timings.load
    line = f"{title}: {result.request.steps} steps · {seconds:.2f} s"
    return (
        f'<figure><img src="{escape(run.url_of(file))}" alt="{escape(title)}">'
        f"<figcaption>{escape(line)}</figcaption></figure>"
    )


def _chart(merge) -> str:
    """The merge in numbers, and a bar for the largest change in each block."""
    report = merge.report
    changes = lab.block_changes(merge)
    longest = max(changes.values(), default=0) or 1
    bars = "".join(
        f'<div class="bar"><span>{escape(block)}</span>'
        f'<meter min="0" max="{longest:.6f}" value="{change:.6f}"></meter>'
        f"<span>{change:.2%}</span></div>"
        for block, change in changes.items()
    )
    line = (
        f"{merge.title} at {report.strength:g}: {len(report.merged)} weights changed, "
        f"{len(report.kept)} kept, {len(report.shape_adapted)} adapted. "
        "Largest relative change in each block:"
    )
    return f'<section class="merge"><p>{escape(line)}</p>{bars}</section>'


def _progress(event: Progress) -> str:
    if isinstance(event, Loading):
        return caption.busy(caption.loading(event), event.bytes_done, event.bytes_total or 1)
    return caption.busy(f"Step {event.number} of {event.of}", event.number, event.of)
