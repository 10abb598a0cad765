"""A prompt or a picture becomes six views of one object, normals and colours."""

import secrets
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator

from perflow_demo.errors import BadRequest
from perflow_demo.models.catalogue import FOREGROUND
from perflow_demo.tasks import foreground, libraries, text_to_image
from perflow_demo.tasks.contract import (
    CUTOUT,
    PICTURE,
    Frame,
    Progress,
    Request,
    Stage,
    Step,
    clocked,
    finish,
    nothing_is_none,
)
from perflow_demo.tasks.leasing import lease
from perflow_demo.tasks.picture import digest
from perflow_demo.tasks.text_to_image import MAX_SEED, RANDOM, TextToImageRequest

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from perflow_demo.models.spec import MultiviewFamily
    from perflow_demo.registry import Registry
    from perflow_demo.registry.multiview import MultiviewPipeline


STAGES = ("picture", "foreground", "load", "views", "decode")


class MultiviewRequest(Request):
    """What to draw all around and how. None stands for the default of the model family.

    The prompt is left out where a picture is given.
    """

    task: ClassVar[str] = "multiview"
    filled_in: ClassVar[tuple[str, ...]] = ("parent", "source")
    formerly: ClassVar[dict[str, float]] = {"variety": 1.0}

    prompt: str | None = Field(
        None,
        max_length=2000,
        title="Prompt",
        description="One object in words, for instance: a red vintage car.",
    )
    family: str = Field(
        "pocket", max_length=64, title="Family", description="Draws the prompt's picture."
    )
    style: str | None = Field(
        None,
        max_length=64,
        title="Style",
        description="A fine-tune that draws the prompt's picture; without one, the base does.",
    )
    model: str | None = Field(
        None,
        max_length=64,
        title="Multiview model",
        description="The network that draws the views; without it, the one of the family.",
    )
    acceleration: Literal["perflow", "teacher"] = Field(
        "perflow",
        title="Acceleration",
        description="perflow plugs the ΔW of its base in; teacher is the plain model.",
    )
    steps: int | None = Field(
        None,
        ge=1,
        le=50,
        title="Steps",
        description="Calls of the multiview network, each for all twelve pictures.",
    )
    guidance_scale: float | None = Field(
        None,
        ge=1,
        le=5,
        allow_inf_nan=False,
        title="Guidance",
        description="How strictly the picture is followed (CFG); 1 turns guidance off.",
    )
    seed: int = Field(
        RANDOM,
        ge=RANDOM,
        le=MAX_SEED,
        title="Seed",
        description="The same seed draws the same views again; -1 picks one at random.",
    )
    drawing_seed: int = Field(
        RANDOM,
        ge=RANDOM,
        le=MAX_SEED,
        title="Drawing's seed",
        description="That of the picture drawn of the prompt; -1 takes the one of the views.",
    )
    windows: Literal[1, 2, 4] | None = Field(
        None,
        title="Time windows",
        description="Windows of PeRFlow; with 1 a single call of the network is one step.",
    )
    variety: float | None = Field(
        None,
        ge=0,
        le=1,
        allow_inf_nan=False,
        title="Variety",
        description="How far views may stray from the likeliest ones; with 0 seeds are all alike.",
    )

    parent: str = Field(
        "",
        max_length=64,
        title="Parent picture",
        description="SHA-256 of the picture that shows the object; filled in by a run.",
    )
    source: TextToImageRequest | None = Field(
        None, title="Source", description="The recipe of a picture that was given, if it has one."
    )

    _empty = field_validator("style", "prompt")(nothing_is_none)

    @property
    def drawing(self) -> TextToImageRequest | None:
        """With its family's defaults, where the prompt's picture is drawn here."""
        if not self.prompt:
            return self.source
        asked = self.model_dump(include={"prompt", "family", "style"})
        return TextToImageRequest(**asked, seed=self.drawing_seed)

    def parameters(self) -> str:
        """The request as the widely read `parameters` text of PNG files."""
        settings = {
            "Steps": self.steps,
            "Sampler": "PeRFlow" if self.acceleration == "perflow" else "DDIM",
            "CFG scale": self.guidance_scale,
            "Variety": self.variety,
            "Seed": self.seed,
            "Model": f"{self.model} multiview",
        }
        line = ", ".join(f"{name}: {value}" for name, value in settings.items())
        return "\n".join(filter(None, [self.subject, line]))

    @property
    def subject(self) -> str | None:
        """The object in words, where any are known."""
        return self.prompt or (self.source.prompt if self.source else None)


