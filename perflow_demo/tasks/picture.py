"""A picture from a file that somebody chose: nothing in it is trusted."""

from pathlib import Path

from PIL import Image

from perflow_demo.errors import BadRequest

MAX_PIXELS = 4096**2
FORMATS = ("PNG", "JPEG", "WEBP")
# What Pillow raises for a damaged file, by the place where it is damaged.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError)


def open_picture(path: Path | str) -> Image.Image:
    """The whole picture, RGB or RGBA; raises BadRequest for what is none, damaged or too large."""
    try:
        with Image.open(path, formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise BadRequest(
                    f"The picture has more than {MAX_PIXELS / 1e6:.1f} million pixels; choose a "
                    "smaller one."
                )
            return picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    except Image.DecompressionBombError as error:
        raise BadRequest("The picture has far too many pixels; choose a smaller one.") from error
    except FileNotFoundError as error:
        raise BadRequest(f"There is no file {path}.") from error
    except DAMAGE as error:
        raise BadRequest(f"{Path(path).name} is no intact PNG, JPEG or WebP picture.") from error
