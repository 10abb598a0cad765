"""Time and memory of merging ΔW in place, against making all the sums first and copying them in."""

from collections.abc import Callable, Mapping

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from perflow_demo.evaluation import timing
from perflow_demo.evaluation.report import Report
from perflow_demo.flow import apply_delta

# Stable Diffusion's layout at about an eighth of its weights.
WIDTHS = (128, 256, 416, 416)


def measure(rounds: int, widths: tuple[int, ...] = WIDTHS) -> Report:
    """One row a way: seconds, and the most bytes it held beside the UNet and the delta.

    The UNet has Stable Diffusion's layout in these widths, both it and the delta random in fp16.
    ratio, cpu_ratio, memory_ratio: to the naive way.
    """
    unet = _unet(widths)
    delta = {key: 1e-3 * torch.randn_like(weight) for key, weight in unet.state_dict().items()}
    size = sum(weight.nbytes for weight in unet.state_dict().values())
    actions = {
        "naive, two copies": lambda: _merge_naively(unet, delta),
        "in place": lambda: apply_delta(unet, delta),
    }
    timing.in_turns(actions, rounds=1)
    rows = timing.rows(timing.in_turns(actions, rounds))
    extra = [_peak_allocation(action) for action in actions.values()]
    for row, peak in zip(rows, extra, strict=True):
        row |= {
            "extra_mb": peak / 1e6,
            "extra_of_unet": peak / size,
            "memory_ratio": peak / extra[0],
        }
    return Report({f"ΔW merge into {size / 2e6:.0f} M weights": rows})


def _unet(widths: tuple[int, ...]) -> nn.Module:
    unet = UNet2DConditionModel(
        block_out_channels=widths, cross_attention_dim=768, attention_head_dim=8
    )
    return nn.Module.to(unet, torch.float16)


@torch.no_grad()
def _merge_naively(unet: nn.Module, delta: Mapping[str, Tensor]) -> None:
    """All sums as a second set of weights, then copied over the first."""
    unet.load_state_dict({key: value + delta[key] for key, value in unet.state_dict().items()})


def _peak_allocation(action: Callable[[], object]) -> int:
    """The most bytes that `action` holds allocated at once on the CPU, kernels' own included."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        action()
    events = sorted(
        (e for e in recorded.profiler.kineto_results.events() if e.name() == "[memory]"),
        key=lambda event: event.start_ns(),
    )
    held = peak = 0
    for event in events:
        held += event.nbytes()
        peak = max(peak, held)
    return peak
