"""The foreground network is small, keeps the size of pictures and survives its file."""

import torch

from perflow_demo.nets import ForegroundNet


def test_it_is_small_and_answers_every_pixel():
    net = ForegroundNet()
    assert sum(parameter.numel() for parameter in net.parameters()) <= 1_000_000
    assert net.multiple == 32
    logits = net(torch.zeros(2, 3, 96, 64))
    assert logits.shape == (2, 1, 96, 64)


def test_every_part_of_it_matters(tmp_path):
    torch.manual_seed(0)
    net = ForegroundNet((16, 16, 32))
    for parameter in net.parameters():  # second convolutions start at zero
        torch.nn.init.normal_(parameter, std=0.1)
    pixels = torch.randn(1, 3, 64, 64, requires_grad=True)
    net(pixels).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in net.parameters())
    net.save_pretrained(tmp_path)
    again = ForegroundNet.from_pretrained(tmp_path)
    assert torch.equal(net(pixels), again(pixels))
