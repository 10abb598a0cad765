"""One component from its files to memory: strict, from safetensors and JSON only, on the CPU."""

import threading
from collections.abc import Iterable, Sequence
from math import prod
from pathlib import Path
from typing import NamedTuple

import diffusers
import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from perflow_demo.errors import LoadError
from perflow_demo.flow import MergeReport, apply_delta, expand_delta
from perflow_demo.models.lora import lora_difference
from perflow_demo.models.sources import Source
from perflow_demo.models.spec import Component
from perflow_demo.models.stored import (
    ADVICE,
    BytesRead,
    Shapes,
    read_json,
    read_shapes,
    read_tensors,
)
from perflow_demo.nets.autoencoder import PocketAutoencoder
from perflow_demo.nets.foreground import ForegroundNet
from perflow_demo.nets.judge import Judge
from perflow_demo.nets.latent_tokens import LatentTokens
from perflow_demo.nets.multiview import UNetMV2DConditionModel
from perflow_demo.nets.tsr import TSR

# The networks a configuration may name; nothing else is ever imported on a file's word.
NETWORKS = {
    "UNet2DConditionModel": diffusers.UNet2DConditionModel,
    "UNetMV2DConditionModel": UNetMV2DConditionModel,
    "ControlNetModel": diffusers.ControlNetModel,
    "AutoencoderKL": diffusers.AutoencoderKL,
    "PocketAutoencoder": PocketAutoencoder,
    "ForegroundNet": ForegroundNet,
    "Judge": Judge,
    "LatentTokens": LatentTokens,
    "TSR": TSR,
}
# torch keeps the device that modules are built on for all threads at once.
building = threading.Lock()


class Addition(NamedTuple):
    """A weight difference to add to a UNet: its file, how much of it, and where the file is.

    lora: whether the file holds a LoRA, which changes some of the weights, and not all.
    """

    component: Component
    strength: float
    source: Source
    lora: bool = False


class Merge(NamedTuple):
    """What adding `title` did to a UNet's weights; note: what of it was left out, mostly ""."""

    title: str
    report: MergeReport
    note: str = ""


def load_network(
    component: Component, source: Source, dtype: torch.dtype, read: BytesRead | None = None
) -> torch.nn.Module:
    """A diffusers network (UNet, autoencoder) in eval mode, its floating tensors in `dtype`.

    Raises LoadError, naming the file and the keys, for anything missing, unexpected, misshapen or
    damaged.
    """
    path = source.file(component.config)
    config = read_json(path)
    name = config.get("_class_name")
    if name not in NETWORKS:
        raise LoadError(
            f"{path} names the network {name!r}, but only {', '.join(NETWORKS)} can be loaded; "
            f"{ADVICE}."
        )
    try:
        module = _unfilled(NETWORKS[name], config)
    except (KeyError, TypeError, ValueError) as error:
        raise LoadError(f"{path} describes no {name} ({error}); {ADVICE}.") from error
    return fill(module, source.file(component.weights), dtype, read)


def load_image_encoder(
    component: Component, source: Source, dtype: torch.dtype, read: BytesRead | None = None
) -> CLIPVisionModelWithProjection:
    """A CLIP vision tower with its projection; otherwise like `load_network`."""
    path = source.file(component.config)
    config = read_json(path)
    if config.get("model_type") != "clip_vision_model":
        raise LoadError(f"{path} describes no CLIP vision tower; {ADVICE}.")
    module = CLIPVisionModelWithProjection(CLIPVisionConfig.from_dict(config))
    return fill(module, source.file(component.weights), dtype, read)


def load_checker(
    component: Component, source: Source, dtype: torch.dtype, read: BytesRead | None = None
) -> StableDiffusionSafetyChecker:
    """Stable Diffusion's safety checker; otherwise like `load_network`."""
    path = source.file(component.config)
    try:
        module = StableDiffusionSafetyChecker(CLIPConfig.from_dict(read_json(path)))
    except (KeyError, TypeError, ValueError) as error:
        raise LoadError(f"{path} describes no safety checker ({error}); {ADVICE}.") from error
    # As in `load_text_encoder`, here for the tower inside.
    return fill(module, source.file(component.weights), dtype, read, "vision_model.")


def load_image_processor(component: Component, source: Source) -> CLIPImageProcessorPil:
    """How pictures are prepared for a CLIP vision tower."""
    return CLIPImageProcessorPil.from_dict(read_json(source.file(component.config)))


def load_unet(
    component: Component,
    deltas: Sequence[Addition],
    source: Source,
    dtype: torch.dtype,
    read: BytesRead | None = None,
) -> tuple[torch.nn.Module, tuple[Merge, ...]]:
    """A private UNet with weight differences added to it, and what each did to its weights.

    deltas: added in this order as base + Σ strength·difference. The sums are made in float32 and
    rounded once, to `dtype`. Otherwise like `load_network`.
    """
    unet = load_network(component, source, torch.float32 if deltas else dtype, read)
    merges = tuple(_add(unet, addition, read) for addition in deltas)
    return _cast(unet, dtype), merges


