"""A picture's one object, cut out; or a sentence that says why it cannot be."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from perflow_demo.errors import BadRequest
from perflow_demo.models import u2net
from perflow_demo.models.catalogue import FOREGROUND
from perflow_demo.tasks.contract import Loading
from perflow_demo.tasks.leasing import lease

if TYPE_CHECKING:
    from diffusers import ModelMixin

    from perflow_demo.geometry.silhouette import Silhouette
    from perflow_demo.registry import Registry

LEAST = 0.005  # of the picture that an object covers
LARGEST = 1024  # pixels along a side of a cut-out
ANOTHER = "draw another one with a new seed, or name one single thing"
SEEN = 0.25  # share of alpha from which on a view's pixel stays as it is
CUT_ALREADY = 128  # a picture with pixels more transparent than this is a cut-out
FILLED = 0.9  # of its outermost pixels: a cut-out that covers more shows a part of its object only
SMALL = (
    "The object was cut out by Pocket's small network, which knows toy-like things: the package "
    "rembg does it better where it is installed, and a transparent PNG is taken as it is."
)


class NothingFound(BadRequest):
    """No object stands out from the picture."""


class TouchesBorders(BadRequest):
    """The object reaches all four borders, so that the picture shows a part of it only."""


class SeveralObjects(BadRequest):
    """The picture shows more than one object."""


def stream(
    picture: Image.Image,
    registry: "Registry",
    model: str = "pocket",
    drawn: bool = False,
    real: bool = False,
) -> Generator[Loading, None, tuple[Image.Image, list[str]]]:
    """Yield Loading while a network is read; return the object as `cut_out` does, and notes.

    drawn: of a prompt, so that what is wrong with the picture is not its giver's to mend.
    real: for a published family, whose pictures show more than toys: rembg cuts them out where it
    is installed (see `models.u2net`), else the network does and a note says so.
    """
    notes = []
    with ExitStack() as stack:
        whole = _upright(picture)
        alpha = whole.getchannel("A")
        own = alpha.getextrema()[0] < CUT_ALREADY
        if not own:
            colours = whole.convert("RGB")
            if real and not registry.offline and u2net.installed():
                network = yield from lease(stack, registry.lease_u2net)
                alpha = network.alpha(colours)
            else:
                lent = partial(registry.lease_foreground, model)
                network = yield from lease(stack, lent)
                (alpha,) = map(_levels, _alphas([colours], network, FOREGROUND[model].size))
                notes += [SMALL] if real else []
    return _cut(whole, alpha, own, ANOTHER if drawn else ""), notes


def reduced(picture: Image.Image) -> Image.Image:
    """The picture, at most as large as its cut-out will be."""
    small = picture
    if max(picture.size) > LARGEST:
        small = picture.copy()
        small.thumbnail((LARGEST, LARGEST))
    return small


def cut_out(
    picture: Image.Image,
    registry: "Registry",
    model: str = "pocket",
    on_progress: Callable[[Loading], None] | None = None,
) -> Image.Image:
    """The picture's object: RGBA of the picture's size, at most 1024 px along its longer side.

    picture: any mode; one that is transparent already keeps its own alpha. model: a row of the
    catalogue's FOREGROUND. Raises NothingFound, TouchesBorders or SeveralObjects for what is no
    picture of one whole object, and what `Registry.lease_foreground` raises.
    """
    events = stream(picture, registry, model)
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            cut, _ = end.value
            return cut
        if on_progress:
            on_progress(event)


def cleared(
    pages: Mapping[str, Sequence[Image.Image]], network: "ModelMixin", size: int
) -> dict[str, list[Image.Image]]:
    """Views of one object by domain, white where the network sees none in any domain of a view.

    pages: RGB, of one size. network, size: a foreground network and the side it works at. What it
    sees but faintly stays: its outlines are not those of the views.
    """
    alphas = np.max([_alphas(views, network, size) for views in pages.values()], axis=0)
    masks = [_levels(np.minimum(1, alpha / SEEN)) for alpha in alphas]

    def on_white(view: Image.Image, mask: Image.Image) -> Image.Image:
        white = Image.new("RGB", view.size, "white")
        return Image.composite(view, white, mask.resize(view.size))

    return {domain: [*map(on_white, views, masks)] for domain, views in pages.items()}


def _upright(picture: Image.Image) -> Image.Image:
    return reduced(ImageOps.exif_transpose(picture).convert("RGBA"))


def _alphas(pictures: Sequence[Image.Image], network: "ModelMixin", size: int) -> np.ndarray:
    """What the network says of RGB pictures, squeezed into its square: B×size×size, 0…1."""
    import torch

    squares = np.stack([np.asarray(picture.resize((size, size))) for picture in pictures])
    pixels = torch.from_numpy(squares).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.inference_mode():
        alphas = network(pixels.to(network.device, network.dtype)).float().sigmoid()
    return alphas[:, 0].cpu().numpy()


def _cut(picture: Image.Image, alpha: Image.Image, own: bool, advice: str) -> Image.Image:
    """The RGBA picture with this alpha, once it is clear that it shows one whole object.

    own: whether the alpha is the picture's own.
    """
    from perflow_demo.geometry import silhouette

    found = silhouette.read(np.asarray(alpha) / np.float32(255))
    # People crop what they have cut out, so that it touches all borders and still is whole.
    _refuse(found, found.rim > FILLED if own else found.borders == 4, advice)
    levels = _levels(found.alpha).resize(picture.size)
    rgb = np.asarray(picture.convert("RGB"))
    colours = silhouette.own_colours(rgb, np.asarray(levels) / np.float32(255))
    cut = Image.fromarray(colours).convert("RGBA")
    cut.putalpha(levels)
    return cut


def _levels(alpha: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(alpha * 255).astype(np.uint8))


def _refuse(found: "Silhouette", cropped: bool, advice: str) -> None:
    """advice: what to do in any case; without it, what to do by the case."""
    if found.share < LEAST:
        plain = "use one that shows a single object before a plain background"
        raise NothingFound(f"No object was found in the picture; {advice or plain}.")
    if cropped:
        whole = "use one that shows it whole, with some space around it"
        raise TouchesBorders(f"The object touches all borders of the picture; {advice or whole}.")
    if found.things > 1:
        single = "use one that shows a single object, or cut one out of it"
        raise SeveralObjects(
            f"There are {found.things} objects in the picture; {advice or single}."
        )
