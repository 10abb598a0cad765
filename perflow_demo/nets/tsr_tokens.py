"""The tokens TSR works on: those of the input picture and those of the triplane."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import ViTConfig, ViTModel

# ImageNet's mean and standard deviation, as DINO was trained with.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
# Names of a ViT's weights: as published, and in transformers 5.
PUBLISHED_NAMES = {
    "encoder.layer.": "layers.",
    "attention.attention.query.": "attention.q_proj.",
    "attention.attention.key.": "attention.k_proj.",
    "attention.attention.value.": "attention.v_proj.",
    "attention.output.dense.": "attention.o_proj.",
    "intermediate.dense.": "mlp.fc1.",
    "output.dense.": "mlp.fc2.",
}


class ImageTokenizer(nn.Module):
    """A ViT's tokens of a picture, class token first; any size in whole patches.

    Its state dict has the published names, whatever those of the installed transformers are.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.model = ViTModel(ViTConfig(**config))
        self.register_state_dict_post_hook(_publish_names)
        self.register_load_state_dict_pre_hook(_adopt_names)

    def forward(self, pixels: Tensor) -> Tensor:
        """Tokens B 1+N C of pictures B 3 H W in [0, 1]."""
        embeddings = self.model.embeddings
        mean, std = (pixels.new_tensor(value).reshape(3, 1, 1) for value in (MEAN, STD))
        patches = embeddings.patch_embeddings((pixels - mean) / std)
        size = embeddings.patch_size
        positions = resize_positions(
            embeddings.position_embeddings, pixels.shape[2] // size, pixels.shape[3] // size
        )
        tokens = torch.cat([embeddings.cls_token.expand(len(pixels), -1, -1), patches], 1)
        tokens = tokens + positions
        for layer in self.model.layers:
            tokens = layer(tokens)
        return self.model.layernorm(tokens)


class TriplaneTokens(nn.Module):
    """Learnt tokens of three P×P planes: B C 3·P·P, channels first."""

    def __init__(self, channels: int, plane_size: int) -> None:
        super().__init__()
        shape = (3, channels, plane_size, plane_size)
        self.embeddings = nn.Parameter(torch.randn(shape) / channels**0.5)

    def forward(self, batch: int) -> Tensor:
        return self.embeddings.transpose(0, 1).flatten(1).expand(batch, -1, -1)

    def as_planes(self, tokens: Tensor) -> Tensor:
        """Tokens B C 3·P·P as planes B 3 C P P."""
        planes, _, *size = self.embeddings.shape
        return tokens.unflatten(2, (planes, *size)).transpose(1, 2)


def resize_positions(table: Tensor, rows: int, columns: int) -> Tensor:
    """A position table 1 1+m·m C for rows×columns patches; the class's entry stays.

    Bicubic, with (n + 0.1)/m as the step between samples, as DINO's own code and the libraries of
    its day did and the published weights expect; transformers 5 uses n/m.
    """
    side = round((table.shape[1] - 1) ** 0.5)
    if (rows, columns) == (side, side):
        return table
    grid = table[:, 1:].reshape(1, side, side, -1).movedim(-1, 1)
    scale = ((rows + 0.1) / side, (columns + 0.1) / side)
    grid = F.interpolate(
        grid,
        scale_factor=scale,
        mode="bicubic",
        align_corners=False,
        recompute_scale_factor=False,
    )
    return torch.cat([table[:, :1], grid.flatten(2).movedim(1, 2)], 1)


def _publish_names(module: nn.Module, state: dict, prefix: str, metadata: Any) -> None:
    _rename(state, prefix, {new: old for old, new in PUBLISHED_NAMES.items()})


def _adopt_names(module: nn.Module, state: dict, prefix: str, *rest: Any) -> None:
    _rename(state, prefix, PUBLISHED_NAMES)


def _rename(state: dict, prefix: str, names: Mapping[str, str]) -> None:
    """Exchange parts of names below `prefix`, the longer first, each part at most once."""
    longest_first = sorted(names, key=len, reverse=True)
    pattern = re.compile(r"(?<![^.])(?:" + "|".join(map(re.escape, longest_first)) + ")")
    for key in [key for key in state if key.startswith(prefix)]:
        renamed = prefix + pattern.sub(lambda match: names[match[0]], key[len(prefix) :])
        state[renamed] = state.pop(key)
