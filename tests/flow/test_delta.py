"""Merging weight differences: golden numbers, refusals that change nothing, round trips, memory."""

import copy
import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import nn
from torch.profiler import ProfilerActivity, profile

from perflow_demo.flow import apply_delta, extract_delta, factorise_delta, remove_delta

GOLDEN = Path(__file__).parents[1] / "golden"
META = json.loads((GOLDEN / "c_merge.json").read_text())
MERGES = load_file(GOLDEN / "c_merge.safetensors")
DTYPES = (torch.float32, torch.float16, torch.bfloat16)


def group(name):
    prefix = name + "/"
    return {key[len(prefix) :]: MERGES[key] for key in MERGES if key.startswith(prefix)}


def module_of(weights, dtype=torch.float32):
    """A module with exactly these weights: nested containers along the dots of the keys."""
    root = nn.Module()
    for key, value in weights.items():
        *path, leaf = key.split(".")
        parent = root
        for name in path:
            if not hasattr(parent, name):
                parent.add_module(name, nn.Module())
            parent = getattr(parent, name)
        parent.register_parameter(leaf, nn.Parameter(value.to(dtype, copy=True)))
    return root


def cast(delta, dtype):
    return {key: value.to(dtype) for key, value in delta.items()}


def snapshot(module):
    return copy.deepcopy(module.state_dict())


def same(module, weights):
    state = module.state_dict()
    return state.keys() == weights.keys() and all(torch.equal(state[k], weights[k]) for k in state)


@pytest.mark.parametrize(
    ("result", "base_dtype", "delta_dtype"),
    [
        ("merged_fp32", torch.float32, torch.float32),
        ("merged_fp16", torch.float16, torch.float16),
        ("merged_fp32base_fp16delta", torch.float32, torch.float16),
    ],
)
@pytest.mark.parametrize("model", ["sd", "mv"])
def test_golden_merge(model, result, base_dtype, delta_dtype):
    base, delta = group(f"{model}_base_fp32"), cast(group("delta_fp32"), delta_dtype)
    unet = module_of(base, base_dtype)
    report = apply_delta(unet, delta, strict=model == "sd")
    merged, expected = unet.state_dict(), group(f"{model}_{result}")
    assert merged.keys() == expected.keys()
    for key, reference in expected.items():
        if base_dtype != delta_dtype:
            # What is merged is exact; what is kept was rounded to half by the reference.
            half = reference.abs().half()
            step = torch.nextafter(half, torch.tensor(torch.inf, dtype=torch.half)) - half
            assert ((merged[key] - reference).abs() <= step.float()).all(), key
        elif base_dtype == torch.float16:
            assert torch.equal(merged[key], reference), key
        else:
            torch.testing.assert_close(merged[key], reference, rtol=0, atol=1e-6)
    if model == "mv":
        assert set(report.kept) == set(META["mv_keys_kept_because_absent_from_delta"])
        assert list(report.shape_adapted) == META["mv_keys_kept_because_of_shape"]
        for key in (*report.kept, *report.shape_adapted):
            assert torch.equal(merged[key], base[key].to(base_dtype)), key
    assert len(report.merged) == len(merged) - len(report.kept) - len(report.shape_adapted)


def small_net():
    net = nn.ModuleDict(
        {"conv_in": nn.Conv2d(4, 8, 3), "norm": nn.BatchNorm2d(8), "out": nn.Linear(8, 3)}
    )
    return net


def small_delta(net, scale=0.1):
    generator = torch.Generator().manual_seed(1)
    return {
        key: scale * torch.randn(value.shape, generator=generator)
        for key, value in net.state_dict().items()
        if value.is_floating_point()
    }


def test_the_report_tells_relative_changes():
    net = small_net()
    nn.init.zeros_(net["out"].bias)
    before, delta = snapshot(net), small_delta(net)
    report = apply_delta(net, delta, strength=0.5)
    assert report.strength == 0.5
    assert set(report.relative_change) == set(report.merged) == set(delta)
    assert report.kept == ("norm.num_batches_tracked",)
    key = "conv_in.weight"
    expected = (0.5 * delta[key].norm() / before[key].norm()).item()
    assert report.relative_change[key] == pytest.approx(expected, rel=1e-5)
    assert report.relative_change["out.bias"] == float("inf")
    assert report.largest_relative_change == float("inf")
    torch.testing.assert_close(net.state_dict()[key], before[key] + 0.5 * delta[key])


