"""LoRA files as weight differences of a UNet: named, found, read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from perflow_demo.errors import BadRequest, LoadError
from perflow_demo.models.bases import REPOSITORY
from perflow_demo.models.sources import Folder, OnFetch, Source, published
from perflow_demo.models.spec import Component, Repository
from perflow_demo.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

MAX_WEIGHT = 2.0
FORM = "write name@weight, several with commas between them"
USUAL_NAME = "pytorch_lora_weights.safetensors"
# The down factor of a module, as diffusers names it after its conversions of other forms.
DOWN = re.compile(r"(.+?)(?:\.processor\.(to_\w+)_lora\.down|\.lora\.down|\.lora_A)\.weight")


def parse_loras(text: str | None) -> tuple[tuple[str, float], ...]:
    """Names and weights (−2..2) of `pixel-art@0.8, org/name`; BadRequest for anything else."""
    pairs = []
    for item in filter(None, map(str.strip, (text or "").split(","))):
        name, _, weight = item.partition("@")
        try:
            value = float(weight or 1)
        except ValueError:
            raise BadRequest(f"{weight!r} is no weight of a LoRA; {FORM}.") from None
        if not -MAX_WEIGHT <= value <= MAX_WEIGHT:
            raise BadRequest(f"The weight of {name} has to be from −2 to 2, not {weight}.")
        pairs.append((name.strip(), value))
    return tuple(pairs)


def lora_names(settings: Settings) -> tuple[str, ...]:
    """The LoRA files in `loras` of the checkpoints' folder, by their names without the ending."""
    if settings.checkpoints is None:
        return ()
    files = (settings.checkpoints / "loras").glob("*.safetensors")
    return tuple(sorted(path.stem for path in files))


def find_lora(
    name: str, settings: Settings, on_fetch: OnFetch | None = None
) -> tuple[Component, Source]:
    """The file of that name: a local one, or of a repository, `org/name` or `org/name/file`.

    Raises BadRequest for a name that stands for none.
    """
    title = f"LoRA {name}"
    if name in lora_names(settings):
        folder = Folder(settings.checkpoints / "loras")
        return Component(title, weights=f"{name}.safetensors"), folder
    owner, file = "/".join(name.split("/")[:2]), "/".join(name.split("/")[2:])
    sound = REPOSITORY.fullmatch(owner) and (not file or re.fullmatch(r"[\w-][\w.-]*", file))
    if sound and not settings.public:
        component = Component(title, weights=file or USUAL_NAME)
        return component, published(Repository(owner), settings, on_fetch)
    known = " or ".join(lora_names(settings)) or "none, since there is none here"
    raise BadRequest(f"There is no LoRA {name!r}; choose {known}.")


def lora_difference(path: Path, factors: dict[str, Tensor]) -> tuple[dict[str, Tensor], int]:
    """The differences of the UNet's weights, alpha / rank · up · down, in float32.

    factors: the file's tensors. The second value is how many tensors are for text encoders, which
    are shared and stay as they are. Raises LoadError for a file that holds no LoRA.
    """
    from diffusers import StableDiffusionPipeline

    try:
        named, alphas = StableDiffusionPipeline.lora_state_dict(factors)
    except (KeyError, ValueError) as error:
        raise LoadError(f"{path.name} is no LoRA known here ({error}); choose another.") from error
    differences = {}
    for key in named:
        place = DOWN.fullmatch(key.removeprefix("unet."))
        if place is None or key.startswith("text_encoder"):
            continue
        module = ".".join(filter(None, place.groups()))
        module += ".0" if module.endswith(".to_out") else ""
        alpha = (alphas or {}).get(f"{key}.alpha", (alphas or {}).get(f"unet.{module}.alpha"))
        differences[f"{module}.weight"] = _product(named, key, alpha)
    if not differences:
        raise LoadError(f"{path.name} holds no LoRA of a UNet; choose another file.")
    return differences, sum(key.startswith("text_encoder") for key in named)


def _product(named: dict[str, Tensor], key: str, alpha: float | None) -> Tensor:
    down = named[key].float()
    up = named[key.replace(".down.", ".up.").replace(".lora_A.", ".lora_B.")].float()
    scale = 1.0 if alpha is None else float(alpha) / len(down)
    return (scale * up.flatten(1) @ down.flatten(1)).reshape(len(up), *down.shape[1:])
