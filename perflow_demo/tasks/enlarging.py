"""A picture brought to a larger size without any network: what a refinement starts from."""

from PIL import Image

from perflow_demo.errors import BadRequest

SMALLEST = 64  # pixels along the short side of a picture to refine
LARGEST = 2048  # and of a refined one
MAX_PIXELS = 4096**2  # of a refined picture, as its recipe can be read back
ROUNDED = 32  # pixels that the long side may gain when it becomes a whole number of latents


def check(size: tuple[int, int], to: int) -> None:
    """Raise BadRequest where a picture of this size cannot become one whose short side is `to`."""
    short, long = sorted(size)
    if short < SMALLEST:
        raise BadRequest(
            f"The picture's short side is {short} pixels; choose one of {SMALLEST} or more."
        )
    if short > LARGEST:
        raise BadRequest(
            f"The picture's short side is {short} pixels, and of refined ones it is {LARGEST} at "
            "most; make the picture smaller first."
        )
    if short > to:
        raise BadRequest(
            f"The picture's short side is {short} pixels already, more than the {to} asked for; "
            "ask for a larger size, or make the picture smaller first."
        )
    if to * (to * long / short + ROUNDED) > MAX_PIXELS:
        raise BadRequest(
            f"{size[0]}×{size[1]} is too long a shape to become {to} pixels high or wide; ask for "
            "a smaller size, or cut the picture."
        )


def enlarge(picture: Image.Image, to: int, multiple: int) -> Image.Image:
    """The RGB picture with `to` pixels along its short side, both sides multiples of `multiple`.

    to: a multiple itself. The long side is rounded, which stretches it by half of one at most.
    """
    short = min(picture.size)
    size = tuple(multiple * round(side * to / short / multiple) for side in picture.size)
    return picture.resize(size, Image.Resampling.LANCZOS)


def transparent(picture: Image.Image) -> bool:
    """Whether something shows through the picture; many opaque ones have an alpha channel too."""
    if not picture.has_transparency_data:
        return False
    least, _ = picture.convert("RGBA").getchannel("A").getextrema()
    return least < 255


def flatten(picture: Image.Image) -> Image.Image:
    """The picture as RGB, whatever is transparent on white."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    whole = Image.new("RGBA", picture.size, "white")
    whole.alpha_composite(picture.convert("RGBA"))
    return whole.convert("RGB")
