"""Pictures of published families, looked at before strangers see them."""

from collections.abc import Generator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from perflow_demo.tasks.contract import Loading
from perflow_demo.tasks.leasing import lease

if TYPE_CHECKING:
    from PIL.Image import Image

    from perflow_demo.registry import Registry

NOTE = (
    "{count} of {total} pictures withheld by the safety checker, which errs at times; try other "
    "words or another seed."
)


def checked(
    pictures: "Sequence[Image]", registry: "Registry"
) -> "Generator[Loading, None, tuple[tuple[Image, ...], tuple[int, ...]]]":
    """Yield Loading; return the pictures, unsuitable ones black, and the places of those."""
    with ExitStack() as stack:
        checker = yield from lease(stack, registry.lease_checker)
        import torch
        from PIL import Image

        with torch.inference_mode():
            seen = checker.processor(list(pictures), return_tensors="pt").pixel_values
            network = checker.network
            seen = seen.to(network.device, network.dtype)
            # The network blackens arrays of its own; only its judgement is wanted.
            _, unsuitable = network(clip_input=seen, images=torch.zeros(len(pictures), 1))
    shown = tuple(
        Image.new("RGB", picture.size) if bad else picture
        for picture, bad in zip(pictures, unsuitable, strict=True)
    )
    return shown, tuple(place for place, bad in enumerate(unsuitable) if bad)


def notes(withheld: Sequence[int], total: int) -> list[str]:
    """What there is to say where pictures of `total` were withheld."""
    return [NOTE.format(count=len(withheld), total=total)] if withheld else []