@dataclass(frozen=True)
class MultiviewResult:
    """The views of one object and how they came about.

    picture: drawn or given. cutout: its object, RGBA of the picture's size. normals, colours: six
    square pictures each, in the order of `geometry.views.VIEWS`. request: as it was really run,
    `steps` the calls really made. seconds: of work, by stage; loading counts where it was needed.
    notes: sentences on what differs from what was asked for, and on what plugging ΔW in did.
    """

    picture: "Image"
    cutout: "Image"
    normals: "tuple[Image, ...]"
    colours: "tuple[Image, ...]"
    request: MultiviewRequest
    seconds: dict[str, float]
    notes: tuple[str, ...]

    def line(self) -> str:
        """`seed 42 · 4 network calls · CFG 1.5 · 1.22 s (picture 0.50 · views 0.60 · …)`."""
        used, one = self.request, self.request.steps == 1
        redrawn = used.prompt and used.drawing_seed != used.seed
        words = [
            f"seed {used.seed}",
            *([f"drawing {used.drawing_seed}"] if redrawn else []),
            f"{used.steps} network call{'' if one else 's'}",
            f"CFG {used.guidance_scale:g}",
            *([used.acceleration] if used.acceleration != "perflow" else []),
            *filter(None, [used.style]),
        ]
        spent = [f"{stage} {s:.2f}" for stage, s in self.seconds.items() if s >= 0.005]
        return f"{' · '.join(words)} · {sum(self.seconds.values()):.2f} s ({' · '.join(spent)})"


def stream(
    request: MultiviewRequest,
    registry: "Registry",
    previews: bool = True,
    picture: "Image | None" = None,
    earlier: MultiviewResult | None = None,
) -> Iterator[Progress | MultiviewResult]:
    """Draw, telling how far it is: Loading, Step and Stage events, then the MultiviewResult.

    picture: of the object, or its cut-out, instead of a prompt. earlier: a run whose picture and
    cut-out are taken instead of either. Closing the generator stops the run. Steps before the first
    Stage are those of the picture, later ones those of the views, whose frames show all twelve as
    `multiview_sampling.preview` does; there are frames if `previews`. Raises UserError: BadRequest,
    foreground's for a picture that shows no single object, LoadError, OutOfMemory.
    """
    if earlier:
        request = _same_object(request, earlier.request)
    name = request.model or registry.family(request.family).multiview
    family = registry.multiview_family(name)
    request, notes = resolve(request, family, picture is not None, earlier is not None)
    yield from libraries.loaded()
    registry.foresee(family, plugged=request.acceleration == "perflow")
    seconds = dict.fromkeys(STAGES, 0.0)
    if earlier:
        picture, cutout = earlier.picture, earlier.cutout
    elif picture is None:
        drawn = yield from text_to_image.shown(request.drawing, registry, previews)
        picture, seconds["picture"] = drawn.pictures[0], drawn.timings.total
        notes += drawn.notes
    if not earlier:
        request = request.model_copy(update={"parent": digest(picture)})
        picture = foreground.reduced(picture)
    yield Stage(PICTURE, picture)
    if not earlier:
        with clocked(seconds, "foreground"):
            real = family.repository is not None
            cutout, said = yield from foreground.stream(
                picture, registry, family.foreground, bool(request.prompt), real
            )
        notes += said
    yield Stage(CUTOUT, cutout)
    with ExitStack() as stack:
        registry = stack.enter_context(registry.lane())
        with clocked(seconds, "load"):
            strength = 1.0 if request.acceleration == "perflow" else 0.0
            lent = partial(registry.lease_multiview, family.name, strength)
            pipeline = yield from lease(stack, lent)
        calls = _denoised(pipeline, cutout, request, family, registry, seconds, previews)
        latents = yield from calls
        with clocked(seconds, "decode"):
            from perflow_demo.tasks import multiview_sampling

            pages = multiview_sampling.decode(pipeline, latents, registry.in_parts)
            if family.cleared:
                lent = partial(registry.lease_foreground, family.foreground)
                network = yield from lease(stack, lent)
                pages = foreground.cleared(pages, network, FOREGROUND[family.foreground].size)
        notes += _merge_notes(pipeline)
    normals, colours = (tuple(pages[domain]) for domain in ("normals", "colours"))
    yield MultiviewResult(picture, cutout, normals, colours, request, seconds, tuple(notes))


def run(
    request: MultiviewRequest,
    registry: "Registry",
    on_progress: Callable[[Progress], None] | None = None,
    previews: bool = False,
    picture: "Image | None" = None,
    earlier: MultiviewResult | None = None,
) -> MultiviewResult:
    """Draw and return the result; arguments and what is raised as in `stream`.

    on_progress: called with each event; raises Cancelled to stop the run there.
    """
    return finish(stream(request, registry, previews, picture, earlier), on_progress)


