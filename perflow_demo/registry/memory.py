"""How many bytes things take and how many there are."""

from pathlib import Path

import psutil
import torch

from perflow_demo.registry.placement import Placement

# The rest is for activations, and for the other programs of the machine.
BUDGET_SHARE = 0.7
CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


def modules_of(value: object) -> list[torch.nn.Module]:
    """The modules that a value is, or holds as a tuple."""
    values = value if isinstance(value, tuple) else (value,)
    return [value for value in values if isinstance(value, torch.nn.Module)]


def module_bytes(*values: object) -> int:
    """Bytes of all parameters and buffers of the modules among `values`.

    Tensors that share their storage, inside one module or between several, count once; what is no
    module counts nothing.
    """
    storages = {}
    for module in values:
        if isinstance(module, torch.nn.Module):
            for tensor in (*module.parameters(), *module.buffers()):
                storage = tensor.untyped_storage()
                storages[storage.device, storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


def device_bytes(device: torch.device) -> int:
    """Bytes of memory the device has in all; on a CPU what the container, if any, may use."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    if device.type == "mps":
        return torch.mps.recommended_max_memory()
    total = psutil.virtual_memory().total
    limit = CONTAINER_LIMIT.read_text().strip() if CONTAINER_LIMIT.is_file() else "max"
    return total if limit == "max" else min(total, int(limit))


def free_main_bytes() -> int:
    """Bytes of main memory that no program uses."""
    return min(psutil.virtual_memory().available, device_bytes(torch.device("cpu")))


def default_budget(device: torch.device) -> int:
    """Bytes resident models may take on the device when the settings name no budget."""
    return int(device_bytes(device) * BUDGET_SHARE)


class MainMemory:
    """Where idle modules of a placement wait (see `cache.Parking`).

    place: the placement they come from and go back to. share: of a CPU's budget, 0..1.
    """

    def __init__(self, place: Placement, share: float = 1.0):
        self._place, self._share = place, share

    def room(self) -> int:
        return int(default_budget(torch.device("cpu")) * self._share)

    def park(self, value: object) -> None:
        for module in modules_of(value):
            self._place.park(module)

    def bring_back(self, value: object) -> None:
        for module in modules_of(value):
            self._place.put(module)


def release(device: torch.device) -> None:
    """Hand memory that nothing uses any more back to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
