"""Where networks run and in which precision: the one place that decides."""

from dataclasses import dataclass

import torch

from perflow_demo.errors import UserError


@dataclass(frozen=True)
class Placement:
    """A device, a dtype and a memory format; as text `cpu/bfloat16` and the like."""

    device: torch.device
    dtype: torch.dtype
    memory_format: torch.memory_format = torch.contiguous_format

    def __str__(self) -> str:
        return f"{self.device}/{self.dtype_name}"

    @property
    def dtype_name(self) -> str:
        """The dtype without the `torch.` before it."""
        return str(self.dtype).removeprefix("torch.")

    def put(self, module: torch.nn.Module) -> torch.nn.Module:
        """Move the module here; its dtype was given when it was loaded."""
        return module.to(self.device, memory_format=self.memory_format)


def choose(device: str) -> Placement:
    """Placement for a device as the settings name it; raises UserError where it is not there."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        return Placement(torch.device("cpu"), _cpu_dtype())
    index = torch.device(device).index or 0
    if index >= torch.cuda.device_count():
        raise UserError(f"There is no device {device} on this machine; set PERFLOW_DEVICE=cpu.")
    return Placement(torch.device("cuda", index), torch.float16)


def _cpu_dtype() -> torch.dtype:
    capabilities = torch.cpu.get_capabilities()
    native = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    return torch.bfloat16 if native else torch.float32
