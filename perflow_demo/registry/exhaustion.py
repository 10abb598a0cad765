"""What to do when a device runs out of memory: make room, try again, then work in smaller parts."""

from collections.abc import Callable
from typing import Any

import torch

# Where torch has no exception class of its own, only words: on a CPU, on Apple's GPUs, and for what
# CUDA and its libraries take beside torch's allocator.
WORDS = (
    "can't allocate memory",
    "backend out of memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)
FAULTS = (RuntimeError, MemoryError)  # those that may say so; numpy's is the latter


def exhausted(error: Exception) -> bool:
    """Whether an error, one of FAULTS, says that a device has no memory left."""
    known = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return known or any(words in str(error) for words in WORDS)


def with_room(make_room: Callable[[], Any], work: Callable[[], Any]) -> Any:
    """What `work` returns; once more after `make_room` where the device ran out of memory."""
    try:
        return work()
    except FAULTS as error:
        if not exhausted(error):
            raise
    # Out here the error, and with it the tensors of the attempt, is forgotten.
    make_room()
    return work()


def in_parts(
    make_room: Callable[[], Any],
    call: Callable[..., torch.Tensor],
    *batch: torch.Tensor,
    last: Callable[..., torch.Tensor] | None = None,
) -> torch.Tensor:
    """call(*batch), where need be by halves of its rows, as far as single ones.

    call: works on each row by itself. last: instead of `call`, for a single row that does not fit.
    Raises torch's own error where even that does not fit.
    """
    try:
        return with_room(make_room, lambda: call(*batch))
    except FAULTS as error:
        if not exhausted(error) or (len(batch[0]) == 1 and last is None):
            raise
    make_room()
    if len(batch[0]) == 1:
        return last(*batch)
    halves = zip(*(tensor.chunk(2) for tensor in batch), strict=True)
    return torch.cat([in_parts(make_room, call, *half, last=last) for half in halves])
