"""U²-Net of the package rembg, which cuts real things out of pictures; an option, not required.

rembg fetches the network (176 MB) itself when it is first used, into a folder of its own. It stays
in main memory until the program ends, outside the registry's budget.
"""

from functools import cache
from types import ModuleType
from typing import Any

from PIL import Image

from perflow_demo.errors import LoadError

TITLE = "U²-Net of rembg"
SIDE = 320  # pixels of the squares it was trained on


def installed() -> bool:
    """Whether rembg is there; it may still have to fetch its network."""
    return _rembg() is not None


def loaded() -> bool:
    """Whether its network is in memory."""
    return bool(_session.cache_info().currsize)


def alpha(picture: Image.Image) -> Image.Image:
    """How far each part of an RGB picture is its foreground's: L, squeezed into a square of SIDE.

    Only where rembg is `installed`. Raises LoadError where its network cannot be fetched.
    """
    rembg = _rembg()
    try:
        session = _session(rembg)
    except (OSError, ValueError) as error:  # of the network, or of a file that came damaged
        raise LoadError(
            f"rembg could not fetch U²-Net ({type(error).__name__}); check the network and try "
            "again, or give a picture that is transparent around its object."
        ) from error
    square = picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return rembg.remove(square, session=session, only_mask=True)


def _rembg() -> ModuleType | None:
    try:
        import rembg
    except (ImportError, SystemExit):  # it ends the program where it lacks onnxruntime
        return None
    return rembg


@cache
def _session(rembg: ModuleType) -> Any:
    return rembg.new_session("u2net")
