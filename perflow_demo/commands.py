"""A command for each task of the table; its options are the fields of the task's request."""

import inspect
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from perflow_demo.errors import BadRequest, UserError
from perflow_demo.export import glb, png, views
from perflow_demo.export import turntable as turning
from perflow_demo.registry import open_registry
from perflow_demo.settings import Settings
from perflow_demo.tasks.contract import Control, Loading, Phase, Progress, Request, Stage
from perflow_demo.tasks.picture import open_picture
from perflow_demo.tasks.refine import drawn_with
from perflow_demo.tasks.table import REQUESTS, Task
from perflow_demo.tasks.text_to_image import TextToImageRequest

if TYPE_CHECKING:
    from PIL.Image import Image

# Switches whose off has a name of its own.
SWITCHES = {
    "texture": "--texture/--vertex-colors",
    "details": "--details/--no-details",
    "print_ready": "--print-ready",
}
# What no value means, where the family does not decide, and what only holds here.
UNSET = {
    "style": "the base",
    "lora": "none",
    "resolution": "the 3D model's",
    "faces": "as many as there are",
}
ALSO = {"texture": " By default only a GLB has one."}


def _debug(context: typer.Context, value: bool) -> None:
    context.meta["debug"] = value


Debug = Annotated[
    bool, typer.Option("--debug", help="Show a traceback when it fails.", callback=_debug)
]


def _drawing(task: Task):
    """The command of a task whose result is pictures; its options are the request's fields."""

    def command(output: Path, debug: bool, **values: str | None) -> None:
        request = task.request(**_given(task, values))
        paths = _paths(output, request.count)
        registry = open_registry(Settings.from_environment())
        result = task.run(request, registry, _tell)
        for index, (path, picture) in enumerate(zip(paths, result.pictures, strict=True)):
            _write(path, png.encode(picture, result.recipe(index)))
            typer.echo(path)
        for note in result.notes:
            typer.echo(note, err=True)
        used, seeds = result.request, " ".join(map(str, result.seeds))
        typer.echo(f"seed {seeds} · {used.steps} steps · {result.timings.total:.2f} s", err=True)

    out = typer.Option("-o", "--output", help="The PNG file to write; OUT-1.png … for several.")
    options = [_option(control) for control in task.request.controls().values()]
    return _described(command, task, [*options, _parameter("output", Annotated[Path, out])])


def _refining(task: Task):
    """The command of the task that makes one picture of another."""

    def command(image: Path, output: Path, debug: bool, **values: str | None) -> None:
        source = png.find_recipe(image, TextToImageRequest)
        asked = ({"family": source.family} if source else {}) | _given(task, values)
        drawn = drawn_with(source, asked.get("family", ""))
        request = task.request(source=source, **drawn | asked)
        picture = open_picture(image)
        (path,) = _paths(output, 1)
        registry = open_registry(Settings.from_environment())
        result = task.run(request, registry, _tell, picture=picture)
        _write(path, png.encode(result.picture, result.request))
        typer.echo(path)
        for line in (*result.notes, result.line()):
            typer.echo(line, err=True)

    given = typer.Argument(help="The picture to refine.", show_default=False)
    out = typer.Option("-o", "--output", help="The PNG file to write.")
    controls = task.request.controls().values()
    options = [
        _parameter("image", Annotated[Path, given]),
        *(_option(control, argument=None) for control in controls),
        _parameter("output", Annotated[Path, out]),
    ]
    return _described(command, task, options)


def _surrounding(task: Task):
    """The command of the task whose result is an object's views, from a prompt or a picture."""

    def command(
        output: Path, image: Path | None, debug: bool, prompt: str | None, **values: str | None
    ) -> None:
        request = task.request(**_given(task, values | {"prompt": prompt}))
        request, picture = _pictured(request, image)
        _check_folder(output)
        registry = open_registry(Settings.from_environment())
        result = task.run(request, registry, _tell, picture=picture)
        pages = result.picture, result.cutout, result.normals, result.colours
        contents = views.files(result.request, *pages)
        for name, content in (contents | {"views.zip": views.zipped(contents)}).items():
            _write(output / name, content)
        typer.echo(output)
        for line in (*result.notes, result.line()):
            typer.echo(line, err=True)

    controls = task.request.controls()
    said = typer.Argument(help=controls["prompt"].help, show_default=False)
    folder = typer.Option("-o", "--output", help="The folder to write into; made if need be.")
    given = typer.Option("--image", help="A picture of one object, instead of a prompt.")
    options = [
        _parameter("prompt", Annotated[str | None, said], None),
        _parameter("image", Annotated[Path | None, given], None),
        *(_option(control) for name, control in controls.items() if name != "prompt"),
        _parameter("output", Annotated[Path, folder]),
    ]
    return _described(command, task, options)


