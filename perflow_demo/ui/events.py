"""How the page's events behave: their queues, and errors as one sentence."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import wraps
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency
from gradio.utils import get_upload_folder

from perflow_demo.errors import BadRequest, UserError
from perflow_demo.tasks.contract import Progress, Request
from perflow_demo.ui.run import paced

# One running generation a device, as `launch` says: all tasks share this queue, the others wait and
# see their place.
ON_DEVICE: dict[str, Any] = {"concurrency_limit": "default", "concurrency_id": "device"}
# The page's own events: not part of the API, and at once.
INTERNAL: dict[str, Any] = {"api_visibility": "private"}
# Of what is sent while a run of it goes on, the last is run next; gradio would drop it.
LATEST: dict[str, Any] = {"trigger_mode": "always_last"}
Upload = dict[str, Any] | None  # what gradio's clients send for a file
AT_ONCE: dict[str, Any] = INTERNAL | {"queue": False, "show_progress": "hidden"}
# Only what goes through a queue can tell its error to the visitor.
MAY_FAIL: dict[str, Any] = INTERNAL | {"concurrency_limit": None, "show_progress": "hidden"}


def on_device(place: gr.HTML) -> dict[str, Any]:
    """The options of a run that the page asks for; place: shows where in the queue it is."""
    return ON_DEVICE | INTERNAL | {"show_progress": "minimal", "show_progress_on": place}


def then_enter_runs(event: Dependency) -> None:
    """When the event is over the prompt has the focus."""
    event.then(None, js="() => perflow.focusPrompt()", **AT_ONCE)


def explained(function: Callable) -> Callable:
    """The function, with its UserError turned into gradio's: a message without a traceback."""

    @wraps(function)
    def wrapper(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except UserError as error:
            raise _told(error) from error

    return wrapper


def _told(error: UserError) -> gr.Error:
    return gr.Error(str(error), title="", print_exception=False)


def quiet(function: Callable) -> Callable:
    """The function; after a UserError nothing changes, since another event of its trigger tells."""

    @wraps(function)
    def wrapper(*args):
        try:
            return function(*args)
        except UserError:
            return gr.skip()

    return wrapper


def publish(
    task,
    started: Callable[..., Iterator],
    files: Callable[[Any], list[str]],
    pictured: bool = False,
) -> None:
    """Make a task callable through the API, where a job can be cancelled.

    task: its row in the table of tasks. started: request → the run's events, its result the last.
    files: of that result, as paths that gradio serves. pictured: as in `endpoint`.
    """

    def answer(*asked) -> Iterator[tuple[list, dict]]:
        """Files with their recipes inside, and the request as it was run; nothing before."""
        with closing(paced(started(*asked))) as told:
            for event in told:
                if isinstance(event, Progress):
                    yield [], {}
                else:
                    made = [gr.FileData(path=file).model_dump() for file in files(event)]
                    yield made, event.request.model_dump() | {"notes": event.notes}

    gr.api(
        endpoint(answer, task.request, tuple[list[str], dict], pictured),
        api_name=task.name,
        api_description=task.description,
        **ON_DEVICE,
    )


def endpoint(
    function: Callable[..., Iterator], request: type[Request], returns: Any, pictured: bool = False
) -> Callable:
    """A generator of the fields a request asks for, named, typed and defaulted as they are.

    For `gr.api`. pictured: it takes an uploaded picture too, whose path, or None, follows the
    request in `function`.
    """
    fields = {name: request.model_fields[name] for name in request.controls()}

    def call(*values):
        *values, file = values if pictured else (*values, None)
        try:
            made = request(**dict(zip(fields, values, strict=True)))
            yield from function(made, uploaded(file)) if pictured else function(made)
        except UserError as error:
            raise _told(error) from error

    parameters = [
        Parameter(
            name,
            Parameter.POSITIONAL_OR_KEYWORD,
            default=Parameter.empty if field.is_required() else field.default,
            annotation=field.annotation,
        )
        for name, field in fields.items()
    ]
    if pictured:
        parameters.append(parameters[0].replace(name="picture", default=None, annotation=Upload))
    call.__signature__ = Signature(parameters, return_annotation=returns)
    call.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": returns}
    call.__doc__ = function.__doc__
    return call


def run_examples(chips: gr.HTML, prompt: gr.Textbox, picture: gr.Image | None = None) -> None:
    """A chip that is clicked gives its words, in place of any picture, and starts a run."""

    def words(event: gr.EventData) -> dict:
        return {prompt: event.prompt} | ({picture: None} if picture else {})

    boxes = [prompt, picture] if picture else [prompt]
    chosen = chips.example(words, None, boxes, **AT_ONCE)
    chosen.then(None, js="() => perflow.generate()", **AT_ONCE)


def received(
    handed: gr.State,
    title: str,
    outputs: Any,
    look: Callable[..., Any] = lambda files: files[0],
    beside: Sequence[Any] = (),
) -> Dependency:
    """Shows pictures of another tab and opens the tab of that title; handed: see Header.

    look: files and values of `beside` → values of `outputs`; that of a gr.Image is the first file.
    """
    inputs = [handed, *beside]
    arrived = handed.change(
        lambda sent, *values: look(sent[0], *values), inputs, outputs, **MAY_FAIL
    )
    return arrived.then(None, js=f"() => perflow.open('{title}')", **AT_ONCE)


def one_of(prompt: gr.Textbox, picture: gr.Image, received: Dependency) -> Dependency:
    """Words and a picture exclude each other: what came last stays.

    received: shows a picture of another tab. Returns the event in which it takes the words' place.
    """
    wordless = {"js": "() => ''", **AT_ONCE}
    prompt.input(None, None, picture, js="() => null", **AT_ONCE)
    then_enter_runs(picture.upload(None, None, prompt, **wordless))
    return received.then(None, None, prompt, **wordless)


def want_picture(request: Request, given: str | None) -> None:
    """Where the settings of a request are back, ask for the picture that it was run on.

    given: the one there is; any will do.
    """
    if not request.prompt and not given:
        gr.Info("These settings are for a picture: add it, and press Enter.", title="", duration=8)


def uploaded(file: Upload) -> Path | None:
    """The path of a file that a client has uploaded; raises BadRequest for any other."""
    if file is None:
        return None
    path = Path(str(file.get("path"))).resolve() if isinstance(file, dict) else None
    if path is None or not path.is_relative_to(Path(get_upload_folder()).resolve()):
        raise BadRequest("The picture has to be an uploaded file, such as handle_file makes.")
    return path
