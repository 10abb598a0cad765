"""LatentTokens: what a picture shows, as tokens of cross-attention, read from its latents."""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.modeling_utils import ModelMixin
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor, nn


class LatentTokens(ModelMixin, ConfigMixin):
    """As many tokens as asked for, which say of a picture what words would say of it.

    The embedded family's CLIP: it speaks the language of the family's text encoder, so that a UNet
    that has learnt to draw from words can draw from pictures. side: latents along a side. patch: of
    them, along a side of what attention reads. width: of a token. inner: of the convolutions.
    """

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 16,
        side: int = 16,
        patch: int = 2,
        tokens: int = 16,
        width: int = 256,
        inner: int = 128,
        layers: int = 3,
    ) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(latent_channels, inner, 3, padding=1)
        self.convolutions = nn.ModuleList(
            ResnetBlock2D(in_channels=inner, temb_channels=None, groups=16) for _ in range(2)
        )
        self.cut = nn.Conv2d(inner, width, patch, stride=patch)
        self.place_embeddings = nn.Parameter(0.5 * torch.randn((side // patch) ** 2, width))
        self.token_embeddings = nn.Parameter(torch.randn(tokens, width))
        self.blocks = nn.ModuleList(
            BasicTransformerBlock(width, max(1, width // 64), min(width, 64)) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, latents: Tensor) -> Tensor:
        """Latents B C side side → tokens B L width."""
        x = self.conv_in(latents)
        for block in self.convolutions:
            x = block(x, None)
        seen = self.cut(x).flatten(2).transpose(1, 2) + self.place_embeddings
        x = torch.cat([self.token_embeddings.expand(len(seen), -1, -1), seen], 1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x[:, : len(self.token_embeddings)])
