"""How many bytes of tensors are alive: what a computation holds at a time."""

import gc

import torch

TENSORS = (torch.Tensor, torch.nn.Parameter)


def live_bytes() -> int:
    """Bytes of all tensors that Python knows, those of one storage once."""
    storages = {}
    for thing in gc.get_objects():
        if type(thing) in TENSORS and thing.device.type != "meta":
            storage = thing.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


class Peak:
    """The most bytes alive at any of its calls, beyond those when it was made.

    every: only each so many-th call looks, since a look takes long.
    """

    def __init__(self, every: int = 1):
        gc.collect()
        self._before, self._every, self._calls, self.bytes = live_bytes(), every, 0, 0

    def __call__(self, *_) -> None:
        self._calls += 1
        if self._calls % self._every == 0:
            self.bytes = max(self.bytes, live_bytes() - self._before)
