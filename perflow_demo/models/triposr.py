"""TSR from TripoSR's published layout: `config.yaml` beside `model.safetensors` or `model.ckpt`."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save_file

from perflow_demo.errors import LoadError
from perflow_demo.models.conversion import place_of, written
from perflow_demo.models.loaders import ADVICE, BytesRead, building, fill, load_network
from perflow_demo.models.sources import Source
from perflow_demo.models.spec import Component
from perflow_demo.models.stored import place, why
from perflow_demo.nets.tsr import TSR

CONFIG, WEIGHTS, CHECKPOINT = "config.yaml", "model.safetensors", "model.ckpt"


def load_tsr(
    source: Source,
    dtype: torch.dtype = torch.float32,
    image_encoder_config: Mapping[str, Any] | None = None,
    read: BytesRead | None = None,
) -> TSR:
    """The network in eval mode, on the CPU.

    source: a folder in the layout of `stabilityai/TripoSR`; a pickled checkpoint is converted to
        safetensors, once.
    image_encoder_config: see `TSR.from_config`.
    Raises LoadError for files that are missing, damaged or not of this network.
    """
    path = source.file(CONFIG)
    try:
        with building, torch.device("meta"):
            network = TSR.from_config(_read_yaml(path), image_encoder_config)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LoadError(f"{place(path)} describes no TSR network ({error}); {ADVICE}.") from error
    if source.has(WEIGHTS):
        weights = source.file(WEIGHTS)
    else:
        weights = convert_checkpoint(source.file(CHECKPOINT))
    return fill(network, weights, dtype, read)


def load_solid(
    component: Component, source: Source, dtype: torch.dtype, read: BytesRead | None = None
) -> TSR:
    """The network of a row of the catalogue's SOLIDS, in either layout; raises LoadError.

    dtype: of what sees the picture; the rest is in float32.
    """
    if component.config == CONFIG:
        network = load_tsr(source, read=read)
    else:
        network = load_network(component, source, torch.float32, read)
    return network.narrow(dtype)


def convert_checkpoint(checkpoint: Path) -> Path:
    """The safetensors file of a pickled state dict; made where it is not there yet.

    Only tensors and plain containers are unpickled. Raises LoadError for a checkpoint that needs
    more than that, is damaged or holds anything but named tensors, and where nothing can be
    written.
    """
    kept = place_of(checkpoint)
    converted = kept.with_name(f"{kept.name}.safetensors")
    if not converted.is_file():
        tensors = _read_checkpoint(checkpoint)
        with written(checkpoint, converted) as part:
            save_file(tensors, part)
    return converted


def _read_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise LoadError(
            f"{place(path)} cannot be read as plain tensors: it wants to run code while it is "
            f"unpickled, or is damaged, so it is refused; {ADVICE}."
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise LoadError(
            f"{place(path)} is no complete checkpoint ({why(error, path)}); {ADVICE}."
        ) from error
    if not isinstance(content, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in content.items()
    ):
        raise LoadError(f"{place(path)} holds more than named tensors; {ADVICE}.")
    # Copies, since safetensors refuses tensors that share memory; each in place of its original.
    return {
        key: content.pop(key).clone(memory_format=torch.contiguous_format) for key in list(content)
    }


def _read_yaml(path: Path) -> dict:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, OSError) as error:
        raise LoadError(
            f"{place(path)} is no readable YAML file ({why(error, path)}); {ADVICE}."
        ) from error
    if not isinstance(content, dict):
        raise LoadError(f"{place(path)} holds no settings; {ADVICE}.")
    return content
