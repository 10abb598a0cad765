"""Recipes as files carry them: JSON text that becomes a request again, and is never trusted."""

import json
from pathlib import Path
from typing import Any, TypeVar

from perflow_demo.tasks.contract import RECIPE_FORMAT, BadRecipe, BadRequest, Request

KEY = "perflow"  # under which a file keeps its recipe
MAX_CHARACTERS = 2**16

R = TypeVar("R", bound=Request)


def content_of(file: Path | str | bytes, most: int) -> bytes:
    """The content of a file, or `file` itself where it is that; BadRecipe above `most` bytes."""
    if isinstance(file, bytes):
        content = file
    else:
        try:
            with open(file, "rb") as stream:
                content = stream.read(most + 1)
        except OSError as error:
            raise BadRecipe(f"{Path(file).name} cannot be read ({error.strerror}).") from error
    if len(content) > most:
        raise BadRecipe(f"The file is larger than {most // 2**20} MB; choose a smaller one.")
    return content


def parse(text: str) -> Any:
    """What the text of a recipe says; raises BadRecipe where that is no JSON."""
    if len(text) > MAX_CHARACTERS:
        raise _damaged("it is too long")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged("it is no JSON") from error


def request_of(recipe: Any, kind: type[R]) -> R:
    """The request that a recipe stands for, checked like any other.

    Raises BadRecipe for one that is damaged, of another task or of a newer program.
    """
    if not isinstance(recipe, dict):
        raise _damaged("it is no JSON object")
    version = recipe.get("format")
    if type(version) is not int or version < 1:
        raise _damaged("it names no format")
    if version > RECIPE_FORMAT:
        raise BadRecipe("The recipe was written by a newer version of this program; update it.")
    if recipe.get("task") != kind.task:
        raise BadRecipe(
            f"The recipe is for another task than {kind.task}; settings come back from files "
            "that this tab has made."
        )
    request = recipe.get("request")
    if isinstance(request, dict):
        request = kind.formerly | request
    try:
        return kind.model_validate(request)
    except BadRequest as error:
        raise _damaged(str(error)) from error


def _damaged(reason: str) -> BadRecipe:
    return BadRecipe(f"The recipe in the file is damaged: {reason.rstrip('.')}.")
