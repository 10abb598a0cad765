"""A prompt becomes pictures: the request, its result, and the run between them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator

from perflow_demo.tasks.contract import Frame, Progress, Request, Timings

if TYPE_CHECKING:
    from PIL.Image import Image

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
    negative_prompt: str = Field(
        "", max_length=2000, title="Negative prompt", description="What to keep out of the picture."
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

    @field_validator("style")
    @classmethod
    def _base_is_none(cls, style: str | None) -> str | None:
        return style or None


@dataclass(frozen=True)
class TextToImageResult:
    """The pictures of one request and how they came about.

    pictures, seeds: one seed a picture, counted up from the request's.
    request: as it was really run: nothing left to a default, the seed used, and in `steps` the
    calls of the network really made.
    notes: sentences on whatever differs from what was asked for.
    film: the first picture at the end of each time window; empty where previews are off. A run
    without ΔW has no windows of its own and is shown at the ends of the family's.
    """

    pictures: "tuple[Image, ...]"
    seeds: tuple[int, ...]
    request: TextToImageRequest
    timings: Timings
    notes: tuple[str, ...]
    film: tuple[Frame, ...]

    def recipe(self, index: int) -> TextToImageRequest:
        """The request that draws picture `index` alone."""
        return self.request.model_copy(update={"seed": self.seeds[index], "count": 1})


def stream(
    request: TextToImageRequest, registry: "Registry", previews: bool = True
) -> Iterator[Progress | TextToImageResult]:
    """Draw, telling how far it is: Loading and Step events, then the TextToImageResult.

    previews: whether each Step has a frame; decoding them costs some of the time.
    Closing the generator stops the run before its next step, or in the middle of loading, and
    leaves everything usable. The events may be fetched from different threads, one at a time.
    Raises UserError: BadRequest for what the family does not offer, LoadError, OutOfMemory.
    """
    raise NotImplementedError


def run(
    request: TextToImageRequest,
    registry: "Registry",
    on_progress: Callable[[Progress], None] | None = None,
) -> TextToImageResult:
    """Draw and return the result; previews are made only where on_progress wants to be told.

    on_progress: called with each Loading and Step; raises Cancelled to stop the run there.
    Raises what `stream` raises.
    """
    for event in stream(request, registry, previews=on_progress is not None):
        if isinstance(event, TextToImageResult):
            return event
        if on_progress:
            on_progress(event)
    raise AssertionError("a run ends with its result")
