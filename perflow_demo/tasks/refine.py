"""A picture becomes a larger one with detail added: the request, its result, the run."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator

from perflow_demo.errors import BadRequest
from perflow_demo.tasks import libraries, safety, text_to_image
from perflow_demo.tasks.contract import (
    Frame,
    Progress,
    Request,
    Stage,
    clocked,
    finish,
    nothing_is_none,
)
from perflow_demo.tasks.enlarging import check, enlarge, flatten, transparent
from perflow_demo.tasks.fidelity import faithful
from perflow_demo.tasks.leasing import lease
from perflow_demo.tasks.picture import digest
from perflow_demo.tasks.text_to_image import MAX_SEED, RANDOM, TextToImageRequest

if TYPE_CHECKING:
    from PIL.Image import Image

    from perflow_demo.models.spec import Family, Refiner
    from perflow_demo.registry import Registry

_DRAWING = TextToImageRequest.model_fields
DRAWN_WITH = ("style", "delta", "lora")  # weights that a picture's refinement begins with too
PARENT = "picture"  # the stage before the refinement, where the picture is drawn again
STAGES = ("picture", "load", "encode", "denoise", "preview", "decode")


class RefineRequest(Request):
    """What to make of a picture. None stands for the default of the family's refiner.

    The picture goes beside the request; where it does not, `source` draws it.
    """

    task: ClassVar[str] = "refine"
    filled_in: ClassVar[tuple[str, ...]] = ("parent", "source")

    prompt: str | None = Field(
        None,
        max_length=2000,
        title="Prompt",
        description="What the picture shows; without it, what it was drawn of, if that is known.",
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
    to: Literal[768, 1024, 1536, 2048] | None = Field(
        None, title="Size", description="The short side of the refined picture, in pixels."
    )
    strength: float = Field(
        1.0,
        ge=0.05,
        le=1,
        allow_inf_nan=False,
        title="Strength",
        description="How much is drawn anew: 1 begins with noise, less with the noised picture.",
    )
    fidelity: float | None = Field(
        None,
        ge=0,
        le=1,
        allow_inf_nan=False,
        title="Fidelity",
        description="How much the given pixels say: with 1 only finer detail is new, with 0 all.",
    )
    steps: int | None = Field(
        None,
        ge=1,
        le=50,
        title="Steps",
        description="From noise to picture; a strength below 1 makes the last of them only.",
    )
    guidance_scale: float | None = Field(
        None,
        ge=1,
        le=20,
        allow_inf_nan=False,
        title="Guidance",
        description="How strictly the prompt is followed (CFG); 1 turns guidance off.",
    )
    seed: int = Field(
        RANDOM,
        ge=RANDOM,
        le=MAX_SEED,
        title="Seed",
        description="The same seed refines a picture the same way; -1 picks one at random.",
    )
    windows: Literal[1, 2, 4] | None = Field(
        None,
        title="Time windows",
        description="Windows PeRFlow runs its lines in; other than trained, so for experiments.",
    )
    delta: str | None = _DRAWING["delta"]
    lora: str | None = _DRAWING["lora"]
    parent: str = Field(
        "",
        max_length=64,
        title="Parent picture",
        description="SHA-256 of the picture that was refined; filled in by a run.",
    )
    source: TextToImageRequest | None = Field(
        None, title="Source", description="The recipe that picture was drawn by, where it has one."
    )

    _empty = field_validator("style", "prompt", "delta", "lora")(nothing_is_none)

    @property
    def drawing(self) -> TextToImageRequest | None:
        return self.source

    def parameters(self) -> str:
        """The request as the widely read `parameters` text of PNG files."""
        settings = {
            "Steps": self.steps,
            "Sampler": "PeRFlow" if self.acceleration == "perflow" else "DDIM",
            "CFG scale": self.guidance_scale,
            "Seed": self.seed,
            "Denoising strength": self.strength,
            "Fidelity": self.fidelity,
            "Model": " ".join(filter(None, [self.family, self.style, "tile"])),
        }
        if self.lora:
            settings["Lora"] = self.lora
        negative = self.negative_prompt and f"Negative prompt: {self.negative_prompt}"
        line = ", ".join(f"{name}: {value}" for name, value in settings.items())
        return "\n".join(filter(None, [self.prompt, negative, line]))


def drawn_with(source: TextToImageRequest | None, family: str) -> dict[str, str | None]:
    """Of DRAWN_WITH what a picture was drawn with, where that family drew it; else nothing."""
    if source is None or source.family != family:
        return {}
    return {name: getattr(source, name) for name in DRAWN_WITH}


@dataclass(frozen=True)
class RefineResult:
    """A refined picture and how it came about.

    parent: as it was given or drawn. before: the parent enlarged without any network, of the size
    of `picture`. request: as it was run, with the parent's hash. calls: steps that were made, fewer
    than the request's at a strength below 1. seconds: of each of STAGES.
    notes: sentences on whatever differs from what was asked for. film: small pictures of what it
    would be at the end of each time window; empty where previews are off.
    """

    picture: "Image"
    before: "Image"
    parent: "Image"
    request: RefineRequest
    calls: int
    seconds: dict[str, float]
    notes: tuple[str, ...]
    film: tuple[Frame, ...]

    def line(self) -> str:
        """`1024 × 1024 px · seed 42 · 4 steps · CFG 1 · 1.20 s (denoise 0.90 · …)`."""
        used, (width, height) = self.request, self.picture.size
        skipped = f" of {used.steps}" if self.calls < used.steps else ""
        words = [
            f"{width} × {height} px",
            f"seed {used.seed}",
            f"{self.calls}{skipped} steps",
            f"CFG {used.guidance_scale:g}",
            *([f"strength {used.strength:g}"] if used.strength < 1 else []),
            *([used.acceleration] if used.acceleration != "perflow" else []),
            *filter(None, [used.style]),
        ]
        spent = [f"{stage} {s:.2f}" for stage, s in self.seconds.items() if s >= 0.005]
        return f"{' · '.join(words)} · {sum(self.seconds.values()):.2f} s ({' · '.join(spent)})"


def stream(
    request: RefineRequest,
    registry: "Registry",
    previews: bool = True,
    picture: "Image | None" = None,
) -> Iterator[Progress | RefineResult]:
    """Refine, telling how far it is: Loading, Step and Stage events, then the RefineResult.

    picture: any mode, short side 64 px up to the target; without one `request.source` is drawn
    first, and the Stage tells its end. previews: whether each Step has a frame.
    Closing the generator stops the run before its next step. Raises UserError: BadRequest for what
    cannot be refined or is withheld by the safety checker, LoadError, OutOfMemory.
    """
    family, refiner = registry.family(request.family), registry.refiner(request.family)
    request, notes = resolve(request, family, refiner, picture is not None)
    if picture is not None:
        check(picture.size, request.to)
    yield from libraries.loaded()
    seconds = dict.fromkeys(STAGES, 0.0)
    checks = registry.checks(family)
    previews = previews and not checks
    if picture is None:
        drawing = request.source.model_copy(update={"count": 1})
        drawn = yield from text_to_image.shown(drawing, registry, previews)
        picture, seconds["picture"] = drawn.pictures[0], drawn.timings.total
        yield Stage(PARENT, picture)
        check(picture.size, request.to)
    notes += _picture_notes(request, picture)
    request = request.model_copy(update={"parent": digest(picture)})
    with ExitStack() as stack, ExitStack() as lent:
        registry = stack.enter_context(registry.lane())
        with clocked(seconds, "load"):
            strength = 1.0 if request.acceleration == "perflow" else 0.0
            chosen = text_to_image.weights(request, strength)
            tiled = partial(registry.lease, **chosen, refine=True)
            pipeline = yield from lease(lent, tiled)
        notes += filter(None, (merge.note for merge in registry.merges(**chosen)))
        from perflow_demo.tasks import refine_sampling  # it imports torch

        before = enlarge(flatten(picture), request.to, pipeline.vae_scale_factor)
        windows = request.windows or family.num_time_windows
        side = refiner.tile // pipeline.vae_scale_factor
        work = refine_sampling.Work(
            pipeline, request, side, windows, seconds, registry.in_parts, previews
        )
        refined = yield from refine_sampling.refined(work, before)
        notes += refined.notes
        with clocked(seconds, "decode"):
            enlargement = before.height / picture.height
            made = faithful(refined.picture, before, enlargement, request.fidelity)
        if checks:
            lent.close()  # for the checker may need the room
            _, withheld = yield from safety.checked([made], registry)
            if withheld:
                raise BadRequest(*safety.notes(withheld, 1))
    yield RefineResult(
        made, before, picture, request, refined.calls, seconds, tuple(notes), refined.film
    )


def run(
    request: RefineRequest,
    registry: "Registry",
    on_progress: Callable[[Progress], None] | None = None,
    previews: bool = False,
    picture: "Image | None" = None,
) -> RefineResult:
    """Refine and return the result; arguments and what is raised as in `stream`.

    on_progress: called with each event; raises Cancelled to stop the run there.
    """
    return finish(stream(request, registry, previews, picture), on_progress)


def resolve(
    request: RefineRequest, family: "Family", refiner: "Refiner", pictured: bool
) -> tuple[RefineRequest, list[str]]:
    """The request with nothing left open, and sentences on what differs from the one given.

    pictured: whether there is a picture. Raises BadRequest where there is none, nor a source.
    """
    if not pictured and not request.source:
        raise BadRequest(
            "This was made of a picture that is not here; add it."
            if request.parent
            else "There is no picture; give one to refine."
        )
    defaults, accelerated = refiner.defaults, request.acceleration == "perflow"
    values = dict(request)
    values["windows"] = (request.windows or family.num_time_windows) if accelerated else None
    usual = {
        "prompt": request.source.prompt if request.source else refiner.prompt or None,
        "negative_prompt": defaults.negative_prompt,
        "steps": defaults.steps_of(request.acceleration),
        "guidance_scale": defaults.guidance_scale,
        "fidelity": defaults.fidelity,
        "to": defaults.size,
    }
    values |= {name: value for name, value in usual.items() if values[name] is None}
    if request.seed == RANDOM:
        values["seed"] = secrets.randbelow(MAX_SEED + 1)
    notes = text_to_image.negative_notes(values)
    if accelerated and values["steps"] < values["windows"]:
        notes.append(
            f"Steps: {values['steps']} asked for, {values['windows']} made, since each of the "
            f"{values['windows']} time windows needs one."
        )
        values["steps"] = values["windows"]
    return RefineRequest(**values), notes


def _picture_notes(request: RefineRequest, picture: "Image") -> list[str]:
    notes = []
    if transparent(picture):
        notes.append("What is transparent in the picture became white.")
    source = request.source
    if source and (source.family, source.style) != (request.family, request.style):
        drawn, refined = (" ".join(filter(None, [of.family, of.style])) for of in (source, request))
        notes.append(f"The picture was drawn by {drawn} and refined by {refined}.")
    if source and any(
        getattr(source, name) not in (None, getattr(request, name)) for name in ("delta", "lora")
    ):
        notes.append("The picture was drawn with a LoRA or another ΔW, and refined without.")
    if source and request.acceleration == "perflow":
        part = source.strength if source.acceleration == "perflow" else 0.0
        if part != 1:
            least = f"ΔW at strength {part:g}" if part else "no ΔW"
            notes.append(f"The picture was drawn with {least}, and refined with the whole of it.")
    if request.parent and request.parent != digest(picture):
        notes.append("The picture is not the one that was refined with these settings before.")
    return notes
