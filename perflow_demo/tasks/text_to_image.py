"""A prompt becomes pictures: the request, its result, and the run between them."""

import secrets
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from perflow_demo.errors import BadRequest
from perflow_demo.tasks import libraries, reading, safety
from perflow_demo.tasks.contract import (
    Frame,
    Progress,
    Request,
    Step,
    Timings,
    clocked,
    finish,
    nothing_is_none,
    relay,
)
from perflow_demo.tasks.leasing import lease

if TYPE_CHECKING:
    from PIL.Image import Image

    from perflow_demo.models.spec import Family
    from perflow_demo.registry import Registry

RANDOM = -1
MAX_SEED = 2**32 - 1


class TextToImageRequest(Request):
    """What to draw and how. None stands for the default of the model family.

    Sizes and counts are limited further by the family; `resolve` checks that.
    """

    task: ClassVar[str] = "text_to_image"

    prompt: str = Field(
        min_length=1,
        max_length=2000,
        title="Prompt",
        description="The picture in words, for instance: a dog with glasses and cap.",
    )
    negative_prompt: str | None = Field(
        None,
        max_length=2000,
        title="Negative prompt",
        description="What to keep out of the picture.",
    )
    family: str = Field("pocket", max_length=64, title="Family", description="The model family.")
    style: str | None = Field(
        None,
        max_length=64,
        title="Style",
        description="A fine-tune of the family; without one, its base is used.",
    )
    acceleration: Literal["perflow", "teacher"] = Field(
        "perflow",
        title="Acceleration",
        description="perflow adds ΔW for a few straight steps; teacher is the plain model.",
    )
    steps: int | None = Field(
        None,
        ge=1,
        le=50,
        title="Steps",
        description="Calls of the network; PeRFlow makes at least one in each time window.",
    )
    guidance_scale: float | None = Field(
        None,
        ge=1,
        le=20,
        allow_inf_nan=False,
        title="Guidance",
        description="How strictly the prompt is followed (CFG); 1 turns guidance off.",
    )
    size: int | None = Field(
        None, ge=64, le=2048, title="Size", description="Side length of the square in pixels."
    )
    count: int = Field(1, ge=1, le=16, title="Count", description="Pictures to draw.")
    seed: int = Field(
        RANDOM,
        ge=RANDOM,
        le=MAX_SEED,
        title="Seed",
        description="The same seed draws the same picture again; -1 picks one at random.",
    )
    windows: Literal[1, 2, 4] | None = Field(
        None,
        title="Time windows",
        description="Windows PeRFlow runs its lines in; other than trained, so for experiments.",
    )

    strength: float = Field(
        1.0,
        ge=0,
        le=1.5,
        allow_inf_nan=False,
        title="ΔW strength",
        description="Share of ΔW in the weights; 1 is what was trained.",
    )
    delta: str | None = Field(
        None,
        max_length=128,
        title="ΔW",
        description="A weight difference of one's own, by its name; else that of the family.",
    )
    lora: str | None = Field(
        None,
        max_length=300,
        title="LoRA",
        description="LoRA files to add, as name@weight, several with commas between them.",
    )

    _empty = field_validator("style", "delta", "lora")(nothing_is_none)

    @property
    def drawing(self) -> "TextToImageRequest":
        return self

    def parameters(self) -> str:
        """The request as the widely read `parameters` text of PNG files."""
        model = " ".join(filter(None, [self.family, self.style]))
        settings = {
            "Steps": self.steps,
            "Sampler": "PeRFlow" if self.acceleration == "perflow" else "DDIM",
            "CFG scale": self.guidance_scale,
            "Seed": self.seed,
            "Size": f"{self.size}x{self.size}",
            "Model": model,
        }
        negative = [f"Negative prompt: {self.negative_prompt}"] if self.negative_prompt else []
        if self.strength != 1:
            settings["ΔW strength"] = self.strength
        if self.lora:
            settings["Lora"] = self.lora
        line = ", ".join(f"{name}: {value}" for name, value in settings.items())
        return "\n".join([self.prompt, *negative, line])


@dataclass(frozen=True)
class TextToImageResult:
    """The pictures of one request and how they came about.

    pictures, seeds: one seed a picture, counted up from the request's.
    request: as it was really run: nothing left to a default, the seed used, and in `steps` the
    calls of the network really made.
    notes: sentences on whatever differs from what was asked for.
    film: the first picture at the end of each time window; empty where previews are off. A run
    without ΔW has no windows of its own and is shown at the ends of the family's.
    withheld: places of the pictures that are black, since they are not for strangers' eyes.
    """

    pictures: "tuple[Image, ...]"
    seeds: tuple[int, ...]
    request: TextToImageRequest
    timings: Timings
    notes: tuple[str, ...]
    film: tuple[Frame, ...]
    withheld: tuple[int, ...] = ()

    def recipe(self, index: int) -> TextToImageRequest:
        """The request that draws picture `index` alone."""
        return self.request.model_copy(update={"seed": self.seeds[index], "count": 1})


