"""Latents in which an error is seen alike, in whatever direction it lies."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from perflow_demo.nets import PocketAutoencoder


def balance(net: PocketAutoencoder, pictures: Iterable[Tensor], probes: int = 2) -> None:
    """Turns and stretches the latents, in place; what is decoded from them stays the same.

    An encoder gives each channel whatever scale it likes, and some say a hundred times as much of a
    picture as others. A diffusion model whose latents are normalised a channel spends its strength
    on all of them alike. Here a step of length 1 changes pixels by the same amount in every
    direction, on the average: what matters most varies most, stands out of the noise first, and
    weighs most in the loss. This project.

    pictures: B 3 H W in [−1, 1] each. probes: random directions of pixels asked for each of them.
    """
    pictures = list(pictures)
    latents = [net.encoder(picture) for picture in pictures]
    rows = torch.cat([values.movedim(1, 0).flatten(1) for values in latents], 1)
    mean, spread = rows.mean(1), rows.std(1)
    stretch = _root(_metric(net, latents, spread, probes)).float() / spread
    leave, enter = net.encoder.leave, net.decoder.enter
    leave.weight.copy_(torch.einsum("cd,dijk->cijk", stretch, leave.weight))
    leave.bias.copy_(stretch @ leave.bias)
    enter.weight.copy_(torch.einsum("odij,dc->ocij", enter.weight, torch.linalg.inv(stretch)))
    scale = (stretch @ (rows - mean[:, None])).square().mean().sqrt()
    net.register_to_config(
        latents_mean=tuple(round(x, 4) for x in (stretch @ mean).tolist()),
        latents_std=(round(scale.item(), 4),) * len(mean),
    )


def _metric(net: PocketAutoencoder, latents: list[Tensor], spread: Tensor, probes: int) -> Tensor:
    """C×C float64: the mean of JᵀJ at a place, J the decoder's Jacobian by channels of unit spread.

    A random direction v of pixels gives Jᵀv, whose outer product with itself is JᵀJ on the average.
    In float32 its least eigenvalues would round to below zero.
    """
    total = torch.zeros(len(spread), len(spread), dtype=torch.float64)
    for values in latents:
        for _ in range(probes):
            with torch.enable_grad():
                at = values.clone().requires_grad_(True)
                decoded = net.decoder(at)
                direction = torch.randn_like(decoded)
                (gradient,) = torch.autograd.grad((decoded * direction).sum(), at)
            gradient = (gradient * spread.view(1, -1, 1, 1)).double()
            total += torch.einsum("bchw,bdhw->cd", gradient, gradient)
    return total / total.trace()


def _root(metric: Tensor) -> Tensor:
    """The symmetric square root of a positive matrix."""
    values, vectors = torch.linalg.eigh(metric)
    return vectors @ torch.diag(values.sqrt()) @ vectors.T