def _shaping(task: Task):
    """The command of a task whose result is a mesh; a picture may stand in for the prompt."""

    def command(
        output: Path, image: Path | None, turntable: Path | None, debug: bool, **values: Any
    ) -> None:
        form = _extension(output, glb.FORMATS)
        turning_form = turntable and _extension(turntable, turning.FORMATS)
        request = task.request(**{"texture": form == "glb"} | _given(task, values))
        request, picture = _pictured(request, image)
        registry = open_registry(Settings.from_environment())
        result = task.run(request, registry, _tell, picture=picture)
        content = glb.encode_result(result, form)
        # With its texture, an OBJ is several files.
        bundled = form == "obj" and result.mesh.texture is not None
        made = {output.with_suffix(".zip") if bundled else output: content}
        if turntable:
            made[turntable] = turning.encode(result.mesh, turning_form)
        for path, content in made.items():
            _write(path, content)
            typer.echo(path)
        for line in (*result.notes, result.line()):
            typer.echo(line, err=True)

    files = {
        "output": (
            Path,
            ("-o", "--output"),
            f"The file to write: {', '.join(glb.FORMATS)}; an OBJ with its texture becomes a ZIP.",
        ),
        "image": (Path | None, ("--image",), "A picture to start from, instead of a prompt."),
        "turntable": (Path | None, ("--turntable",), "Write one turn too: webp or gif."),
    }
    options = [
        _parameter(
            name,
            Annotated[kind, typer.Option(*words, help=help)],
            *([] if kind is Path else [None]),
        )
        for name, (kind, words, help) in files.items()
    ]
    return _described(command, task, [*map(_option, task.request.controls().values()), *options])


def _pictured(request: Request, image: Path | None) -> tuple[Request, "Image | None"]:
    """The request, knowing what drew the picture in a file, and that picture; or without any."""
    if image is None:
        return request, None
    source = png.find_drawing(image, REQUESTS)
    return request.model_copy(update={"source": source}), open_picture(image)


def _described(command, task: Task, options: list[inspect.Parameter]):
    """The command with these options, --debug and the task's words, for typer to read."""
    options = [*options, _parameter("debug", Debug, False)]
    command.__signature__ = inspect.Signature(options)
    command.__annotations__ = {option.name: option.annotation for option in options}
    command.__doc__ = task.description
    return command


def _option(control: Control, argument: str | None = "prompt") -> inspect.Parameter:
    """An argument for the setting of that name, an option for the rest, named by its first word.

    Values stay text here: the request reads and checks them, and says what is wrong.
    """
    if control.name == argument:
        said = typer.Argument(help=control.help, show_default=False)
        if control.required:
            return _parameter(control.name, Annotated[str, said])
        return _parameter(control.name, Annotated[str | None, said], None)
    if control.kind is bool:
        help = control.help + ALSO.get(control.name, "")
        option = typer.Option(SWITCHES[control.name], help=help, show_default=False)
        return _parameter(control.name, Annotated[bool | None, option], None)
    option = typer.Option(
        f"--{control.name.partition('_')[0]}",
        metavar=_form(control),
        help=control.help,
        show_default=UNSET.get(control.name, "the family's")
        if control.default is None
        else str(control.default),
    )
    return _parameter(control.name, Annotated[str | None, option], None)


def _form(control: Control) -> str:
    if control.choices:
        return "|".join(map(str, control.choices))
    return "TEXT" if control.kind is str else f"{control.minimum}..{control.maximum}"


def _given(task: Task, values: dict[str, str | None]) -> dict[str, Any]:
    """The values that were given, choices as what they stand for."""
    choices = {
        name: {str(choice): choice for choice in control.choices}
        for name, control in task.request.controls().items()
    }
    return {n: choices[n].get(text, text) for n, text in values.items() if text is not None}


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty):
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _paths(output: Path, count: int) -> list[Path]:
    if output.suffix.lower() != ".png":
        raise BadRequest(f"The output has to be a .png file, not {output.name}.")
    _check_parent(output)
    if count == 1:
        return [output]
    return [output.with_stem(f"{output.stem}-{number}") for number in range(1, count + 1)]


def _extension(path: Path, known: Iterable[str]) -> str:
    """How the file's name ends, in small letters; raises BadRequest unless that is known."""
    extension = path.suffix[1:].lower()
    if extension not in known:
        names = ", ".join(f".{name}" for name in known)
        raise BadRequest(f"{path.name} has to end in one of {names}.")
    _check_parent(path)
    return extension


def _check_folder(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise BadRequest(f"The output has to be a folder, and {path} is a file.")
    _check_parent(path)


def _check_parent(path: Path) -> None:
    if not path.parent.is_dir():
        raise BadRequest(f"There is no folder {path.parent}; make it first.")
    place = path if path.exists() else path.parent
    if not os.access(place, os.W_OK):
        raise BadRequest(f"{place} cannot be written to; choose another place.")


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error


def _tell(event: Progress) -> None:
    if isinstance(event, Loading):
        _tell_loading(event)
    elif isinstance(event, Stage):
        typer.echo(f"{event.name} ready", err=True)
    elif isinstance(event, Phase):
        if not event.share:
            typer.echo(f"stage {event.number} of {event.of}: {event.title}", err=True)
    else:
        typer.echo(f"step {event.number} of {event.of}", err=True)


def _tell_loading(event: Loading) -> None:
    """A line for each component, and where somebody watches how far it is."""
    watched = sys.stderr.isatty()
    begin = "\r\033[K" if watched else ""  # over what the line said before
    if event.bytes_done == event.bytes_total:
        amount = f" ({event.bytes_total / 1e6:.1f} MB)" if event.bytes_total else " …"
        typer.echo(f"{begin}loading {event.component}{amount}", err=True)
    elif watched:
        share = event.bytes_done / event.bytes_total
        typer.echo(f"{begin}loading {event.component}: {share:.0%}", nl=False, err=True)


COMMANDS = {
    "text_to_image": _drawing,
    "refine": _refining,
    "multiview": _surrounding,
    "to_3d": _shaping,
}
