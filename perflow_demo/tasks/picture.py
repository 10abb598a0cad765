"""A picture from a file that somebody chose: nothing in it is trusted."""

import hashlib
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

from perflow_demo.tasks.contract import DAMAGE, FORMATS, BadRequest

MAX_PIXELS = 40_000_000
SIXTEEN_TO_EIGHT = 257  # 65535 of 16 bits is 255 of 8


def open_picture(path: Path | str) -> Image.Image:
    """The whole picture, upright, RGB or RGBA in sRGB, whatever depth and colours its file has.

    Raises BadRequest for what is no picture, damaged, animated or too large.
    """
    try:
        with Image.open(path, formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise BadRequest(
                    f"The picture has more than {MAX_PIXELS / 1e6:.1f} million pixels; choose a "
                    "smaller one."
                )
            # Of a JPEG with a second picture inside, as cameras write them, the first is the photo.
            if picture.format != "MPO" and getattr(picture, "is_animated", False):
                raise BadRequest(f"{Path(path).name} is animated; choose a still picture.")
            return _plain(ImageOps.exif_transpose(picture))
    except Image.DecompressionBombError as error:
        raise BadRequest("The picture has far too many pixels; choose a smaller one.") from error
    except FileNotFoundError as error:
        raise BadRequest(f"There is no file {Path(path).name}; choose another.") from error
    except DAMAGE as error:
        raise BadRequest(
            f"{Path(path).name} is no intact PNG, JPEG, WebP or AVIF picture."
        ) from error


def digest(picture: Image.Image) -> str:
    """SHA-256 of a picture's mode, size and pixels, as hexadecimal digits."""
    content = f"{picture.mode} {picture.size}".encode() + picture.tobytes()
    return hashlib.sha256(content).hexdigest()


def _plain(picture: Image.Image) -> Image.Image:
    # Pillow would clip grey of 16 bits to that of 8.
    if picture.mode.startswith("I"):
        levels = np.asarray(picture) // SIXTEEN_TO_EIGHT
        return Image.fromarray(levels.astype(np.uint8)).convert("RGB")
    colours = _in_srgb(picture)
    if picture.has_transparency_data:
        colours.putalpha(picture.convert("RGBA").getchannel("A"))
    return colours


def _in_srgb(picture: Image.Image) -> Image.Image:
    """RGB as it is meant to be seen: phones and scanners write profiles of their own colours."""
    profile = picture.info.get("icc_profile")
    if profile:
        seen = picture if picture.mode in ("L", "CMYK") else picture.convert("RGB")
        try:
            own = ImageCms.ImageCmsProfile(BytesIO(profile))
            return ImageCms.profileToProfile(
                seen, own, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError):
            pass  # damaged, or of colours that these are not
    return picture.convert("RGB")
