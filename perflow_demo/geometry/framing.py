"""A cut-out object brought to the middle of a square picture."""

from __future__ import annotations

from PIL import Image

SIZE = 256
FILL = 0.8  # share of the side that the object's longer side takes, as Wonder3D's authors advise
WHITE = (255, 255, 255)


def centre(cutout: Image.Image, size: int = SIZE, fill: float = FILL) -> Image.Image:
    """The cut-out object, scaled and centred on a transparent square: RGBA, size×size pixels.

    cutout: RGBA, the object where alpha is above zero. fill: in (0, 1], the longer side of the
    object in sides of the square. Raises ValueError where the cut-out is empty.
    Source: the input preparation published with Wonder3D, its numbers included: it leaves out the
    last row and column of the object.
    """
    box = cutout.getchannel("A").getbbox()
    if box is None:
        raise ValueError("the cut-out is empty: its alpha is zero everywhere")
    left, top, right, bottom = box
    width, height = max(right - left - 1, 1), max(bottom - top - 1, 1)
    scale = int(size * fill) / max(width, height)
    target = max(int(width * scale), 1), max(int(height * scale), 1)
    # Pillow weighs colours by alpha here, so nothing of what lay behind the object bleeds in.
    part = cutout.crop((left, top, left + width, top + height))
    part = part.resize(target, Image.Resampling.BICUBIC)
    square = Image.new("RGBA", (size, size))
    square.paste(part, ((size - target[0]) // 2, (size - target[1]) // 2))
    return square


def flatten(cutout: Image.Image, colour: tuple[int, int, int] = WHITE) -> Image.Image:
    """The RGBA cut-out over a plain background: RGB."""
    background = Image.new("RGBA", cutout.size, (*colour, 255))
    return Image.alpha_composite(background, cutout).convert("RGB")
