"""ForegroundNet: which of a picture's pixels belong to its things."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from perflow_demo.nets.autoencoder import PATCH, ChannelNorm, Down, ResidualBlock


class ForegroundNet(ModelMixin, ConfigMixin):
    """Down from 1/4 of the size and back up with shortcuts; 0.9 M parameters.

    Pictures are 256 px where it was trained; sides are multiples of `multiple`. `widths` are the
    channels at 1/4, 1/8 and so on of the size.
    """

    @register_to_config
    def __init__(self, widths: tuple[int, ...] = (48, 64, 64, 128)) -> None:
        super().__init__()
        self.multiple = PATCH * 2 ** (len(widths) - 1)
        self.enter = nn.Conv2d(3 * PATCH**2, widths[0], 3, padding=1)
        self.falling = nn.ModuleList(ResidualBlock(width) for width in widths)
        self.down = nn.ModuleList(Down(above, below) for above, below in pairwise(widths))
        self.up = nn.ModuleList(nn.Conv2d(below, above, 1) for above, below in pairwise(widths))
        self.rising = nn.ModuleList(ResidualBlock(width) for width in widths[:-1])
        self.norm = ChannelNorm(widths[0])
        self.leave = nn.Conv2d(widths[0], PATCH**2, 3, padding=1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Pictures B 3 H W in [−1, 1] → logits of alpha, B 1 H W."""
        x = self.falling[0](self.enter(F.pixel_unshuffle(pixels, PATCH)))
        passed = []
        for down, block in zip(self.down, self.falling[1:], strict=True):
            passed.append(x)
            x = block(down(x))
        for up, block in zip(reversed(self.up), reversed(self.rising), strict=True):
            x = block(F.interpolate(up(x), scale_factor=2) + passed.pop())
        return F.pixel_shuffle(self.leave(F.silu(self.norm(x))), PATCH)