def resolve(
    request: MultiviewRequest, family: "MultiviewFamily", pictured: bool, again: bool = False
) -> tuple[MultiviewRequest, list[str]]:
    """The request with nothing left open, and sentences on what differs from the one given.

    pictured: whether there is a picture. again: whether the object is an earlier run's. Raises
    BadRequest for what the family does not offer, and unless there is one thing to draw.
    """
    if pictured and request.prompt:
        raise BadRequest("There are both a prompt and a picture; leave one of them out.")
    if not (pictured or again or request.prompt):
        raise BadRequest(
            "This was made of a picture that is not here; add it."
            if request.parent
            else "Prompt is empty; say what to draw, or give a picture of one object."
        )
    accelerated = request.acceleration == "perflow"
    if accelerated and not family.delta:
        raise BadRequest(f"{family.title} has no ΔW here; choose teacher as its acceleration.")
    defaults, values = family.defaults, dict(request) | {"model": family.name}
    if pictured:
        values["style"] = None  # nothing is drawn in it
    values["windows"] = (request.windows or family.num_time_windows) if accelerated else None
    values["steps"] = request.steps or defaults.steps_of(request.acceleration)
    values["guidance_scale"] = request.guidance_scale or defaults.guidance_scale
    values["variety"] = defaults.variety if request.variety is None else request.variety
    if request.seed == RANDOM:
        values["seed"] = secrets.randbelow(MAX_SEED + 1)
    if request.drawing_seed == RANDOM:
        values["drawing_seed"] = values["seed"]
    notes = []
    if accelerated and values["steps"] < values["windows"]:
        notes.append(
            f"Steps: {values['steps']} asked for, {values['windows']} made, since each of the "
            f"{values['windows']} time windows needs one; with 1 time window a single one is made."
        )
        values["steps"] = values["windows"]
    return MultiviewRequest(**values), notes


def _same_object(request: MultiviewRequest, earlier: MultiviewRequest) -> MultiviewRequest:
    """The request, saying of the object what the run says that first drew or was given it.

    Settings that are another family's are none of its network's, which has its usual ones then.
    """
    told = ("prompt", "family", "style", "drawing_seed", "parent", "source", "model")
    kept = {name: getattr(earlier, name) for name in told}
    if request.family != earlier.family:
        kept |= dict.fromkeys(("steps", "guidance_scale", "variety"))
    return request.model_copy(update=kept)


def _denoised(
    pipeline: "MultiviewPipeline",
    cutout: "Image",
    request: MultiviewRequest,
    family: "MultiviewFamily",
    registry: "Registry",
    seconds: dict[str, float],
    previews: bool,
) -> "Generator[Step, None, Tensor]":
    """Yield a Step after each call of the network; return the latents of the twelve pictures.

    seconds: those of "views" are added, without what is done between the steps.
    After the last call there is no preview, since the pictures themselves follow at once.
    """
    from perflow_demo.geometry import framing
    from perflow_demo.tasks import multiview_sampling, sampling

    size = family.defaults.size
    with clocked(seconds, "views"):
        framed = framing.flatten(framing.centre(cutout, size))
        sampling.prepare(pipeline, request.steps, request.windows)
        intervals = sampling.intervals(pipeline, request.windows or family.num_time_windows)
        conditions = registry.with_room(
            partial(multiview_sampling.condition, pipeline, framed, request.guidance_scale)
        )
        latents = multiview_sampling.noise(pipeline, request.seed, size, request.variety)
    calls = multiview_sampling.denoise(pipeline, latents, conditions, registry.with_room)
    for number, (start, end) in enumerate(intervals, start=1):
        frame = None
        with clocked(seconds, "views"):
            latents, clean = next(calls)
            if previews and number < len(intervals):
                picture = multiview_sampling.preview(pipeline, clean, registry.in_parts)
                frame = Frame(picture, start, end)
        yield Step(number, len(intervals), start, end, frame)
    return latents


def _merge_notes(pipeline: "MultiviewPipeline") -> list[str]:
    """What plugging ΔW in did, never silently."""
    report = pipeline.merge
    if report is None:
        return []
    all_there_are = len(report.merged) + len(report.kept) + len(report.shape_adapted)
    sentence = (
        f"ΔW of the network's own base is plugged in: {len(report.merged)} of {all_there_are} "
        f"tensors changed, {len(report.kept)} are the multiview network's alone"
    )
    if report.shape_adapted:
        sentence += f", {len(report.shape_adapted)} has another shape than in ΔW"
    return [f"{sentence}."]
