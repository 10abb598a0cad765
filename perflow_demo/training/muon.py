"""Muon: the hidden layers' weights follow orthogonalised momentum."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

NOT_HIDDEN = ("conv_in", "conv_out", "embedding", "embeddings")


class Muon(torch.optim.Optimizer):
    """Jordan et al. 2024, with Nesterov momentum, for weights of two or more dimensions.

    torch.optim.Muon takes matrices only; here a convolution's O×I×k×k weight counts as O×(I·k·k).
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None) -> None:
        for group in self.param_groups:
            lr, momentum = group["lr"], group["momentum"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["average"] = torch.zeros_like(parameter)
                average = state["average"]
                average.lerp_(parameter.grad, 1 - momentum)
                # Inputs last, as convolutions lie in memory: a matrix without a copy.
                update = parameter.grad.lerp(average, momentum).movedim(1, -1)
                matrix = orthogonal(update.flatten(1))
                step = lr * max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
                parameter.mul_(1 - lr * group["weight_decay"])
                parameter.sub_(matrix.reshape(update.shape).movedim(-1, 1), alpha=step)


def orthogonal(matrix: Tensor, iterations: int = 5) -> Tensor:
    """The nearest matrix with singular values near 1, by the quintic Newton–Schulz iteration."""
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = wide.bfloat16()
    x /= x.norm() + 1e-7
    for _ in range(iterations):
        gram = x @ x.T
        factor = torch.addmm(gram, gram, gram, beta=-4.7750, alpha=2.0315)
        factor.diagonal().add_(3.4445)
        x = factor @ x
    return x if wide is matrix else x.T


def split(net: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Trained parameters: hidden layers' weights, and all others (biases, norms, ends, times)."""
    hidden: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in net.named_parameters():
        if parameter.requires_grad:
            is_hidden = parameter.ndim >= 2 and not any(part in name for part in NOT_HIDDEN)
            (hidden if is_hidden else others).append(parameter)
    return hidden, others
