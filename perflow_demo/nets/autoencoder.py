"""PocketAutoencoder: pictures ↔ latents at 1/16 of their size, small enough for two CPU cores."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.vae import DecoderOutput
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils import BaseOutput
from torch import Tensor, nn

PATCH = 4  # pixels are folded 4×4 into channels first, so that no convolution runs at full size


@dataclass
class EncoderOutput(BaseOutput):
    """latents: B C H/16 W/16, of about zero mean and unit variance, all channels taken together."""

    latents: Tensor


class PocketAutoencoder(ModelMixin, ConfigMixin):
    """A deterministic convolutional autoencoder, 16× smaller on each side.

    Pictures are B 3 H W in [−1, 1], H and W multiples of 16. `channels` are the widths at 1/4, 1/8
    and 1/16; `encoder_blocks` and `decoder_blocks` the residual blocks at each. The steps between
    scales carry parameter-free shortcuts (space-to-channel, channel-to-space), as in the deep
    compression autoencoder (Chen et al. 2024, section 3.2). Latents are normalised a channel by
    `latents_mean` and `latents_std`, so `scaling_factor` is 1.

    `block_out_channels` has five entries, for diffusers' pipelines read the 16 off their number.
    """

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 16,
        channels: tuple[int, ...] = (48, 96, 192),
        encoder_blocks: tuple[int, ...] = (1, 2, 1),
        decoder_blocks: tuple[int, ...] = (2, 2, 3),
        latents_mean: tuple[float, ...] | None = None,
        latents_std: tuple[float, ...] | None = None,
        scaling_factor: float = 1.0,
        block_out_channels: tuple[int, ...] = (48, 48, 48, 96, 192),
    ) -> None:
        super().__init__()
        self.encoder = Encoder(latent_channels, channels, encoder_blocks)
        self.decoder = Decoder(latent_channels, channels, decoder_blocks)

    def encode(self, pixels: Tensor, return_dict: bool = True) -> EncoderOutput | tuple[Tensor]:
        """Pictures B 3 H W in [−1, 1] → normalised latents B C H/16 W/16."""
        mean, std = self._statistics(pixels)
        latents = (self.encoder(pixels) - mean) / std
        return EncoderOutput(latents=latents) if return_dict else (latents,)

    def decode(
        self, latents: Tensor, return_dict: bool = True, generator: torch.Generator | None = None
    ) -> DecoderOutput | tuple[Tensor]:
        """Latents B C h w → pictures B 3 16h 16w, about [−1, 1]; `generator` is unused."""
        mean, std = self._statistics(latents)
        pixels = self.decoder(latents * std + mean)
        return DecoderOutput(sample=pixels) if return_dict else (pixels,)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.decoder(self.encoder(pixels))

    def _statistics(self, like: Tensor) -> tuple[Tensor, Tensor]:
        count = self.config.latent_channels
        mean = self.config.latents_mean or (0.0,) * count
        std = self.config.latents_std or (1.0,) * count
        return like.new_tensor(mean).view(1, -1, 1, 1), like.new_tensor(std).view(1, -1, 1, 1)


class Encoder(nn.Module):
    """B 3 H W → B C H/16 W/16."""

    def __init__(self, latents: int, channels: tuple[int, ...], blocks: tuple[int, ...]) -> None:
        super().__init__()
        self.enter = nn.Conv2d(3 * PATCH**2, channels[0], 3, padding=1)
        stages: list[nn.Module] = []
        for i, (width, count) in enumerate(zip(channels, blocks, strict=True)):
            if i:
                stages.append(Down(channels[i - 1], width))
            stages += [ResidualBlock(width) for _ in range(count)]
        self.stages = nn.Sequential(*stages)
        self.leave = nn.Conv2d(channels[-1], latents, 3, padding=1)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.leave(self.stages(self.enter(F.pixel_unshuffle(pixels, PATCH))))


class Decoder(nn.Module):
    """B C h w → B 3 16h 16w."""

    def __init__(self, latents: int, channels: tuple[int, ...], blocks: tuple[int, ...]) -> None:
        super().__init__()
        self.enter = nn.Conv2d(latents, channels[-1], 3, padding=1)
        stages: list[nn.Module] = []
        for i in reversed(range(len(channels))):
            stages += [ResidualBlock(channels[i]) for _ in range(blocks[i])]
            if i:
                stages.append(Up(channels[i], channels[i - 1]))
        self.stages = nn.Sequential(*stages)
        self.norm = ChannelNorm(channels[0])
        self.leave = nn.Conv2d(channels[0], 3 * PATCH**2, 3, padding=1)

    def forward(self, latents: Tensor) -> Tensor:
        hidden = self.norm(self.stages(self.enter(latents)))
        return F.pixel_shuffle(self.leave(F.silu(hidden)), PATCH)


class ResidualBlock(nn.Module):
    """x + conv(silu(conv(silu(norm(x))))); the second convolution starts at zero."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(width)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.silu(self.first(F.silu(self.norm(x)))))


class ChannelNorm(nn.Module):
    """Each place's channels scaled to unit root mean square, times a learnt gain, at any size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        scale = torch.rsqrt(x.float().square().mean(1, keepdim=True) + 1e-6).to(x.dtype)
        return x * scale * self.gain.view(1, -1, 1, 1).to(x.dtype)


class Down(nn.Module):
    """Half the size, `width` → `out` channels: a strided convolution beside a folding shortcut."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.out = out
        self.conv = nn.Conv2d(width, out, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        folded = F.pixel_unshuffle(x, 2)
        shortcut = folded.unflatten(1, (self.out, -1)).mean(2)
        return self.conv(x) + shortcut


class Up(nn.Module):
    """Twice the size, `width` → `out` channels: a convolution beside an unfolding shortcut."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.repeat = 4 * out // width
        self.conv = nn.Conv2d(width, 4 * out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(self.conv(x) + x.repeat_interleave(self.repeat, 1), 2)