def stream(
    request: TextToImageRequest, registry: "Registry", previews: bool = True
) -> Iterator[Progress | TextToImageResult]:
    """Draw, telling how far it is: Loading and Step events, then the TextToImageResult.

    previews: whether each Step has a frame; decoding them costs some of the time. There are none
    where pictures are checked.
    Closing the generator stops the run before its next step, or in the middle of loading, and
    leaves everything usable. The events may be fetched from different threads, one at a time.
    Raises UserError: BadRequest for what the family does not offer, LoadError, OutOfMemory.
    """
    family = registry.family(request.family)
    request, notes = resolve(request, family)
    notes += reading.word_notes(request, family, registry)
    checks = registry.checks(family)
    previews = previews and not checks
    yield from libraries.loaded()
    seconds = dict.fromkeys(("load", "text", "denoise", "preview", "decode"), 0.0)
    film: dict[tuple[float, float], Frame] = {}
    with ExitStack() as stack, ExitStack() as lent:
        registry = stack.enter_context(registry.lane())
        strength = request.strength if request.acceleration == "perflow" else 0.0
        chosen = weights(request, strength)
        embeds, cut = yield from reading.read(request, chosen, registry, seconds)
        with clocked(seconds, "load"):
            pipeline = yield from lease(lent, partial(registry.lease, **chosen, words=False))
        notes += filter(None, (merge.note for merge in registry.merges(**chosen)))
        notes += cut
        from perflow_demo.tasks import drawing, sampling  # they import torch, unlike the page

        seeds = tuple(range(request.seed, request.seed + request.count))
        sampling.prepare(pipeline, request.steps, request.windows)
        intervals = sampling.intervals(pipeline, request.windows or family.num_time_windows)
        size, guidance_scale = request.size, request.guidance_scale
        calls = drawing.drawn(
            pipeline, seeds, size, family.native_size, embeds, guidance_scale, registry.in_parts
        )
        for number, (start, end) in enumerate(intervals, start=1):
            with clocked(seconds, "denoise"):
                latents, clean = next(calls)
            if previews:
                with clocked(seconds, "preview"):
                    picture = sampling.preview(pipeline, clean, request.size)
                film[start, end] = Frame(picture, start, end)
            yield Step(number, len(intervals), start, end, film.get((start, end)))
        with clocked(seconds, "decode"):
            pictures, withheld = tuple(sampling.decode(pipeline, latents, registry.in_parts)), ()
            if checks:
                lent.close()  # for the checker may need the room
                pictures, withheld = yield from safety.checked(pictures, registry)
    notes += safety.notes(withheld, len(pictures))
    frames = tuple(film.values())
    yield TextToImageResult(
        pictures, seeds, request, Timings(**seconds), tuple(notes), frames, withheld
    )


def shown(
    request: TextToImageRequest, registry: "Registry", previews: bool
) -> Generator[Progress, None, TextToImageResult]:
    """Yield what `stream` tells; return its result, of whose first picture something can be made.

    Raises BadRequest where that picture was withheld.
    """
    result = yield from relay(stream(request, registry, previews))
    if 0 in result.withheld:
        raise BadRequest(result.notes[-1])
    return result


def run(
    request: TextToImageRequest,
    registry: "Registry",
    on_progress: Callable[[Progress], None] | None = None,
    previews: bool = False,
) -> TextToImageResult:
    """Draw and return the result.

    on_progress: called with each Loading and Step; raises Cancelled to stop the run there.
    previews and what is raised: as in `stream`.
    """
    return finish(stream(request, registry, previews), on_progress)


def resolve(request: TextToImageRequest, family: "Family") -> tuple[TextToImageRequest, list[str]]:
    """The request with nothing left open, and sentences on what differs from the one given.

    Raises BadRequest for what is outside the family's limits.
    """
    defaults, accelerated = family.defaults, request.acceleration == "perflow"
    if not accelerated and family.delta is None and not request.delta:
        raise BadRequest(f"{family.title} has ΔW inside; choose perflow as its acceleration.")
    values = request.model_dump()
    values["windows"] = (request.windows or family.num_time_windows) if accelerated else None
    usual = {
        "negative_prompt": defaults.negative_prompt,
        "steps": defaults.steps_of(request.acceleration),
        "guidance_scale": defaults.guidance_scale,
        "size": defaults.size,
    }
    values |= {name: value for name, value in usual.items() if values[name] is None}
    if values["size"] not in family.sizes:
        sizes = " or ".join(map(str, family.sizes))
        raise BadRequest(f"Size has to be {sizes} with {family.title}, not {values['size']}.")
    if request.count > family.max_count:
        raise BadRequest(
            f"Count has to be a whole number from 1 to {family.max_count} with {family.title}, "
            f"not {request.count}."
        )
    highest = MAX_SEED - request.count + 1
    if request.seed > highest:
        raise BadRequest(f"Seed has to be at most {highest} for {request.count} pictures.")
    if request.seed == RANDOM:
        values["seed"] = secrets.randbelow(highest + 1)
    notes = negative_notes(values)
    if accelerated and not request.strength:
        notes.append("Without any ΔW (strength 0) this is the plain model, in few steps.")
    if accelerated and values["steps"] < values["windows"]:
        notes.append(
            f"Steps: {values['steps']} asked for, {values['windows']} made, since each of the "
            f"{values['windows']} time windows needs one."
        )
        values["steps"] = values["windows"]
    return TextToImageRequest(**values), notes


def weights(request: Request, delta_strength: float) -> dict[str, Any]:
    """Arguments of `Registry.lease` for the weights that a request names."""
    return {
        "family": request.family,
        "style": request.style,
        "delta_strength": delta_strength,
        "loras": request.lora,
        "delta": request.delta,
    }


def negative_notes(values: dict[str, Any]) -> list[str]:
    """A sentence where a negative prompt does nothing; values: a request's, none left open."""
    if not values["negative_prompt"] or values["guidance_scale"] > 1:
        return []
    return ["The negative prompt did nothing, since guidance is 1; raise guidance to use it."]
