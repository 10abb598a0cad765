"""ΔW = W_PeRFlow - W_base: take it from one pair of models, merge it into another, undo it.

Everything works tensor by tensor and chunk by chunk in place, so that a merge needs next to no
memory beside the model and the delta. A sum is made in the delta's dtype and stored in the
model's, as in the PeRFlow reference: a half-precision delta rounds what it touches to half, a
float32 one does not.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from perflow_demo.flow.low_rank import factored_keys

StateDict = Mapping[str, torch.Tensor]

# Elements handled at once: small beside any UNet, large beside what starting an operation costs.
CHUNK = 1 << 17
# The one weight that may differ in shape: multiview and inpainting UNets see more channels.
ADAPTABLE_KEY = "conv_in.weight"


@dataclass(frozen=True)
class MergeReport:
    """What a merge or removal did to each key of the model.

    strength: what was added, negative for a removal. merged: changed keys. kept: keys of the
    model that the delta does not have. shape_adapted: keys left as they were because the model
    takes another number of input channels. relative_change: for each merged key
    |strength * delta| / |weight before|, Frobenius norms; infinite where a zero weight changed.
    """

    strength: float
    merged: tuple[str, ...]
    kept: tuple[str, ...]
    shape_adapted: tuple[str, ...]
    relative_change: dict[str, float]

    @property
    def largest_relative_change(self) -> float:
        """The largest value of `relative_change`, 0 if nothing was merged."""
        return max(self.relative_change.values(), default=0.0)


@torch.no_grad()
def extract_delta(
    tuned: nn.Module | StateDict, base: nn.Module | StateDict
) -> dict[str, torch.Tensor]:
    """The weight difference tuned - base, in float32.

    tuned, base: modules or state dicts with the same keys and shapes. Integer and boolean
    buffers must be equal and are left out. Raises KeyError for differing keys and ValueError for
    differing shapes or buffers, naming them.
    """
    tuned, base = _state_dict(tuned), _state_dict(base)
    _refuse(tuned.keys() ^ base.keys(), "tuned and base differ in their keys", KeyError)
    _refuse([k for k in tuned if tuned[k].shape != base[k].shape], "tuned and base differ in shape")
    weights = [key for key in tuned if tuned[key].is_floating_point()]
    buffers = tuned.keys() - set(weights)
    _refuse(
        [key for key in buffers if not torch.equal(tuned[key], base[key].to(tuned[key].device))],
        "tuned and base differ in integer buffers",
    )
    return {k: tuned[k].float() - base[k].to(tuned[k].device).float() for k in weights}


@torch.no_grad()
def apply_delta(
    unet: nn.Module, delta: StateDict, strength: float = 1.0, strict: bool = True
) -> MergeReport:
    """Add strength * delta to the weights of `unet`, in place.

    delta: floating tensors by key; expand a low-rank one with `expand_delta` first.
    strength: finite, 1 is the full step. strict: every floating weight of the model must be in the
    delta. With strict=False the model may have extra keys, and a conv_in.weight with another
    number of input channels; both stay as they are and are reported. Raises KeyError or
    ValueError naming the keys, before anything is changed. Source: PeRFlow (arXiv 2405.07510),
    section 4.
    """
    weights = _state_dict(unet)
    merged, kept, shape_adapted = _plan(weights, delta, strength, strict)
    changes = _merge(weights, delta, merged, strength)
    return MergeReport(strength, merged, kept, shape_adapted, changes)


@torch.no_grad()
def remove_delta(
    unet: nn.Module,
    delta: StateDict,
    strength: float = 1.0,
    strict: bool = True,
    base: StateDict | None = None,
) -> MergeReport:
    """Undo `apply_delta` with the same arguments, in place.

    base: the weights before the merge; with them the result is exact, without them it differs by
    the rounding of two additions in the delta's dtype. Raises as `apply_delta` does, and for a
    base that lacks a merged key or has it in another shape.
    """
    weights = _state_dict(unet)
    merged, kept, shape_adapted = _plan(weights, delta, strength, strict)
    if base is not None:
        _refuse(set(merged) - base.keys(), "the base lacks keys", KeyError)
        misshapen = [key for key in merged if base[key].shape != weights[key].shape]
        _refuse(misshapen, "the base differs in shape from the model")
    changes = _merge(weights, delta, merged, -strength)
    if base is not None:
        for key in merged:
            weights[key].copy_(base[key])
    return MergeReport(-strength, merged, kept, shape_adapted, changes)


def _plan(
    weights: StateDict, delta: StateDict, strength: float, strict: bool
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Merged, kept and shape-adapted keys; raises for everything that does not fit."""
    if not math.isfinite(strength):
        raise ValueError(f"strength must be finite, got {strength}")
    _refuse(factored_keys(delta), "a low-rank delta: expand it with expand_delta first")
    _refuse(delta.keys() - weights.keys(), "the model has no such keys", KeyError)
    integer = [
        key
        for key in delta
        if not (delta[key].is_floating_point() and weights[key].is_floating_point())
    ]
    _refuse(integer, "only floating tensors can be merged")
    kept = [key for key in weights if key not in delta]
    misshapen = [key for key in delta if delta[key].shape != weights[key].shape]
    if strict:
        missing = [key for key in kept if weights[key].is_floating_point()]
        _refuse(missing, "the delta lacks keys of the model (strict=False keeps them)", KeyError)
        _refuse(misshapen, "delta and model differ in shape (strict=False keeps conv_in)")
    adapted = [key for key in misshapen if _adaptable(key, delta[key], weights[key])]
    _refuse([key for key in misshapen if key not in adapted], "delta and model differ in shape")
    merged = [key for key in weights if key in delta and key not in adapted]
    return tuple(merged), tuple(kept), tuple(adapted)


