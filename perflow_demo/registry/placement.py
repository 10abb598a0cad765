"""Where networks run and in which precision: the one place that decides.

Measured on two Zen 4 cores (AVX512-BF16) with an untrained UNet of 16.9 M and the autoencoder of
4.6 M parameters, 512 px, a guided UNet call and a decoding, best of 7, in ms:

| | UNet | decode |
|---|---|---|
| float32, contiguous | 147 | 142 |
| float32, channels_last | 150 | 135 |
| bfloat16, contiguous | 109 | 78 |
| bfloat16, channels_last | 110 | 71 |

So a CPU with bfloat16 instructions computes in bfloat16 and channels_last; at 256 px channels_last
slows float32 down, so that stays contiguous. CUDA and MPS take float16 by
convention, not yet measured.
"""

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

    @property
    def parks(self) -> bool:
        """Whether idle modules can wait in the main memory, beside the device's own."""
        return self.device.type == "cuda"

    def park(self, module: torch.nn.Module) -> None:
        """Move the module to the main memory, where `put` takes it from."""
        module.to("cpu")

    def put(self, module: torch.nn.Module) -> torch.nn.Module:
        """Move the module here; its dtype was given when it was loaded."""
        return module.to(self.device, memory_format=self.memory_format)


def choose(device: str) -> Placement:
    """Placement for a device as the settings name it; raises UserError where it is not there."""
    if device == "auto":
        mps = "mps" if torch.backends.mps.is_available() else "cpu"
        device = "cuda" if torch.cuda.is_available() else mps
    if device == "cpu":
        return _on_cpu()
    if device == "mps":
        if not torch.backends.mps.is_available():
            raise UserError("There is no device mps on this machine; set PERFLOW_DEVICE=cpu.")
        return Placement(torch.device("mps"), torch.float16)
    index = torch.device(device).index or 0
    if index >= torch.cuda.device_count():
        raise UserError(f"There is no device {device} on this machine; set PERFLOW_DEVICE=cpu.")
    return Placement(torch.device("cuda", index), torch.float16)


def _on_cpu() -> Placement:
    capabilities = torch.cpu.get_capabilities()
    if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"):
        return Placement(torch.device("cpu"), torch.bfloat16, torch.channels_last)
    return Placement(torch.device("cpu"), torch.float32)
