"""PNG files that carry the recipe of their picture, and the recipe read back from them."""

import json
from io import BytesIO
from pathlib import Path
from typing import TypeVar

from PIL import Image, PngImagePlugin

from perflow_demo.tasks.contract import DAMAGE, RECIPE_FORMAT, BadRecipe, BadRequest, Request

KEY = "perflow"
MAX_BYTES = 32 * 2**20
MAX_PIXELS = 4096**2
MAX_RECIPE_CHARACTERS = 2**16

R = TypeVar("R", bound=Request)


def encode(picture: Image.Image, request: Request) -> bytes:
    """A PNG file of the picture with its request inside, as JSON and as `parameters` text."""
    text = PngImagePlugin.PngInfo()
    # International text, since a prompt may be in any script.
    text.add_itxt(KEY, json.dumps(request.recipe(), ensure_ascii=False))
    text.add_itxt("parameters", request.parameters())
    file = BytesIO()
    picture.save(file, "PNG", pnginfo=text)
    return file.getvalue()


def read_recipe(file: Path | str | bytes, kind: type[R]) -> R:
    """The request that a picture was made by, checked like any other.

    file: a path, or the content itself; up to 32 MiB and 16.8 million pixels.
    kind: the request looked for. Nothing in the file is trusted.
    Raises BadRecipe for what is no picture, too large, without a recipe, or with one that is
    damaged, of another task or of a newer program.
    """
    recipe = _parse(_recipe_text(_content(file)))
    version = recipe.get("format")
    if type(version) is not int or version < 1:
        raise _damaged("it names no format")
    if version > RECIPE_FORMAT:
        raise BadRecipe("The recipe was written by a newer version of this program; update it.")
    if recipe.get("task") != kind.task:
        raise BadRecipe(
            f"The recipe is for another task than {kind.task}; settings come back from pictures "
            "that this tab has made."
        )
    try:
        return kind.model_validate(recipe.get("request"))
    except BadRequest as error:
        raise _damaged(str(error)) from error


def find_recipe(file: Path | str | bytes, kind: type[R]) -> R | None:
    """As `read_recipe`, or None where the file has none that can be read."""
    try:
        return read_recipe(file, kind)
    except BadRecipe:
        return None


def _content(file: Path | str | bytes) -> bytes:
    if isinstance(file, bytes):
        content = file[: MAX_BYTES + 1]
    else:
        try:
            with open(file, "rb") as stream:
                content = stream.read(MAX_BYTES + 1)
        except OSError as error:
            raise BadRecipe(f"{file} cannot be read ({error.strerror}).") from error
    if len(content) > MAX_BYTES:
        raise BadRecipe(f"The file is larger than {MAX_BYTES // 2**20} MB; choose a smaller one.")
    return content


def _recipe_text(content: bytes) -> str:
    try:
        with Image.open(BytesIO(content), formats=("PNG", "JPEG", "WEBP")) as picture:
            width, height, text = *picture.size, picture.info.get(KEY)
            picture.verify()
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except DAMAGE as error:
        raise BadRecipe("The file is no intact PNG, JPEG or WebP picture.") from error
    if width * height > MAX_PIXELS:
        raise _too_many_pixels()
    if not isinstance(text, str):
        raise BadRecipe("The picture carries no recipe; use a PNG saved by this program.")
    return text


def _parse(text: str) -> dict:
    if len(text) > MAX_RECIPE_CHARACTERS:
        raise _damaged("it is too long")
    try:
        recipe = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged("it is no JSON") from error
    if not isinstance(recipe, dict):
        raise _damaged("it is no JSON object")
    return recipe


def _too_many_pixels() -> BadRecipe:
    return BadRecipe(
        f"The picture has more than {MAX_PIXELS / 1e6:.1f} million pixels; choose a smaller one."
    )


def _damaged(reason: str) -> BadRecipe:
    return BadRecipe(f"The recipe in the picture is damaged: {reason.rstrip('.')}.")
