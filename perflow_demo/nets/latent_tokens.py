"""LatentTokens: a picture as tokens of cross-attention, read from its latents."""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn


class LatentTokens(ModelMixin, ConfigMixin):
    """One token for each patch of a picture's latents, with its place.

    The embedded family has no CLIP to tell what a picture shows, and needs none: its autoencoder
    has read the picture already, and what the other views ask for is which colours and shapes are
    where. side: latents along a side. patch: of them, along a side of a token. width: of a token.
    """

    @register_to_config
    def __init__(
        self, latent_channels: int = 16, side: int = 16, patch: int = 2, width: int = 256
    ) -> None:
        super().__init__()
        self.cut = nn.Conv2d(latent_channels, width, patch, stride=patch)
        self.places = nn.Parameter(0.5 * torch.randn((side // patch) ** 2, width))
        self.norm = nn.LayerNorm(width)

    def forward(self, latents: Tensor) -> Tensor:
        """Latents B C side side → tokens B L width, of zero mean and unit variance at first."""
        return self.norm(self.cut(latents).flatten(2).transpose(1, 2) + self.places)
