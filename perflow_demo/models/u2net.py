"""U²-Net of the package rembg, which cuts real things out of pictures; an option, not required.

rembg fetches the network itself when it is first used; here into the hub's folder. Whatever the
device, it computes on the CPU.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from PIL import Image

from perflow_demo.errors import LoadError

TITLE = "U²-Net of rembg"
SIDE = 320  # pixels of the squares it was trained on
BYTES = 176_000_000  # of its weights


@dataclass(frozen=True)
class U2Net:
    """The network, ready for use, in main memory."""

    rembg: ModuleType
    session: Any

    def alpha(self, picture: Image.Image) -> Image.Image:
        """How far each part of an RGB picture is its foreground's: L, squeezed into SIDE×SIDE."""
        square = picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        return self.rembg.remove(square, session=self.session, only_mask=True)


def installed() -> bool:
    """Whether rembg is there; it may still have to fetch its network."""
    return _rembg() is not None


def load() -> U2Net:
    """Only where rembg is `installed`. Raises LoadError where its network cannot be fetched."""
    from huggingface_hub.constants import HF_HOME

    os.environ.setdefault("U2NET_HOME", str(Path(HF_HOME) / "u2net"))
    rembg = _rembg()
    try:
        return U2Net(rembg, rembg.new_session("u2net"))
    except (OSError, ValueError) as error:  # of the network, or of a file that came damaged
        raise LoadError(
            f"rembg could not fetch U²-Net ({type(error).__name__}); check the network and try "
            "again, or give a picture that is transparent around its object."
        ) from error


def _rembg() -> ModuleType | None:
    try:
        import rembg
    except (ImportError, SystemExit):  # it ends the program where it lacks onnxruntime
        return None
    return rembg
