"""One component from its files to memory: strict, from safetensors and JSON only, on the CPU."""

import threading
from collections.abc import Iterable
from math import prod
from pathlib import Path

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
from perflow_demo.models.sources import Source
from perflow_demo.models.spec import Component
from perflow_demo.models.stored import (
    ADVICE,
    BytesRead,
    Shapes,
    place,
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


def load_network(
    component: Component, source: Source, dtype: torch.dtype, read: BytesRead | None = None
) -> torch.nn.Module:
    """A diffusers network (UNet, autoencoder) in eval mode, its floating tensors in `dtype`.

    Raises LoadError, naming the file and the keys, for anything missing, unexpected, misshapen or
    damaged.
    """
    return fill(empty_network(component, source), source.file(component.weights), dtype, read)


def empty_network(component: Component, source: Source) -> torch.nn.Module:
    """A diffusers network that still has no weights; raises LoadError for a wrong configuration."""
    path = source.file(component.config)
    config = read_json(path)
    name = config.get("_class_name")
    if name not in NETWORKS:
        raise LoadError(
            f"{place(path)} names the network {name!r}, but only {', '.join(NETWORKS)} can be "
            f"loaded; {ADVICE}."
        )
    try:
        return _unfilled(NETWORKS[name], config)
    except (KeyError, TypeError, ValueError) as error:
        raise LoadError(f"{place(path)} describes no {name} ({error}); {ADVICE}.") from error


def load_image_encoder(
    component: Component, source: Source, dtype: torch.dtype, read: BytesRead | None = None
) -> CLIPVisionModelWithProjection:
    """A CLIP vision tower with its projection; otherwise like `load_network`."""
    path = source.file(component.config)
    config = read_json(path)
    if config.get("model_type") != "clip_vision_model":
        raise LoadError(f"{place(path)} describes no CLIP vision tower; {ADVICE}.")
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
        raise LoadError(
            f"{place(path)} describes no safety checker ({error}); {ADVICE}."
        ) from error
    # As in `load_text_encoder`, here for the tower inside.
    return fill(module, source.file(component.weights), dtype, read, "vision_model.")


def load_image_processor(component: Component, source: Source) -> CLIPImageProcessorPil:
    """How pictures are prepared for a CLIP vision tower."""
    return CLIPImageProcessorPil.from_dict(read_json(source.file(component.config)))


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
    check_shapes(path, found, shapes(module))
    tensors = read_tensors(path, dtype, read)
    return ready(module, {k.removeprefix(prefix): t for k, t in tensors.items()}, dtype)


def ready(
    module: torch.nn.Module, weights: dict[str, torch.Tensor], dtype: torch.dtype
) -> torch.nn.Module:
    """The network with these weights for its own, in eval mode, its buffers in `dtype` too."""
    module.load_state_dict(weights, assign=True)
    # torch's own method, since that of diffusers 0.42 warns at every cast, needed or not.
    return torch.nn.Module.to(module, dtype).eval().requires_grad_(False)


def _unfilled(kind: type[torch.nn.Module], config: dict) -> torch.nn.Module:
    """A network without weights: to draw random ones first would take most of a load's time."""
    with building, torch.device("meta"):
        module = kind.from_config(config)
    computed = {name for name, _ in module.named_buffers()} - module.state_dict().keys()
    # Buffers that no file has would stay without their numbers.
    return kind.from_config(config) if computed else module


def check_shapes(path: Path, found: Shapes, expected: Shapes) -> None:
    """Raises LoadError unless a file's tensors are those expected, naming the keys at fault."""
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
        raise LoadError(f"{place(path)} {' and '.join(words)}; {ADVICE}.")


def _abbreviate(keys: list[str], shown: int = 3) -> str:
    rest = f" and {len(keys) - shown} more" if len(keys) > shown else ""
    return ", ".join(keys[:shown]) + rest


def shapes(module: torch.nn.Module) -> Shapes:
    """The shapes of a network's weights."""
    return {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()}
