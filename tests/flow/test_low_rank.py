"""Low-rank storage of weight differences."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from perflow_demo.flow import expand_delta, factorise_delta

SHAPES = {"matrix": (24, 40), "conv": (32, 16, 3, 3), "pointwise": (32, 48, 1, 1)}
seeds = st.integers(0, 2**32 - 1)


def random_delta(seed, rank=None):
    """Matrices and convolutions of the given rank (full by default), a bias and a scalar."""
    generator = torch.Generator().manual_seed(seed)
    delta = {"bias": torch.randn(24, generator=generator), "scale": torch.tensor(0.5)}
    for name, shape in SHAPES.items():
        columns = torch.Size(shape[1:]).numel()
        inner = rank or min(shape[0], columns)
        left = torch.randn(shape[0], inner, generator=generator)
        right = torch.randn(inner, columns, generator=generator)
        delta[name + ".weight"] = (left @ right).reshape(shape)
    return delta


def numbers(tensors):
    return sum(tensor.numel() for tensor in tensors.values())


@given(seeds, st.integers(1, 4))
def test_a_low_rank_delta_is_kept_exactly_and_small(seed, rank):
    delta = random_delta(seed, rank)
    factors = factorise_delta(delta, rank=rank)
    assert {"bias", "scale", "conv.weight.up", "conv.weight.down"} <= factors.keys()
    assert factors["conv.weight.up"].shape == (32, rank)
    assert factors["conv.weight.down"].shape == (rank, 16, 3, 3)
    assert numbers(factors) < 0.4 * numbers(delta)
    expanded = expand_delta(factors)
    assert list(expanded) == list(delta)
    for key in delta:
        torch.testing.assert_close(expanded[key], delta[key], rtol=1e-4, atol=1e-4)


@given(seeds, st.floats(0.3, 0.999))
def test_the_energy_asked_for_is_kept(seed, energy):
    delta = random_delta(seed)
    expanded = expand_delta(factorise_delta(delta, energy=energy))
    for key in delta:
        lost = (delta[key] - expanded[key]).square().sum() / delta[key].square().sum()
        assert lost <= 1 - energy + 1e-5


@given(seeds, st.integers(1, 8))
def test_a_higher_rank_is_never_worse(seed, rank):
    delta = random_delta(seed)
    low, high = (expand_delta(factorise_delta(delta, rank=r)) for r in (rank, rank + 4))
    for key in delta:
        error = (delta[key] - high[key]).norm()
        assert error <= (delta[key] - low[key]).norm() + 1e-4


def test_what_would_not_shrink_stays_whole():
    delta = random_delta(0)
    factors = factorise_delta(delta, rank=100)
    assert factors.keys() == delta.keys()
    assert all(torch.equal(factors[key], delta[key]) for key in delta)


def test_the_dtype_is_kept():
    delta = {key: value.half() for key, value in random_delta(0, rank=2).items()}
    factors = factorise_delta(delta, rank=2)
    expanded = expand_delta(factors)
    assert {value.dtype for value in (*factors.values(), *expanded.values())} == {torch.half}
    for key in delta:
        torch.testing.assert_close(expanded[key], delta[key], rtol=5e-3, atol=2e-2)


@pytest.mark.parametrize(
    "arguments",
    [{}, {"rank": 2, "energy": 0.9}, {"rank": 0}, {"energy": 0.0}, {"energy": 1.1}],
    ids=str,
)
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="rank"):
        factorise_delta(random_delta(0), **arguments)


def test_ambiguous_keys_and_half_pairs_are_refused():
    with pytest.raises(ValueError, match="must not end in .up or .down: block.up"):
        factorise_delta({"block.up": torch.ones(2, 2)}, rank=1)
    with pytest.raises(KeyError, match="conv.weight.down"):
        expand_delta({"conv.weight.up": torch.ones(4, 1)})