def _adaptable(key: str, change: torch.Tensor, weight: torch.Tensor) -> bool:
    """Whether only the number of input channels of the first convolution differs."""
    same_but_inputs = (
        change.ndim == weight.ndim == 4
        and change.shape[0] == weight.shape[0]
        and change.shape[2:] == weight.shape[2:]
    )
    return key == ADAPTABLE_KEY and same_but_inputs


def _merge(
    weights: StateDict, delta: StateDict, keys: tuple[str, ...], strength: float
) -> dict[str, float]:
    """Add to every key once, also where two keys share one tensor; relative changes by key."""
    by_address: dict[int, float] = {}
    changes = {}
    for key in keys:
        address = weights[key].data_ptr()
        if address not in by_address:
            by_address[address] = _add(weights[key], delta[key], strength)
        changes[key] = by_address[address]
    return changes


def _add(weight: torch.Tensor, change: torch.Tensor, strength: float) -> float:
    """weight += strength * change, chunk by chunk; returns the relative change."""
    if weight.ndim == 0:
        weight, change = weight.unsqueeze(0), change.unsqueeze(0)
    rows = max(1, CHUNK // max(1, weight[:1].numel()))
    before = added = 0.0
    for target, part in zip(weight.split(rows), change.split(rows), strict=True):
        part = part.to(target.device)
        before += _squared_norm(target)
        added += _squared_norm(part)
        target.copy_(target.to(part.dtype).add_(part, alpha=strength))
    if added == 0 or strength == 0:
        return 0.0
    return abs(strength) * math.sqrt(added / before) if before else math.inf


def _squared_norm(values: torch.Tensor) -> float:
    # A converted chunk stays in the cache: twice as fast as a norm that converts as it reads.
    flat = values.flatten().float()
    return torch.dot(flat, flat).item()


def _state_dict(source: nn.Module | StateDict) -> StateDict:
    return source.state_dict() if isinstance(source, nn.Module) else source


def _refuse(keys: Iterable[str], complaint: str, kind: type[Exception] = ValueError) -> None:
    """Raise with the complaint and the first few of the keys, if there are any."""
    keys = sorted(keys)
    if keys:
        more = f" and {len(keys) - 8} more" if len(keys) > 8 else ""
        raise kind(f"{complaint}: {', '.join(keys[:8])}{more}")