def _add(unet: torch.nn.Module, addition: Addition, read: BytesRead | None) -> Merge:
    title, strength = addition.component.title, addition.strength
    path = addition.source.file(addition.component.weights)
    expected, note = _shapes(unet), ""
    if addition.lora:
        stored = read_tensors(path, torch.float32, read)
        difference, left = lora_difference(path, stored)
        expected = {key: shape for key, shape in expected.items() if key in difference}
        if left:
            note = f"{title} has {left} tensors for the text encoder; only the UNet was changed."
    else:
        difference = read_delta(path, read)
    _check_shapes(path, {key: tuple(t.shape) for key, t in difference.items()}, expected)
    report = apply_delta(unet, difference, strength=strength, strict=not addition.lora)
    return Merge(title, report, note)


def read_delta(path: Path, read: BytesRead | None = None) -> dict[str, torch.Tensor]:
    """A stored weight difference, whole and in float32."""
    return _expand(path, read_tensors(path, torch.float32, read))


def load_multiview_unet(
    component: Component,
    source: Source,
    dtype: torch.dtype,
    delta: Addition | None = None,
    read: BytesRead | None = None,
) -> tuple[torch.nn.Module, MergeReport | None]:
    """A private multiview UNet and what the ΔW of a text-to-image model did to its weights.

    delta: merged leniently, since a multiview UNet has more weights than the one ΔW was made for.
    The report lists what was left as it was. Without a delta there is no report. Otherwise like
    `load_unet`.
    """
    unet = load_network(component, source, torch.float32 if delta else dtype, read)
    if delta is None:
        return unet, None
    path = delta.source.file(delta.component.weights)
    difference = read_delta(path, read)
    try:
        report = apply_delta(unet, difference, strength=delta.strength, strict=False)
    except (KeyError, ValueError) as error:
        raise LoadError(f"{path} is no ΔW for {component.title}: {error.args[0]}.") from error
    return _cast(unet, dtype), report


def load_scheduler_config(component: Component, source: Source) -> dict:
    """The noise schedule's configuration, as diffusers' `from_config` takes it."""
    return read_json(source.file(component.config))


def file_bytes(weights: Iterable[tuple[Component, Source]]) -> int:
    """Bytes of the weight files of these components, as read while they load."""
    return sum(source.file(part.weights).stat().st_size for part, source in weights)


def resident_bytes(component: Component, source: Source, dtype: torch.dtype) -> int:
    """Bytes a network will take in memory in `dtype`; reads only the header of its weights."""
    shapes = read_shapes(source.file(component.weights))
    return sum(prod(shape) for shape in shapes.values()) * dtype.itemsize


def fill(
    module: torch.nn.Module,
    path: Path,
    dtype: torch.dtype,
    read: BytesRead | None,
    prefix: str = "",
) -> torch.nn.Module:
    """The network with the weights of a safetensors file, in eval mode; strict, as all here.

    prefix: what the file puts before the network's own names.
    """
    found = {key.removeprefix(prefix): shape for key, shape in read_shapes(path).items()}
    _check_shapes(path, found, _shapes(module))
    tensors = read_tensors(path, dtype, read)
    module.load_state_dict({k.removeprefix(prefix): t for k, t in tensors.items()}, assign=True)
    return _cast(module, dtype).eval().requires_grad_(False)


def _unfilled(kind: type[torch.nn.Module], config: dict) -> torch.nn.Module:
    """A network without weights: to draw random ones first would take most of a load's time."""
    with building, torch.device("meta"):
        module = kind.from_config(config)
    computed = {name for name, _ in module.named_buffers()} - module.state_dict().keys()
    # Buffers that no file has would stay without their numbers.
    return kind.from_config(config) if computed else module


def _cast(module: torch.nn.Module, dtype: torch.dtype) -> torch.nn.Module:
    # torch's own method, since that of diffusers 0.42 warns at every cast, needed or not.
    return torch.nn.Module.to(module, dtype)


def _expand(path: Path, stored: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    try:
        return expand_delta(stored)
    except (KeyError, RuntimeError) as error:
        raise LoadError(f"{path} holds low-rank factors that do not pair; {ADVICE}.") from error


def _check_shapes(path: Path, found: Shapes, expected: Shapes) -> None:
    faults = {
        "lacks": [key for key in expected if key not in found],
        "has the unexpected": [key for key in found if key not in expected],
        "has the wrong shape for": [
            f"{key} {found[key]} instead of {shape}"
            for key, shape in expected.items()
            if key in found and found[key] != shape
        ],
    }
    words = [f"{fault} {_abbreviate(keys)}" for fault, keys in faults.items() if keys]
    if words:
        raise LoadError(f"{path} {' and '.join(words)}; {ADVICE}.")


def _abbreviate(keys: list[str], shown: int = 3) -> str:
    rest = f" and {len(keys) - shown} more" if len(keys) > shown else ""
    return ", ".join(keys[:shown]) + rest


def _shapes(module: torch.nn.Module) -> Shapes:
    return {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()}
