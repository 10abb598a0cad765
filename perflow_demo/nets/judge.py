"""Judge: says what a picture shows; the measure of the embedded family, trained on renders only."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

PICTURE = 128


@dataclass
class Verdict:
    """Logits B×classes: kind, colour (one of many), accessories (each yes or no); features B×D."""

    kind: Tensor
    colour: Tensor
    accessories: Tensor
    features: Tensor


class Judge(ModelMixin, ConfigMixin):
    """A small residual classifier of single-thing pictures.

    kinds, colours, accessories: the class names in the order of the logits. Its features, the
    pooled activations before the last layers, serve as a perceptual space (not Inception's).
    """

    @register_to_config
    def __init__(
        self,
        kinds: tuple[str, ...],
        colours: tuple[str, ...],
        accessories: tuple[str, ...],
        widths: tuple[int, ...] = (32, 64, 128, 192),
    ) -> None:
        super().__init__()
        stages: list[nn.Module] = [nn.Conv2d(3, widths[0], 4, stride=4)]
        for before, width in zip((widths[0], *widths), widths, strict=False):
            stages += [_Block(before, width), _Block(width, width)]
        self.body = nn.Sequential(*stages)
        self.kind_head = nn.Linear(widths[-1], len(kinds))
        self.colour_head = nn.Linear(widths[-1], len(colours))
        self.accessory_head = nn.Linear(widths[-1], len(accessories))

    def forward(self, pixels: Tensor) -> Verdict:
        """Pictures B 3 H W in [−1, 1], square, 128 px or more."""
        pixels = F.interpolate(pixels, (PICTURE, PICTURE), mode="area")
        maps = self.body(pixels)
        features = maps.mean((2, 3))
        return Verdict(
            self.kind_head(features),
            self.colour_head(features),
            self.accessory_head(features),
            features,
        )


class _Block(nn.Module):
    """Two normalised convolutions with a shortcut; halves the size where the width grows."""

    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        stride = 2 if width > before else 1
        self.first = nn.Conv2d(before, width, 3, stride, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.norms = nn.ModuleList([nn.GroupNorm(8, before), nn.GroupNorm(8, width)])
        self.skip = nn.Conv2d(before, width, 1, stride) if width > before else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(F.silu(self.norms[0](x)))
        return self.skip(x) + self.second(F.silu(self.norms[1](hidden)))