def broken_deltas():
    net = small_net()
    delta = small_delta(net)
    missing = {key: value for key, value in delta.items() if key != "out.weight"}
    return {
        "lacks out.weight": (missing, 1.0, "lacks keys.*: out.weight"),
        "extra key": (delta | {"other.weight": torch.ones(2)}, 1.0, "no such keys: other.weight"),
        "shape": (delta | {"out.weight": torch.ones(3, 9)}, 1.0, "differ in shape.*: out.weight"),
        "conv_in": (
            delta | {"conv_in.weight": torch.ones(8, 8, 3, 3)},
            1.0,
            "differ in shape.*: conv_in.weight",
        ),
        "integer": (
            delta | {"out.bias": torch.ones(3, dtype=torch.int64)},
            1.0,
            "only floating tensors.*: out.bias",
        ),
        "integer buffer": (
            delta | {"norm.num_batches_tracked": torch.tensor(1.0)},
            1.0,
            "only floating tensors.*: norm.num_batches_tracked",
        ),
        "low rank": (factorise_delta(delta, rank=1), 1.0, "expand_delta"),
        "strength": (delta, float("nan"), "strength must be finite"),
    }


@pytest.mark.parametrize("merge", [apply_delta, remove_delta])
@pytest.mark.parametrize("name", broken_deltas())
def test_what_does_not_fit_is_named_and_nothing_changes(name, merge):
    net = small_net()
    before = snapshot(net)
    delta, strength, message = broken_deltas()[name]
    with pytest.raises((KeyError, ValueError), match=message):
        merge(net, delta, strength)
    assert same(net, before)


@pytest.mark.parametrize(
    "name", ["extra key", "shape", "integer", "integer buffer", "low rank", "strength"]
)
def test_the_lenient_mode_refuses_what_cannot_be_meant(name):
    net = small_net()
    before = snapshot(net)
    delta, strength, message = broken_deltas()[name]
    with pytest.raises((KeyError, ValueError), match=message):
        apply_delta(net, delta, strength, strict=False)
    assert same(net, before)


@pytest.mark.parametrize("shape", [(9, 8, 3, 3), (8, 4, 1, 1), (8, 4, 3)])
def test_only_the_input_channels_of_conv_in_may_differ(shape):
    net = small_net()
    delta = small_delta(net) | {"conv_in.weight": torch.ones(shape)}
    with pytest.raises(ValueError, match="conv_in.weight"):
        apply_delta(net, delta, strict=False)


def test_a_shared_tensor_is_merged_once():
    net = nn.ModuleDict({"a": nn.Linear(3, 3, bias=False), "b": nn.Linear(3, 3, bias=False)})
    net["b"].weight = net["a"].weight
    before = snapshot(net)["a.weight"]
    report = apply_delta(net, {"a.weight": torch.ones(3, 3), "b.weight": torch.ones(3, 3)})
    assert torch.equal(net["b"].weight, before + 1)
    assert report.merged == ("a.weight", "b.weight")


def test_channels_last_and_scalar_weights_are_merged():
    net = small_net().to(memory_format=torch.channels_last)
    net.register_parameter("scale", nn.Parameter(torch.tensor(2.0)))
    before, delta = snapshot(net), small_delta(net) | {"scale": torch.tensor(0.5)}
    apply_delta(net, delta)
    assert net.scale.item() == 2.5
    expected = before["conv_in.weight"] + delta["conv_in.weight"]
    torch.testing.assert_close(net["conv_in"].weight.data, expected)


def test_a_tensor_larger_than_a_chunk_is_merged_whole():
    net = nn.Linear(300, 1000)
    before, delta = snapshot(net), small_delta(net)
    report = apply_delta(net, delta)
    torch.testing.assert_close(net.weight.data, before["weight"] + delta["weight"])
    expected = (delta["weight"].norm() / before["weight"].norm()).item()
    assert report.relative_change["weight"] == pytest.approx(expected, rel=1e-5)


