"""PNG files that carry the recipe of their picture, and the recipe read back from them."""

import json
from collections.abc import Iterable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from PIL import Image, PngImagePlugin

from perflow_demo.export.recipes import KEY, R, content_of, parse, request_of
from perflow_demo.tasks.contract import DAMAGE, FORMATS, BadRecipe, Request

MAX_BYTES = 32 * 2**20
MAX_PIXELS = 4096**2


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
    return request_of(parse(_recipe_text(content_of(file, MAX_BYTES))), kind)


def find_recipe(file: Path | str | bytes, kind: type[R]) -> R | None:
    """As `read_recipe`, or None where the file has none that can be read."""
    try:
        return read_recipe(file, kind)
    except BadRecipe:
        return None


def find_drawing(file: Path | str | bytes, kinds: Iterable[type[Request]]) -> Request | None:
    """The request that drew what a picture shows, whatever was made of it since.

    kinds: the requests that its recipe may be of. None where it does not tell.
    """
    with suppress(BadRecipe):
        recipe = parse(_recipe_text(content_of(file, MAX_BYTES)))
        for kind in kinds:
            if isinstance(recipe, dict) and recipe.get("task") == kind.task:
                return request_of(recipe, kind).drawing
    return None


def _recipe_text(content: bytes) -> str:
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as picture:
            width, height, text = *picture.size, picture.info.get(KEY)
            picture.verify()
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except DAMAGE as error:
        raise BadRecipe("The file is no intact PNG, JPEG, WebP or AVIF picture.") from error
    if width * height > MAX_PIXELS:
        raise _too_many_pixels()
    if not isinstance(text, str):
        raise BadRecipe("The picture carries no recipe; use a PNG saved by this program.")
    return text


def _too_many_pixels() -> BadRecipe:
    return BadRecipe(
        f"The picture has more than {MAX_PIXELS / 1e6:.1f} million pixels; choose a smaller one."
    )
