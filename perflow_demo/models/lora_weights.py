"""What a LoRA file adds to a UNet's weights."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import Tensor

from perflow_demo.errors import LoadError
from perflow_demo.models.stored import ADVICE, BytesRead, read_header, read_tensors

# The down factor of a module, as diffusers names it after its conversions of other forms.
DOWN = re.compile(r"(.+?)(?:\.processor\.(to_\w+)_lora\.down|\.lora\.down|\.lora_A)\.weight")


class Differences(Mapping):
    """What a LoRA adds to a UNet's weights: alpha / rank · up · down by key, in float32.

    Each product is made when it is asked for, since all of them take more than the UNet.
    left_out: how many tensors are for text encoders, which are shared and stay as they are.
    shapes: of all products.
    """

    def __init__(self, factors: dict[str, tuple[Tensor, Tensor, float]], left_out: int) -> None:
        self._factors, self.left_out = factors, left_out
        self.shapes = {
            key: (len(up), *down.shape[1:]) for key, (up, down, _) in self._factors.items()
        }

    def __getitem__(self, key: str) -> Tensor:
        up, down, scale = self._factors[key]
        product = scale * up.float().flatten(1) @ down.float().flatten(1)
        return product.reshape(len(up), *down.shape[1:])

    def __iter__(self) -> Iterator[str]:
        return iter(self._factors)

    def __len__(self) -> int:
        return len(self._factors)


def read_lora(path: Path, unet_config: Mapping, read: BytesRead | None = None) -> Differences:
    """The LoRA in a file, in any of the forms that diffusers knows.

    unet_config: of the UNet it is for; kohya's files for SDXL count its blocks otherwise. Raises
    LoadError for a file that holds no LoRA.
    """
    from diffusers import StableDiffusionPipeline

    try:
        named, alphas = StableDiffusionPipeline.lora_state_dict(
            read_tensors(path, None, read), unet_config=unet_config
        )
    except (KeyError, ValueError) as error:
        raise LoadError(f"{path.name} is no LoRA known here ({error}); choose another.") from error
    alphas, usual = alphas or {}, _usual_alpha(path)
    factors = {}
    for key in named:
        place = DOWN.fullmatch(key.removeprefix("unet."))
        if place is None or key.startswith("text_encoder"):
            continue
        module = ".".join(filter(None, place.groups()))
        module += ".0" if module.endswith(".to_out") else ""
        alpha = alphas.get(f"{key}.alpha", alphas.get(f"unet.{module}.alpha", usual))
        up = key.replace(".down.", ".up.").replace(".lora_A.", ".lora_B.")
        if up not in named or named[up].shape[1] != len(named[key]):
            raise LoadError(f"In {path.name}, the factors of {module} do not pair; {ADVICE}.")
        scale = 1.0 if alpha is None else float(alpha) / len(named[key])
        factors[f"{module}.weight"] = named[up], named[key], scale
    if not factors:
        raise LoadError(f"{path.name} holds no LoRA of a UNet; choose another file.")
    return Differences(factors, sum(key.startswith("text_encoder") for key in named))


def _usual_alpha(path: Path) -> float | None:
    """The alpha that diffusers writes once for a whole file, into its header."""
    text = read_header(path).get("lora_adapter_metadata")
    told = json.loads(text) if text else {}
    return told.get("unet.lora_alpha")
