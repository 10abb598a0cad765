"""Low-rank storage of a weight difference: a matrix as the product of two thin ones, by SVD."""

from collections.abc import Mapping

import torch

UP, DOWN = ".up", ".down"


def factorise_delta(
    delta: Mapping[str, torch.Tensor], rank: int | None = None, energy: float | None = None
) -> dict[str, torch.Tensor]:
    """A delta with its matrices and convolutions replaced by pairs `<key>.up`, `<key>.down`.

    Give one of: rank, the number of columns to keep, at least 1; energy in (0, 1], the share of
    each tensor's squared Frobenius norm to keep. For a weight of shape (out, ...), up is (out, r)
    and down (r, ...), both in the weight's dtype. Tensors with fewer than two dimensions, and
    those that factors would not make smaller, stay whole under their own key.
    Raises ValueError for wrong arguments and for keys that already end in .up or .down.
    Source: Eckart-Young theorem.
    """
    if (rank is None) == (energy is None):
        raise ValueError("give either rank or energy")
    if (rank is not None and rank < 1) or (energy is not None and not 0 < energy <= 1):
        raise ValueError(f"need rank >= 1 or 0 < energy <= 1, got rank={rank}, energy={energy}")
    if ambiguous := sorted(key for key in delta if key.endswith((UP, DOWN))):
        raise ValueError(f"keys must not end in {UP} or {DOWN}: {', '.join(ambiguous)}")
    result = {}
    for key, weight in delta.items():
        factors = _factorise(weight, rank, energy) if weight.ndim >= 2 else None
        if factors is None:
            result[key] = weight
        else:
            result[key + UP], result[key + DOWN] = factors
    return result


def expand_delta(factors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The full delta of what `factorise_delta` returned.

    Products are made in float32 and returned in the factors' dtype. Raises KeyError if one
    factor of a pair is missing.
    """
    keys = {key.removesuffix(UP).removesuffix(DOWN): None for key in factors}
    return {key: factors[key] if key in factors else _expand(factors, key) for key in keys}


def factored_keys(delta: Mapping[str, torch.Tensor]) -> list[str]:
    """The keys that are one half of a pair of factors."""
    pairs = [key.removesuffix(UP) for key in delta if key.endswith(UP)]
    return [key + end for key in pairs if key + DOWN in delta for end in (UP, DOWN)]


def _factorise(
    weight: torch.Tensor, rank: int | None, energy: float | None
) -> tuple[torch.Tensor, torch.Tensor] | None:
    """up and down of one weight, or None where they would hold no fewer numbers."""
    matrix = weight.float().flatten(1)
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    if energy is not None:
        kept = values.double().square().cumsum(0)
        rank = int((kept < energy * kept[-1]).sum()) + 1
    rank = min(rank, len(values))
    if rank * sum(matrix.shape) >= matrix.numel():
        return None
    root = values[:rank].sqrt()
    up, down = left[:, :rank] * root, root[:, None] * right[:rank]
    down = down.reshape(rank, *weight.shape[1:])
    return up.contiguous().to(weight.dtype), down.contiguous().to(weight.dtype)


def _expand(factors: Mapping[str, torch.Tensor], key: str) -> torch.Tensor:
    missing = [key + end for end in (UP, DOWN) if key + end not in factors]
    if missing:
        raise KeyError(f"a factor is missing: {missing[0]}")
    up, down = factors[key + UP], factors[key + DOWN]
    product = up.float() @ down.float().flatten(1)
    return product.reshape(len(up), *down.shape[1:]).to(up.dtype)
