"""Autoencoder: pictures → latents a diffusion model likes → the same pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from perflow_demo.nets import PocketAutoencoder
from perflow_demo.training.balance import balance
from perflow_demo.training.publish import write_module
from perflow_demo.training.toyworld.shards import Pictures


class AutoencoderObjective:
    """L1 on pixels and on their gradients, from crops.

    Latents get noise, for each crop of another strength up to `noise` times a channel's own spread:
    what survives it is said broadly, by many numbers at once, and that is what a small diffusion
    model can learn to say (l-DeTok, Yang et al. 2025, section 3). In `halved` of the steps the
    decoder is asked for the half-size picture from half-size latents, which makes latents scale
    like pictures (EQ-VAE, Kouzelis et al. 2025, section 3.2) and gives the app its cheap previews.
    """

    def __init__(
        self,
        autoencoder: PocketAutoencoder,
        folders: list[Path],
        crop: int = 128,
        noise: float = 0.8,
        halved: float = 0.2,
    ) -> None:
        self.net = autoencoder
        self.pictures = [Pictures(folder) for folder in folders]
        self.crop, self.noise, self.halved = crop, noise, halved

    def batch(self, rng: np.random.Generator, count: int) -> Tensor:
        """Random crops, B 3 crop crop in [−1, 1], at random flips."""
        crops = np.empty((count, self.crop, self.crop, 3), np.uint8)
        for i in range(count):
            source = self.pictures[rng.integers(len(self.pictures))]
            picture = source[rng.integers(len(source))]
            row, column = rng.integers(0, len(picture) - self.crop + 1, 2)
            crop = picture[row : row + self.crop, column : column + self.crop]
            crops[i] = crop[:, ::-1] if rng.random() < 0.5 else crop
        return to_tensor(crops)

    def loss(
        self, net, pixels: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        latents = net.encoder(pixels)
        # Not detached, or latents would grow to drown the noise.
        spread = latents.float().std((0, 2, 3), keepdim=True)
        strength = self.noise * torch.rand(len(latents), 1, 1, 1, generator=generator)
        noisy = latents + strength * spread * torch.randn(latents.shape, generator=generator)
        if torch.rand((), generator=generator) < self.halved:
            noisy, pixels = F.avg_pool2d(noisy, 2), F.avg_pool2d(pixels, 2)
        decoded = net.decoder(noisy).float()
        error = (decoded - pixels).abs().mean()
        edges = sum(
            (a - b).abs().mean()
            for a, b in zip(_gradients(decoded), _gradients(pixels), strict=True)
        )
        loss = error + 0.7 * edges + 1e-4 * latents.float().square().mean()
        return loss, {"l1": error.item(), "psnr": psnr(decoded.detach(), pixels)}

    @torch.no_grad()
    def sheet(self, net) -> Image.Image:
        """Above pictures, below their reconstructions."""
        pixels = to_tensor(np.stack([self.pictures[0][i] for i in range(1, 7)]))
        decoded = net(pixels.contiguous(memory_format=torch.channels_last))
        return grid(torch.cat([pixels, decoded.float()]), columns=6)

    @torch.no_grad()
    def publish(self, net, folder: Path) -> dict[str, float]:
        """Saves `net`, its latents balanced; returns whole pictures' PSNR."""
        balance(net, self._whole())
        write_module(net, folder / "vae")
        return self.measures(net)

    def measures(self, net) -> dict[str, float]:
        """PSNR of whole pictures, in dB, by their size."""
        found: dict[str, list[float]] = {}
        for picture in self._whole():
            found.setdefault(f"psnr_{picture.shape[-1]}", []).append(psnr(net(picture), picture))
        return {name: float(np.mean(values)) for name, values in found.items()}

    def _whole(self) -> Iterator[Tensor]:
        for source in self.pictures:
            for i in range(0, len(source), max(1, len(source) // 200)):
                yield to_tensor(source[i][None])


class DecoderObjective(AutoencoderObjective):
    """The decoder goes on alone: latents, and all that was trained on them, keep their meaning.

    Noise no longer shapes them, so there is only as much as a sampler leaves.
    """

    def __init__(
        self, autoencoder: PocketAutoencoder, folders: list[Path], noise: float = 0.2, **settings
    ) -> None:
        super().__init__(autoencoder, folders, noise=noise, **settings)
        self.net.encoder.requires_grad_(False)

    @torch.no_grad()
    def publish(self, net, folder: Path) -> dict[str, float]:
        """Saves `net`, the latents' statistics as they were; returns whole pictures' PSNR."""
        write_module(net, folder / "vae")
        return self.measures(net)


def psnr(made: Tensor, wanted: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of pictures in [−1, 1]."""
    return float(-10 * torch.log10(((made - wanted).clamp(-2, 2) / 2).square().mean()))


def to_tensor(pictures: np.ndarray) -> Tensor:
    """Pictures B H W 3 uint8 → B 3 H W float in [−1, 1], channels last."""
    return torch.tensor(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1


def grid(pixels: Tensor, columns: int) -> Image.Image:
    """Pictures B 3 H W in [−1, 1], side by side; white where the last of several rows ends."""
    if len(pixels) > columns:
        pixels = F.pad(pixels, (0,) * 7 + (-len(pixels) % columns,), value=1.0)
    rows = [torch.cat(list(row), -1) for row in pixels.split(columns)]
    page = torch.cat(rows, -2).clamp(-1, 1)
    return Image.fromarray(((page + 1) * 127.5).round().byte().permute(1, 2, 0).numpy())


def _gradients(pixels: Tensor) -> tuple[Tensor, Tensor]:
    return pixels.diff(dim=-1), pixels.diff(dim=-2)
