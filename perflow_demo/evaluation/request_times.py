"""How long requests take from end to end, and how much of that is not the networks' work."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from statistics import median

from diffusers import StableDiffusionPipeline
from PIL.Image import radial_gradient
from torch import nn

from perflow_demo.evaluation import timing
from perflow_demo.evaluation.report import Report, Row
from perflow_demo.registry import Registry
from perflow_demo.tasks import refine
from perflow_demo.tasks.text_to_image import TextToImageRequest, run, stream

PROMPT = "a dog with glasses and cap"


def compare(registry: Registry, size: int, rounds: int) -> Report:
    """4 PeRFlow steps and 25 DDIM steps of the same teacher, warm; with previews and without."""
    report = Report()
    for previews in (False, True):
        actions = {
            "PeRFlow 4": lambda p=previews: _draw(registry, _request("perflow", 4, size), p),
            "DDIM 25": lambda p=previews: _draw(registry, _request("teacher", 25, size), p),
        }
        timing.in_turns(actions, rounds=1)  # loads and warms up
        title = f"request at {size} px, {'with' if previews else 'without'} previews"
        report.tables[title] = timing.rows(timing.in_turns(actions, rounds))
    return report


def compare_refining(registry: Registry, rounds: int) -> Report:
    """The same for a refinement of a 512 px picture to 1024 px, without previews."""
    picture = radial_gradient("L").resize((512, 512)).convert("RGB")
    ways = {"PeRFlow 4": ("perflow", 4), "DDIM 25": ("teacher", 25)}
    actions = {
        name: partial(
            refine.run,
            refine.RefineRequest(acceleration=kind, steps=steps, to=1024, seed=42),
            registry,
            picture=picture,
        )
        for name, (kind, steps) in ways.items()
    }
    timing.in_turns(actions, rounds=1)  # loads and warms up
    return Report({"refine 512 → 1024 px": timing.rows(timing.in_turns(actions, rounds))})


def overhead(registry: Registry, size: int, rounds: int) -> Report:
    """The share of a warm 4-step request spent outside UNet and autoencoder; on a CPU only.

    Reading the prompt counts as outside, the text encoder included.
    """
    request = _request("perflow", 4, size)
    run(request, registry)
    inside, whole = [], []
    with registry.lease(request.family) as pipeline:
        for _ in range(rounds):
            with _clocked(pipeline) as seconds:
                whole.append(timing.timed(lambda: run(request, registry)))
            inside.append(sum(seconds))
    shares = [1 - part / all_of_it.wall for part, all_of_it in zip(inside, whole, strict=True)]
    row: Row = timing.row("request", whole)
    row |= {"outside": median(shares), "outside_min": min(shares), "outside_max": max(shares)}
    return Report({f"outside UNet and autoencoder at {size} px": [row]})


def _request(acceleration: str, steps: int, size: int) -> TextToImageRequest:
    return TextToImageRequest(
        prompt=PROMPT, acceleration=acceleration, steps=steps, size=size, seed=42
    )


def _draw(registry: Registry, request: TextToImageRequest, previews: bool) -> None:
    for _ in stream(request, registry, previews):
        pass


@contextmanager
def _clocked(pipeline: StableDiffusionPipeline) -> Iterator[list[float]]:
    """The seconds of every call of the UNet and the autoencoder, as they are made."""
    seconds: list[float] = []

    def begin(module: nn.Module, inputs: tuple) -> None:
        seconds.append(-time.perf_counter())

    def end(module: nn.Module, inputs: tuple, output: object) -> None:
        seconds[-1] += time.perf_counter()

    with ExitStack() as hooks:
        for module in (pipeline.unet, pipeline.vae.encoder, pipeline.vae.decoder):
            hooks.callback(module.register_forward_pre_hook(begin).remove)
            hooks.callback(module.register_forward_hook(end).remove)
        yield seconds
