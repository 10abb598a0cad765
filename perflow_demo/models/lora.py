"""LoRA files by their names: found, not yet read."""

import re

from perflow_demo.errors import BadRequest
from perflow_demo.models.bases import REPOSITORY
from perflow_demo.models.sources import Folder, OnFetch, Source, published
from perflow_demo.models.spec import Component, Repository
from perflow_demo.settings import Settings

MAX_WEIGHT = 2.0
FORM = "write name@weight, several with commas between them"
USUAL_NAME = "pytorch_lora_weights.safetensors"


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
