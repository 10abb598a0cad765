"""A run as the stage shows it, and the files it leaves for the browser."""

import re
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from gradio.context import LocalContext
from gradio.processing_utils import save_bytes_to_cache, save_file_to_cache
from gradio.utils import get_upload_folder
from PIL.Image import Image

from perflow_demo.export import png
from perflow_demo.tasks.contract import Loading, Phase, Request, Step
from perflow_demo.tasks.picture import open_picture
from perflow_demo.tasks.table import REQUESTS
from perflow_demo.ui import stage

R = TypeVar("R", bound=Request)

PAUSE = 0.1  # seconds between two reports of a load or a phase, which come by the thousand


def paced(events: Iterator[Any]) -> Iterator[Any]:
    """A run's events, but of those of a load or a phase only some; closing it closes them."""
    reported, phase = 0.0, None
    with closing(events) as told:
        for event in told:
            if isinstance(event, Loading | Phase):
                more = event.bytes_total if isinstance(event, Loading) else event.title == phase
                phase = event.title if isinstance(event, Phase) else phase
                if more and time.monotonic() - reported <= PAUSE:
                    continue
                reported = time.monotonic()
            yield event


def watch(task, request: Request, registry, windows: int) -> Iterator[str | Any]:
    """The stage's HTML after each event of a run, then the task's result.

    task: its row in the table of tasks. windows: how many the film strip has room for.
    Closing the iterator stops the run. Raises what the task raises.
    """
    yield stage.starting(windows)
    film: dict[stage.Interval, str] = {}
    with closing(paced(task.stream(request, registry))) as told:
        for event in told:
            if isinstance(event, Step):
                if event.frame:
                    film[event.start, event.end] = stage.frame_url(event.frame)
                yield stage.running(event, list(film.items()), windows)
            elif isinstance(event, Loading):
                yield stage.loading(event, windows)
            else:
                yield event


def pictured(request: R, file: Path | str | None) -> tuple[R, Image | None]:
    """The request, knowing what drew the picture in a file, and that picture; or without any."""
    if not file:
        return request, None
    source = png.find_drawing(file, REQUESTS)
    return request.model_copy(update={"source": source}), open_picture(file)


def finished(result, files: list[str]) -> stage.Finished:
    """What the stage shows of a result; files: where `saved` put its pictures."""
    line = stage.recipe_line(result.request, result.seeds, result.timings)
    film = [((frame.start, frame.end), stage.frame_url(frame)) for frame in result.film]
    pictures = [
        stage.Shown(
            url_of(file),
            name_of(result.request.prompt, seed),
            result.request.prompt,
            # The time is that of all of them.
            line if len(files) == 1 else stage.recipe_line(result.request, [seed]),
            seed,
        )
        for file, seed in zip(files, result.seeds, strict=True)
    ]
    return stage.Finished(pictures, film, result.notes, line)


def saved(result) -> list[str]:
    """Paths of the result's pictures as PNG files with their recipes, where gradio serves them."""
    return [
        kept(png.encode(picture, result.recipe(index)), name_of(result.request.prompt, seed))
        for index, (picture, seed) in enumerate(zip(result.pictures, result.seeds, strict=True))
    ]


def kept(content: bytes, name: str) -> str:
    """The path of a file of that content and name which gradio serves, and deletes when it is old.

    To be called while an event is answered, else nothing deletes it.
    """
    return _deleted_in_time(save_bytes_to_cache(content, name, get_upload_folder()))


def copied(file: Path) -> str:
    """As `kept`, of a file that may be too large to be read at once."""
    return _deleted_in_time(save_file_to_cache(file, get_upload_folder()))


def _deleted_in_time(path: str) -> str:
    page = LocalContext.blocks.get(None)
    if page is not None:
        page.upload_file_set.add(path)
    return path


def url_of(file: str) -> str:
    """Where the browser gets a file that gradio serves, relative to the page."""
    return f"gradio_api/file={quote(file)}"


def file_stem(prompt: str) -> str:
    """A prompt as the name of a file, without its end."""
    words = re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")[:48].rstrip("-")
    return words or "picture"


def name_of(prompt: str, seed: int, suffix: str = ".png") -> str:
    """A file's name that tells the prompt and the seed."""
    return f"{file_stem(prompt)}-{seed}{suffix}"
