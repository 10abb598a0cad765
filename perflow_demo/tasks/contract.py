"""What every task shares: the checked Request, the controls read from it, the events of a run."""

import struct
import time
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError
from pydantic import model_validator as validator
from pydantic.fields import FieldInfo

from perflow_demo.errors import BadRequest

if TYPE_CHECKING:
    from PIL.Image import Image

APP = "perflow-demo"
VERSION = "0.1.0"
RECIPE_FORMAT = 1  # of a recipe's layout; a reader refuses those above its own
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF")  # of pictures that are read, by Pillow's names
# What Pillow raises for a damaged file, by the place where it is damaged.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)


class BadRecipe(BadRequest):
    """A file holds no recipe, or one that cannot be used."""


class Request(BaseModel):
    """Base of all requests: immutable, and checked by whatever way it is made.

    A field's default, bounds, title and help text stand in its `Field(...)` and nowhere else;
    `controls` hands them to the page and the command line.
    Raises BadRequest, one sentence naming the first field at fault and what it may be.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    task: ClassVar[str]
    filled_in: ClassVar[tuple[str, ...]] = ()  # fields that a run writes and nobody asks for
    formerly: ClassVar[dict[str, Any]] = {}  # how runs were made before a field was there

    @validator(mode="wrap")
    @classmethod
    def _in_one_sentence(cls, values: Any, handler: ModelWrapValidatorHandler) -> "Request":
        try:
            return handler(values)
        except ValidationError as error:
            raise BadRequest(_sentence(cls, error)) from error

    @classmethod
    def controls(cls) -> "dict[str, Control]":
        """What a form needs to know of each field that is asked for, by the fields' names."""
        asked = {k: info for k, info in cls.model_fields.items() if k not in cls.filled_in}
        return {name: _control(name, info) for name, info in asked.items()}

    @property
    def drawing(self) -> "Request | None":
        """The request that drew the picture which this makes something of, where it is known."""
        return None

    def parameters(self) -> str:
        """The request as the widely read `parameters` text of PNG files."""
        raise NotImplementedError

    def recipe(self) -> dict[str, Any]:
        """The request as files carry it: plain JSON data."""
        return {
            "format": RECIPE_FORMAT,
            "app": f"{APP} {VERSION}",
            "task": self.task,
            "request": self.model_dump(mode="json"),
        }


def nothing_is_none(text: str | None) -> str | None:
    """The validator of texts that may be left out: an empty one is none."""
    return text or None


@dataclass(frozen=True)
class Control:
    """One field of a Request as a form shows it.

    kind: int, float, str or bool. default: None where the model family decides.
    minimum, maximum: bounds of a number, or of the number of characters of a text; both included.
    choices: the values allowed, () where any within the bounds is. required: has no default at all.
    """

    name: str
    title: str
    help: str
    kind: type
    default: Any
    required: bool
    minimum: float | None
    maximum: float | None
    choices: tuple[Any, ...]

    @property
    def allowed(self) -> str:
        """What a value may be, to follow the words `has to be`."""
        if self.choices:
            return " or ".join(str(choice) for choice in self.choices)
        if self.kind is str:
            return f"a text of {self.minimum or 0} to {self.maximum} characters"
        noun = "a whole number" if self.kind is int else "a number"
        return f"{noun} from {self.minimum} to {self.maximum}"


@dataclass(frozen=True)
class Loading:
    """A component is being read; bytes_total is 0 while the amount is not known."""

    component: str
    bytes_done: int
    bytes_total: int


@dataclass(frozen=True)
class Frame:
    """The clean-sample estimate at the end of one time window, 1 >= start > end >= 0.

    picture: decoded from half-size latents, so a little soft; a single one is enlarged to its final
    size.
    """

    picture: "Image"
    start: float
    end: float


@dataclass(frozen=True)
class Step:
    """Network call `number` (1-based) of `of` is done; start, end: the time window it is in.

    frame: what the first picture, or all views, would be now; None where previews are off.
    """

    number: int
    of: int
    start: float
    end: float
    frame: Frame | None = None


@dataclass(frozen=True)
class Phase:
    """A run of several phases is at `share` (0..1) of phase `number` (1-based) of `of`."""

    title: str
    number: int
    of: int
    share: float = 0.0


@dataclass(frozen=True)
class Timings:
    """Seconds of work by stage, without what the receiver of the events takes between them.

    Loading goes on meanwhile, so `load` lasts from its start to its end, whoever is slower.
    A GPU works ahead, so what a stage leaves running there counts in the next.
    """

    load: float
    text: float
    denoise: float
    preview: float
    decode: float

    @property
    def total(self) -> float:
        """Seconds of all stages."""
        return self.load + self.text + self.denoise + self.preview + self.decode


@dataclass(frozen=True)
class Stage:
    """A run in several stages has made a picture on its way: `name` says which."""

    name: str
    picture: "Image"


PICTURE, CUTOUT = "picture", "cutout"  # stages of what is made of one object
# What a run tells while it goes on; the last thing it yields is the task's Result.
Progress = Loading | Step | Stage | Phase


def relay(events: Generator) -> Generator[Progress, None, Any]:
    """Yield what a run tells and return its result; closing this closes the run."""
    with closing(events) as told:
        for event in told:
            if not isinstance(event, Progress):
                return event
            yield event
    raise RuntimeError("a run ended without a result")


def finish(events: Generator, on_progress: Callable[[Progress], None] | None = None) -> Any:
    """The result of a run, which stops if on_progress, called with all it tells, raises."""
    told = relay(events)
    with closing(told):
        while True:
            try:
                event = next(told)
            except StopIteration as end:
                return end.value
            if on_progress:
                on_progress(event)


@contextmanager
def clocked(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Add what the block takes to seconds[stage]."""
    start = time.perf_counter()
    yield
    seconds[stage] += time.perf_counter() - start


def _control(name: str, info: FieldInfo) -> Control:
    kind, choices = _kind_and_choices(info.annotation)
    limits = {
        bound: getattr(constraint, bound)
        for constraint in info.metadata
        for bound in ("ge", "le", "min_length", "max_length")
        if hasattr(constraint, bound)
    }
    return Control(
        name=name,
        title=info.title or name,
        help=info.description or "",
        kind=kind,
        default=None if info.is_required() else info.default,
        required=info.is_required(),
        minimum=limits.get("ge", limits.get("min_length")),
        maximum=limits.get("le", limits.get("max_length")),
        choices=choices,
    )


def _kind_and_choices(annotation: Any) -> tuple[type, tuple[Any, ...]]:
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(a for a in get_args(annotation) if a is not type(None))
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is Literal:
        choices = get_args(annotation)
        return type(choices[0]), choices
    return annotation, ()


def _sentence(request: type[Request], error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    controls = request.controls()
    if not first["loc"]:
        return f"A request has to be a set of settings: {', '.join(controls)}."
    name = str(first["loc"][0])
    if name not in controls:
        return f"There is no setting {name[:40]!r}; use {', '.join(controls)}."
    control = controls[name]
    if first["type"] in ("missing", "string_too_short"):
        return f"{control.title} is empty; it has to be {control.allowed}."
    if first["type"] == "string_too_long":
        length = len(first["input"])
        return f"{control.title} is too long ({length}); it has to be {control.allowed}."
    return f"{control.title} has to be {control.allowed}, not {_shown(first['input'])}."


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}…"
