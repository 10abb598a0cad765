"""The ΔW lab: a checkpoint with and without ΔW side by side, what changed, and files to keep."""

import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from perflow_demo.errors import UserError
from perflow_demo.tasks import lab
from perflow_demo.tasks.contract import Loading, Progress
from perflow_demo.tasks.lab import LabRequest, LabResult
from perflow_demo.tasks.text_to_image import RANDOM, TextToImageResult
from perflow_demo.ui import controls, events, run
from perflow_demo.ui.header import Header, resident

EMPTY = "Type a sentence and press Enter: the same seed is drawn without and with ΔW."


@dataclass(frozen=True)
class Form:
    """The controls of the tab; fields: a component for each field of the request."""

    fields: dict[str, Any]
    keep: gr.Checkbox

    @property
    def inputs(self) -> list:
        """What `request` reads."""
        return [*self.fields.values(), self.keep]

    def request(self, *values) -> LabRequest:
        """The request that values of `inputs` stand for; raises BadRequest."""
        *values, keep = values
        asked = dict(zip(self.fields, values, strict=True))
        if not keep or asked["seed"] is None:
            asked["seed"] = RANDOM
        return LabRequest(**asked)


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
            shown = controls.markup(_view("empty", f'<p class="said">{EMPTY}</p>'))
        with gr.Column(elem_classes="set"):
            form = _settings(fields, header, prompt)
            unmerge, export, difference, file, told = _files(header)
    runs = run.Runs()

    def stopped(visitor: gr.Request) -> str:
        runs.wait(visitor.session_hash)
        return _view("stopped", f'<p class="said">{run.STOPPED}</p>')

    def left(visitor: gr.Request) -> None:
        runs.forget(visitor.session_hash)

    queued = events.ON_DEVICE | events.INTERNAL
    started = gr.on(
        [prompt.submit, generate.click],
        _compare(task, form, registry, runs),
        form.inputs,
        [shown, form.fields["seed"]],
        show_progress="minimal",
        show_progress_on=place,
        **queued,
    )
    started.then(lambda: resident(registry), None, header.chip, **events.AT_ONCE)
    stop.click(None, None, None, cancels=started, **events.INTERNAL)
    stop.click(stopped, None, shown, **events.MAY_FAIL)
    page.unload(left)
    page.load(None, None, form.fields["seed"], js="() => null", **events.AT_ONCE)
    unmerge.click(_unmerged(form, registry), form.inputs, told, **queued)
    export.click(_merged(form, registry), form.inputs, file, **queued)
    checkpoint = [header.family, header.style]
    difference.click(_difference(registry), checkpoint, file, **queued)


def _settings(fields: dict, header: Header, prompt: gr.Textbox) -> Form:
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
    return Form(made, keep)


def _files(header: Header) -> tuple:
    """What can be made of the weights: proof that ΔW comes out, and files."""
    with gr.Accordion("Weights", open=False):
        unmerge = gr.Button("Take ΔW out again")
        told = controls.markup('<p role="status"></p>')
        export = gr.Button("Export the merged UNet")
        difference = gr.Button("Export base + ΔW − base as a ΔW of its own")
        file = gr.File(label="The file", interactive=False)
    return unmerge, export, difference, file, told


def _compare(task, form: Form, registry, runs: run.Runs) -> Callable:
    def views(*values) -> Iterator[list]:
        try:
            request = form.request(*values)
            with closing(run.paced(task.stream(request, registry, False))) as told:
                for event in told:
                    if isinstance(event, LabResult):
                        yield [_result(event), event.base.seeds[0]]
                    else:
                        yield [_progress(event), gr.skip()]
        except UserError as error:
            yield [_failed(str(error)), gr.skip()]
        except Exception:
            yield [_failed(run.FAULT), gr.skip()]
            raise

    def compare(visitor: gr.Request, *values) -> Iterator[list]:
        with runs.going(visitor.session_hash), closing(views(*values)) as seen:
            yield from seen

    return compare


def _unmerged(form: Form, registry) -> Callable:
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


def _merged(form: Form, registry) -> Callable:
    @events.explained
    def merged(*values) -> str:
        request = form.request("weights", *values[1:])
        return _zipped("merged-unet", lambda folder: lab.export_merged(request, registry, folder))

    return merged


def _difference(registry) -> Callable:
    @events.explained
    def difference(family: str, style: str) -> str:
        base = {"family": family, "style": style or None, "delta_strength": 0.0}
        tuned = base | {"delta_strength": 1.0}
        write = lab.export_difference
        return _zipped("delta", lambda folder: write(tuned, base, registry, folder))

    return difference


def _zipped(name: str, write: Callable[[Path], None]) -> str:
    """What `write` puts into a folder as one ZIP, uncompressed since weights are noise."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / name
        folder.mkdir()
        write(folder)
        file = Path(tempfile.mkdtemp()) / f"{name}.zip"
        with zipfile.ZipFile(file, "w") as bundle:
            for path in sorted(folder.iterdir()):
                bundle.write(path, f"{name}/{path.name}")
    return str(file)


def _result(result: LabResult) -> str:
    pictures = _figure("Base", result.base) + _figure("Base + ΔW", result.accelerated)
    charts = "".join(_chart(merge) for merge in result.merges)
    return _view("done", f'<div class="pair">{pictures}</div>{charts}')


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
        done, total = event.bytes_done / 1e6, event.bytes_total / 1e6
        words = f"Loading {event.component} — {done:.1f} of {total:.1f} MB"
        return _view("running", _bar(words, done, total or 1))
    words = f"Step {event.number} of {event.of}"
    return _view("running", _bar(words, event.number, event.of))


def _bar(words: str, done: float, of: float) -> str:
    said = f'<p class="said" role="status">{escape(words)}</p>'
    return f'{said}<progress value="{done:.2f}" max="{of:.2f}"></progress>'


def _failed(sentence: str) -> str:
    return _view("failed", f'<p class="said" role="alert">{escape(sentence)}</p>')


def _view(state: str, content: str) -> str:
    busy = " data-busy" if state == "running" else ""
    return f'<div class="stage" data-state="{state}"{busy}>{content}</div>'
