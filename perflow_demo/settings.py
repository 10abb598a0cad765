"""Where the program runs and what it may use; the only reader of the environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perflow_demo.errors import UserError

ASSETS = Path(__file__).resolve().parent.parent / "assets"
LOCAL = ("127.0.0.1", "localhost", "::1")
UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


@dataclass(frozen=True)
class Settings:
    """Settings of one process.

    assets: folder with the embedded model families.
    device: `auto` (CUDA or MPS where there is one, else the CPU), `cpu`, `mps`, `cuda`, `cuda:1`
    and so on; several with commas between them work side by side, a run on each.
    memory_budget: bytes that resident models may take; None means most of the device's memory.
    mirror: folder with published repositories as `org/name`, looked into before the hub.
    offline: never fetch anything.
    checkpoints: folder whose checkpoints, and `loras/`, can be chosen by name.
    safety: whether pictures of published families are checked; None means where strangers can ask.
    host, port, share: where the app listens, and whether gradio opens a public link to it.
    space: the Hugging Face Space the app runs on, if any.
    """

    assets: Path = ASSETS
    device: str = "auto"
    memory_budget: int | None = None
    mirror: Path | None = None
    offline: bool = False
    checkpoints: Path | None = None
    safety: bool | None = None
    host: str = "127.0.0.1"
    port: int = 7860
    share: bool = False
    space: str | None = None

    def __post_init__(self):
        for device in self.devices:
            if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device):
                raise UserError(
                    f"The device {device!r} is not known; use auto, cpu, mps, cuda or "
                    "cuda:<number>, with commas between several."
                )
        for folder in filter(None, (self.mirror, self.checkpoints)):
            if not folder.is_dir():
                raise UserError(f"There is no folder {folder}; make it, or correct its name.")
        if self.memory_budget is not None and self.memory_budget <= 0:
            raise UserError("The memory budget has to be above zero; write bytes or say 2GB.")
        if not 0 < self.port < 65536:
            raise UserError(f"The port {self.port} is not between 1 and 65535; choose another.")

    @property
    def devices(self) -> tuple[str, ...]:
        """The devices that work side by side."""
        return tuple(self.device.replace(" ", "").split(","))

    @property
    def public(self) -> bool:
        """Whether others than the owner of the machine can ask for pictures."""
        return self.share or self.space is not None or self.host not in LOCAL

    @property
    def checks_pictures(self) -> bool:
        """Whether pictures of published families are checked before they are shown."""
        return self.public if self.safety is None else self.safety

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] | None = None, **overrides
    ) -> "Settings":
        """Read PERFLOW_ASSETS, _DEVICE and so on, as in VARIABLES.

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
    "PERFLOW_MIRROR": ("mirror", Path),
    "PERFLOW_OFFLINE": ("offline", _parse_switch),
    "PERFLOW_CHECKPOINTS": ("checkpoints", Path),
    "PERFLOW_SAFETY": ("safety", _parse_switch),
    "GRADIO_SERVER_NAME": ("host", str),  # by which a Space asks to be reachable
    "PERFLOW_HOST": ("host", str),
    "PERFLOW_PORT": ("port", _parse_port),
    "PERFLOW_SHARE": ("share", _parse_switch),
    "SPACE_ID": ("space", str),
}
