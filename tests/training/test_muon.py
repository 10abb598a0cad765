"""Muon: updates are orthogonal, convolutions count as matrices, the ends keep AdamW."""

import pytest
import torch
from torch import nn

from perflow_demo.training.muon import Muon, orthogonal, split
from perflow_demo.training.objectives.teacher import build_unet


@pytest.mark.parametrize("shape", [(24, 60), (60, 24), (32, 32)])
def test_an_orthogonalised_matrix_has_singular_values_near_one_and_the_same_directions(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    made = orthogonal(matrix).float()
    values = torch.linalg.svdvals(made)
    assert values.min() > 0.5 and values.max() < 1.3
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    nearest = left @ right
    assert torch.cosine_similarity(made.flatten(), nearest.flatten(), dim=0) > 0.97


def test_a_convolution_moves_as_its_matrix_does():
    weight = torch.randn(8, 3, 3, 3)
    gradient = torch.randn(8, 3, 3, 3)
    as_kernel = nn.Parameter(weight.clone(memory_format=torch.channels_last))
    as_matrix = nn.Parameter(weight.flatten(1).clone())
    as_kernel.grad, as_matrix.grad = gradient, gradient.flatten(1)
    Muon([as_kernel], lr=0.1).step()
    Muon([as_matrix], lr=0.1).step()
    torch.testing.assert_close(as_kernel.flatten(1), as_matrix)
    assert not torch.allclose(as_matrix, weight.flatten(1), atol=1e-3)


def test_every_weight_has_one_optimizer_and_the_ends_of_the_network_keep_adamw():
    unet = build_unet(debug=True)
    unet.mid_block.requires_grad_(False)
    hidden, others = split(unet)
    named = {id(parameter): name for name, parameter in unet.named_parameters()}
    trained = [p for p in unet.parameters() if p.requires_grad]
    assert sorted(map(id, [*hidden, *others])) == sorted(map(id, trained))
    assert all(p.ndim >= 2 for p in hidden)
    kept = {named[id(p)] for p in others if p.ndim >= 2}
    assert {"conv_in.weight", "conv_out.weight", "time_embedding.linear_1.weight"} <= kept
    assert "down_blocks.0.resnets.0.conv1.weight" in {named[id(p)] for p in hidden}
