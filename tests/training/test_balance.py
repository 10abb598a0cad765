"""Balanced latents: equal steps in any direction change pictures by as much."""

import numpy as np
import pytest
import torch

from perflow_demo.nets import PocketAutoencoder
from perflow_demo.training.balance import balance


@pytest.fixture
def autoencoder():
    """One whose channels are of very different scales, and mixed."""
    torch.manual_seed(0)
    net = PocketAutoencoder(
        channels=(16, 16, 32), encoder_blocks=(1, 1, 1), decoder_blocks=(1, 1, 1)
    )
    scales = torch.logspace(-1, 1, 16).view(-1, 1, 1, 1)
    with torch.no_grad():
        net.encoder.leave.weight.mul_(scales)
        net.encoder.leave.bias.normal_()
        net.decoder.enter.weight.mul_(scales.view(1, -1, 1, 1))
    return net.eval().requires_grad_(False)


def pictures(seed, count=12):
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1 for _ in range(count)]


def effects(net, seed=5):
    """How far pixels move, RMS, for small steps of one length along 16 random directions."""
    generator = torch.Generator().manual_seed(seed)
    latents = torch.cat([net.encode(picture).latents for picture in pictures(7)])
    turned = torch.linalg.qr(torch.randn(16, 16, generator=generator)).Q
    before = net.decode(latents).sample
    signs = torch.randint(0, 2, (len(latents), 1, 4, 4), generator=generator) * 2.0 - 1
    moved = [net.decode(latents + 1e-3 * d.view(1, -1, 1, 1) * signs).sample for d in turned]
    return np.array([(after - before).square().mean().sqrt().item() for after in moved])


def test_decoded_pictures_stay_and_latents_have_unit_variance(autoencoder):
    wanted = [autoencoder(picture) for picture in pictures(1)]
    balance(autoencoder, pictures(2, 40))
    for picture, before in zip(pictures(1), wanted, strict=True):
        torch.testing.assert_close(autoencoder(picture), before, atol=1e-4, rtol=1e-4)
        latents = autoencoder.encode(picture).latents
        torch.testing.assert_close(autoencoder.decode(latents).sample, before, atol=1e-4, rtol=1e-4)
    latents = torch.cat([autoencoder.encode(picture).latents for picture in pictures(3, 40)])
    assert latents.mean((0, 2, 3)).abs().max() < 0.1
    assert latents.var((0, 2, 3), correction=0).mean().item() == pytest.approx(1, abs=0.1)


def test_steps_of_one_length_change_pixels_by_as_much_in_every_direction(autoencoder):
    uneven = effects(autoencoder)
    balance(autoencoder, pictures(2, 40))
    even = effects(autoencoder)
    assert uneven.max() / uneven.min() > 3
    assert even.max() / even.min() < 1.5
