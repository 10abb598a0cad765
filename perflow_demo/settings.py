"""Where the program runs and what it may use; the only reader of the environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perflow_demo.errors import UserError

ASSETS = Path(__file__).resolve().parent.parent / "assets"
UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


@dataclass(frozen=True)
class Settings:
    """Settings of one process.

    assets: folder with the embedded model families.
    device: `auto` (CUDA where there is one, else the CPU), `cpu`, `cuda` or `cuda:1` and so on.
    memory_budget: bytes that resident models may take; None means most of the device's memory.
    host, port, share: where the app listens, and whether gradio opens a public link to it.
    """

    assets: Path = ASSETS
    device: str = "auto"
    memory_budget: int | None = None
    host: str = "127.0.0.1"
    port: int = 7860
    share: bool = False

    def __post_init__(self):
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", self.device):
            raise UserError(
                f"The device {self.device!r} is not known; use auto, cpu, cuda or cuda:<number>."
            )
        if self.memory_budget is not None and self.memory_budget <= 0:
            raise UserError("The memory budget has to be above zero; write bytes or say 2GB.")
        if not 0 < self.port < 65536:
            raise UserError(f"The port {self.port} is not between 1 and 65535; choose another.")

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] | None = None, **overrides
    ) -> "Settings":
        """Read PERFLOW_ASSETS, _DEVICE, _MEMORY_BUDGET, _HOST, _PORT and _SHARE.

        environment: a mapping to read instead of the process's own.
        overrides: fields that win over the environment; None means not given.
        Raises UserError for a value that cannot be read.
        """
        environment = os.environ if environment is None else environment
        values = {
            field: read(environment[name])
            for name, (field, read) in VARIABLES.items()
            if environment.get(name)
        }
        values.update({field: value for field, value in overrides.items() if value is not None})
        return cls(**values)


def parse_bytes(text: str) -> int:
    """Number of bytes in a text such as `2000000`, `2GB` or `1.5 GiB`; UserError for any other."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    if match is None or match[2].upper() not in UNITS:
        raise UserError(f"{text!r} is no amount of memory; write bytes or say 2GB.")
    return int(float(match[1]) * UNITS[match[2].upper()])


def _parse_port(text: str) -> int:
    if not text.isdecimal():
        raise UserError(f"{text!r} is no port; write a number between 1 and 65535.")
    return int(text)


def _parse_switch(text: str) -> bool:
    switches = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if text.lower() not in switches:
        raise UserError(f"{text!r} is neither yes nor no; write 1 or 0.")
    return switches[text.lower()]


VARIABLES = {
    "PERFLOW_ASSETS": ("assets", Path),
    "PERFLOW_DEVICE": ("device", str),
    "PERFLOW_MEMORY_BUDGET": ("memory_budget", parse_bytes),
    "PERFLOW_HOST": ("host", str),
    "PERFLOW_PORT": ("port", _parse_port),
    "PERFLOW_SHARE": ("share", _parse_switch),
}
