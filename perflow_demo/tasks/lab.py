"""What plugging ΔW in does to a checkpoint: pictures side by side, a report, and files to keep."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator

from perflow_demo.errors import BadRequest
from perflow_demo.tasks import text_to_image
from perflow_demo.tasks.contract import Progress, Request, finish, nothing_is_none, relay
from perflow_demo.tasks.text_to_image import (
    MAX_SEED,
    RANDOM,
    TextToImageRequest,
    TextToImageResult,
)

if TYPE_CHECKING:
    from torch import Tensor

    from perflow_demo.models.merging import LooseUnet, Merge
    from perflow_demo.registry import Registry

_FIELDS = TextToImageRequest.model_fields
# A UNet's parts, as what is computed passes through them.
PARTS = (
    "time_embedding", "add_embedding", "class_embedding", "conv_in", "down_blocks", "mid_block",
    "up_blocks", "conv_norm_out", "conv_out",
)  # fmt: skip
WEIGHTS = "diffusion_pytorch_model.safetensors"
INSIDE = "{} has PeRFlow inside: so has the base beside it, and the chosen ΔW comes on top."


class LabRequest(Request):
    """What to compare: a checkpoint as it is, and the same with ΔW, of the same seed."""

    task: ClassVar[str] = "lab"

    prompt: str = _FIELDS["prompt"]
    family: str = Field("pocket", max_length=64, title="Base", description="The checkpoint.")
    style: str | None = _FIELDS["style"]
    delta: str | None = _FIELDS["delta"]
    strength: float = _FIELDS["strength"]
    lora: str | None = _FIELDS["lora"]
    steps: Literal[4, 6, 8] = Field(
        4, title="Steps with ΔW", description="Calls of the network with ΔW plugged in."
    )
    guidance_scale: float | None = _FIELDS["guidance_scale"]
    seed: int = _FIELDS["seed"]

    _empty = field_validator("style", "lora", "delta")(nothing_is_none)

    def weights(self, strength: float) -> dict:
        """Which weights are meant, with so much of ΔW in them, as arguments of the registry."""
        chosen = self.model_dump(include={"family", "style", "delta"})
        return chosen | {"loras": self.lora, "delta_strength": strength}


@dataclass(frozen=True)
class LabResult:
    """The same seed twice, and what ΔW and LoRA files did to the UNet, in the order added.

    notes: sentences on what of the two is not as usual, beside their own.
    """

    base: TextToImageResult
    accelerated: TextToImageResult
    merges: "tuple[Merge, ...]"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unmerged:
    """ΔW taken out again. exact: whether all weights are those of the base, bit for bit.

    largest_error: of any weight when ΔW is only subtracted, without the base's own numbers.
    """

    weights: int
    exact: bool
    largest_error: float


def stream(
    request: LabRequest, registry: "Registry", previews: bool = True
) -> Iterator[Progress | LabResult]:
    """Draw both, telling how far it is, then the LabResult; otherwise like `text_to_image`'s."""
    family = registry.family(request.family)
    if not (family.delta or request.delta):
        raise BadRequest(
            f"{family.title} has ΔW inside; choose another family to plug it into, or a ΔW of your "
            "own."
        )
    seed = secrets.randbelow(MAX_SEED + 1) if request.seed == RANDOM else request.seed
    shared = request.model_dump(exclude={"steps", "strength", "delta"}) | {"seed": seed}
    # A family with PeRFlow inside has no plain teacher, and is drawn as it always is.
    base = TextToImageRequest(**shared, acceleration="teacher" if family.delta else "perflow")
    wanted = {"steps": request.steps, "strength": request.strength, "delta": request.delta}
    accelerated = TextToImageRequest(**shared, **wanted)
    with registry.lane() as registry:  # where it was drawn, the merges are known
        results = []
        for drawing in (base, accelerated):
            events = text_to_image.stream(drawing, registry, previews)
            results.append((yield from relay(events)))
        merges = registry.merges(**request.weights(request.strength))
    yield LabResult(*results, merges, notes=() if family.delta else (INSIDE.format(family.title),))


def run(
    request: LabRequest,
    registry: "Registry",
    on_progress: Callable[[Progress], None] | None = None,
    previews: bool = False,
) -> LabResult:
    """Draw both and return the result; as in `stream`."""
    return finish(stream(request, registry, previews), on_progress)


def block_changes(merge: "Merge") -> dict[str, float]:
    """The largest relative change of a weight in each block of the UNet, in the order of `PARTS`.

    Weights that were zero have no relative change, and count nothing.
    """
    largest: dict[tuple[int, str], float] = {}
    for key, change in merge.report.relative_change.items():
        part, _, rest = key.partition(".")
        number = f" {rest[0]}" if part.endswith("_blocks") else ""
        title = part.removesuffix("_blocks").removesuffix("_block").replace("_", " ") + number
        place = PARTS.index(part) if part in PARTS else len(PARTS)
        changed = change if isfinite(change) else 0.0
        largest[place, title] = max(changed, largest.get((place, title), 0.0))
    return {title: largest[place, title] for place, title in sorted(largest)}


def unmerge(request: LabRequest, registry: "Registry") -> Unmerged:
    """Plug ΔW in and take it out again, in float32, without and with the base's own numbers.

    One weight after the other, since three UNets at once take more memory than most have.
    """
    import torch

    from perflow_demo.flow import apply_delta, remove_delta

    difference, strength = registry.difference(request.family, request.delta), request.strength
    plain = registry.loose_unet(**request.weights(0.0))
    plugged = registry.loose_unet(**request.weights(strength))
    error, exact = 0.0, True
    with plain as base, plugged as merged:
        for key, before in base.items():
            weight, change = {key: merged[key]}, {key: difference[key]}
            remove_delta(weight, change, strength)
            error = max(error, (weight[key] - before).abs().max().item())
            apply_delta(weight, change, strength)
            remove_delta(weight, change, strength, base={key: before})
            exact = exact and torch.equal(weight[key], before)
    return Unmerged(len(base), exact, error)


def export_merged(request: LabRequest, registry: "Registry", folder: Path) -> None:
    """Write the merged UNet into the folder, in diffusers' layout and half precision."""
    with registry.loose_unet(**request.weights(request.strength)) as unet:
        _write(unet, {key: weight.half() for key, weight in unet.items()}, folder)


def export_difference(tuned: dict, base: dict, registry: "Registry", folder: Path) -> None:
    """Write the difference of two checkpoints, tuned − base, in the form of a published ΔW.

    tuned, base: arguments of the registry's `loose_unet`. Raises BadRequest for checkpoints of
    different networks.
    """
    from perflow_demo.flow import extract_delta

    with registry.loose_unet(**tuned) as one, registry.loose_unet(**base) as other:
        if differing := sorted(dict(one.shapes.items() ^ other.shapes.items())):
            raise BadRequest(
                f"The two are different networks: {differing[0]} and {len(differing) - 1} more "
                "weights are not alike; choose two of one base."
            )
        pairs = (({key: one[key]}, {key: weight}) for key, weight in other.items())
        parts = (extract_delta(*pair) for pair in pairs)
        _write(other, {key: w.half() for part in parts for key, w in part.items()}, folder)


def _write(unet: "LooseUnet", weights: "dict[str, Tensor]", folder: Path) -> None:
    """Write a configuration and weights in diffusers' layout."""
    from safetensors.torch import save_file

    unet.network.save_config(folder)
    save_file(weights, folder / WEIGHTS, {"format": "pt"})