weights = st.tuples(st.integers(0, 2**32 - 1), st.sampled_from(DTYPES))


@given(weights, st.sampled_from(DTYPES), st.floats(-2, 2))
def test_apply_then_remove_restores_the_base(net_of, delta_dtype, strength):
    seed, dtype = net_of
    torch.manual_seed(seed)
    net = small_net().to(dtype)
    before, delta = snapshot(net), cast(small_delta(net), delta_dtype)
    apply_delta(net, delta, strength)
    merged = snapshot(net)
    report = remove_delta(net, delta, strength)
    assert report.strength == -strength
    for key in delta:
        size = torch.maximum(before[key].abs(), merged[key].abs()).float()
        # Each way rounds operand and sum to the delta's dtype, and the result to the model's.
        steps = 2 * torch.finfo(delta_dtype).eps + torch.finfo(dtype).eps
        allowed = steps * size + 2e-7
        error = (net.state_dict()[key].float() - before[key].float()).abs()
        assert (error <= allowed).all(), key


@given(weights, st.sampled_from(DTYPES), st.floats(-2, 2))
def test_removal_is_exact_with_the_base_at_hand(net_of, delta_dtype, strength):
    seed, dtype = net_of
    torch.manual_seed(seed)
    net = small_net().to(dtype)
    before, delta = snapshot(net), cast(small_delta(net), delta_dtype)
    apply_delta(net, delta, strength)
    remove_delta(net, delta, strength, base=before)
    assert same(net, before)


def test_removal_with_a_wrong_base_changes_nothing():
    net = small_net()
    base, delta = snapshot(net), small_delta(net)
    apply_delta(net, delta)
    merged = snapshot(net)
    with pytest.raises(KeyError, match="the base lacks keys: out.bias"):
        remove_delta(net, delta, base={k: v for k, v in base.items() if k != "out.bias"})
    with pytest.raises(ValueError, match="the base differs in shape.*: out.bias"):
        remove_delta(net, delta, base=base | {"out.bias": torch.ones(4)})
    assert same(net, merged)


@given(weights, st.sampled_from(DTYPES))
def test_the_extracted_delta_leads_from_base_to_tuned(net_of, tuned_dtype):
    seed, dtype = net_of
    torch.manual_seed(seed)
    base, tuned = small_net().to(dtype), small_net().to(tuned_dtype)
    delta = extract_delta(tuned, base.state_dict())
    assert all(value.dtype == torch.float32 for value in delta.values())
    assert "norm.num_batches_tracked" not in delta
    apply_delta(base, delta)
    for key in delta:
        torch.testing.assert_close(
            base.state_dict()[key], tuned.state_dict()[key].to(dtype), rtol=0, atol=1e-7
        )


def test_extraction_refuses_what_does_not_fit():
    base = small_net()
    weights = snapshot(base)
    with pytest.raises(KeyError, match="keys: more"):
        extract_delta(weights | {"more": torch.ones(1)}, base)
    with pytest.raises(ValueError, match="shape: out.bias"):
        extract_delta(weights | {"out.bias": torch.ones(4)}, base)
    with pytest.raises(ValueError, match="integer buffers: norm.num_batches_tracked"):
        extract_delta(weights | {"norm.num_batches_tracked": torch.tensor(7)}, base)


def peak_allocation(action):
    """The most bytes that `action` holds allocated at once, temporaries of kernels included."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        action()
    events = recorded.profiler.kineto_results.events()
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak


@pytest.mark.parametrize("delta_dtype", DTYPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_merge_needs_little_memory(dtype, delta_dtype):
    unet = nn.Sequential(*[nn.Conv2d(320, 640, 3, bias=False) for _ in range(6)]).to(dtype)
    delta = {key: torch.full_like(w, 0.1, dtype=delta_dtype) for key, w in unet.named_parameters()}
    size = sum(weight.nbytes for weight in unet.parameters())

    def naive():
        merged = {key: weight + delta[key] for key, weight in unet.state_dict().items()}
        unet.load_state_dict(merged)

    assert peak_allocation(naive) >= size
    assert peak_allocation(lambda: apply_delta(unet, delta)) < 0.05 * size
    assert peak_allocation(lambda: remove_delta(unet, delta)) < 0.05 * size
