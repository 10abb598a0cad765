"""From a run to the assets: fp16 safetensors in diffusers layout, and a card of their making."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn


def write_module(module: nn.Module, folder: Path) -> None:
    """A copy of `module` (diffusers or transformers) in fp16, with its configuration."""
    # torch's own method, since that of diffusers 0.42 warns at every cast, needed or not.
    half = nn.Module.to(deepcopy(module), torch.float16, memory_format=torch.contiguous_format)
    half.save_pretrained(folder)


def write_tensors(tensors: dict[str, Tensor], file: Path) -> None:
    """Tensors in fp16, or as they are where they are not floating point."""
    file.parent.mkdir(parents=True, exist_ok=True)
    halves = {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}
    save_file({key: value.contiguous() for key, value in halves.items()}, file)


def write_card(folder: Path, part: str, facts: dict[str, Any]) -> None:
    """Adds or replaces what card.json says of one part of the family."""
    file = folder / "card.json"
    card = json.loads(file.read_text()) if file.exists() else {}
    card[part] = facts
    file.write_text(json.dumps(card, indent=2, sort_keys=True) + "\n")
