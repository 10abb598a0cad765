"""From a run to the assets: fp16 safetensors in diffusers layout, and a card of their making."""

from __future__ import annotations

import hashlib
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from diffusers.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors.torch import save_file
from torch import Tensor, nn

from perflow_demo.models.stored import packed

CARD = """# pocket

The embedded model family: text to image at 256 and 512 px on two CPU cores. Trained from scratch
by this project on Toy World, its own procedural scenes with captions
(`perflow_demo.training.toyworld`): no picture, caption or weight comes from elsewhere, but for the
meanings of the word pieces, which are reduced from all-MiniLM-L6-v2 (Apache-2.0), and the looks of
colour names, from the survey of xkcd (CC0). It knows toy-like things and small scenes, and nothing
else: no real people, places or brands. Things drawn from words are seen as a catalogue shows them,
all from the same side, and views are made of pictures like that; solids are made of pictures from
anywhere before a thing. Licence: Apache-2.0.

Unlike Stable Diffusion 1.5 the teacher predicts v, and its noise goes deeper (betas up to 0.02): a
small network that predicts noise learns to copy its input, and sixteen channels still showed the
picture where drawing begins with nothing. ΔW is read as `ddim_v`, in which an unchanged teacher is
a student that makes one DDIM step in each window.

Each part by its recipe, `python -m perflow_demo.training RECIPE`:

| recipe | steps | hours on two cores | batch | settings and measures |
|---|---|---|---|---|"""

COLUMNS = ("step", "seconds", "batch")


def write_module(module: nn.Module, folder: Path) -> None:
    """A copy of `module` (diffusers or transformers) in fp16, with its configuration."""
    # torch's own method, since that of diffusers 0.42 warns at every cast, needed or not.
    half = nn.Module.to(deepcopy(module), torch.float16, memory_format=torch.contiguous_format)
    half.save_pretrained(folder)


def write_packed(module: nn.Module, folder: Path) -> None:
    """`module` (diffusers) in half the bytes that `write_module` takes, see `models.stored`."""
    module.save_config(folder)
    write_tensors(packed(module.state_dict()), folder / SAFETENSORS_WEIGHTS_NAME)


def write_tensors(tensors: dict[str, Tensor], file: Path) -> None:
    """A safetensors file of them as they are."""
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, file)


def write_card(folder: Path, part: str, facts: dict[str, Any]) -> None:
    """Adds or replaces what card.json and its README.md say of one part of the family."""
    file = folder / "card.json"
    card = json.loads(file.read_text()) if file.exists() else {}
    card[part] = facts
    file.write_text(json.dumps(card, indent=2, sort_keys=True) + "\n")
    (folder / "README.md").write_text(_describe(folder, card))


def earlier_legs(folder: Path, part: str) -> dict[str, float]:
    """Of a part that a new run goes on with: how long it was trained before, by the card."""
    file = folder / "card.json"
    facts = json.loads(file.read_text()).get(part) if file.exists() else None
    if facts is None:
        return {}
    return {f"earlier_{key}": facts[key] + facts.get(f"earlier_{key}", 0) for key in COLUMNS[:2]}


def digest(folder: Path) -> str:
    """Tells the weights in a folder from all others."""
    files = sorted(folder.glob("*.safetensors"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _describe(folder: Path, card: dict[str, dict[str, Any]]) -> str:
    """The card in words: what the family is, how each part was trained, how large each file is."""
    rows = []
    for part, facts in card.items():
        rest = ", ".join(f"{key} {value:.4g}" for key, value in facts.items() if key not in COLUMNS)
        step, seconds, batch = (facts[key] for key in COLUMNS)
        rows.append(f"| {part} | {step:,} | {seconds / 3600:.1f} | {batch} | {rest} |")
    sizes = [
        f"| {file.relative_to(folder)} | {file.stat().st_size / 1e6:.1f} |"
        for file in sorted(folder.rglob("*.safetensors"))
    ]
    return "\n".join([CARD, *rows, "", "| file | MB |", "|---|---|", *sizes, ""])
