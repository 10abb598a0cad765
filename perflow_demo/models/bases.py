"""The family that a name stands for: a row of the catalogue, or a checkpoint of one's own.

The latter is a fine-tune of Stable Diffusion 1.5, and gets its ΔW: a repository of the hub by its
`org/name`, or by its name what lies in PERFLOW_CHECKPOINTS, a folder in diffusers' layout or a
single safetensors file.
"""

import re
from dataclasses import replace
from pathlib import Path

from perflow_demo.errors import BadRequest
from perflow_demo.models.catalogue import CATALOGUE
from perflow_demo.models.sources import Folder, Source
from perflow_demo.models.spec import Component, Family, Repository
from perflow_demo.models.stable_diffusion import PLUGGED, SD15
from perflow_demo.settings import Settings

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
LICENCE = PLUGGED.format("that of its author")


def family_named(name: str, settings: Settings) -> Family:
    """The family of that name; raises BadRequest for one that cannot be had.

    Only the owner of the machine may name repositories: each is a download of gigabytes.
    """
    if name in CATALOGUE:
        return CATALOGUE[name]
    own = {path.name: path for path in checkpoints(settings)}
    if name in own:
        return _own(name, folder=str(own[name].resolve()), repository=None, download_bytes=0)
    if REPOSITORY.fullmatch(name):
        if settings.public:
            raise BadRequest(
                "Repositories can be named only where the app listens to its own machine; choose "
                f"{' or '.join(CATALOGUE)}."
            )
        return _own(name, folder=name.partition("/")[2], repository=Repository(name))
    raise BadRequest(f"There is no family {name!r}; choose {' or '.join([*CATALOGUE, *own])}.")


def checkpoints(settings: Settings) -> tuple[Path, ...]:
    """The checkpoints in PERFLOW_CHECKPOINTS, sorted by name; opens none."""
    if settings.checkpoints is None:
        return ()
    return tuple(sorted(filter(_is_checkpoint, settings.checkpoints.iterdir())))


def delta_names(settings: Settings) -> tuple[str, ...]:
    """The weight differences in `deltas` of the checkpoints' folder, without the files' ending."""
    if settings.checkpoints is None:
        return ()
    files = (settings.checkpoints / "deltas").glob("*.safetensors")
    return tuple(sorted(path.stem for path in files))


def find_delta(name: str, settings: Settings) -> tuple[Component, Source]:
    """The weight difference of that name; raises BadRequest for an unknown one."""
    known = delta_names(settings)
    if name not in known:
        names = " or ".join(known) or "none, since there is none here"
        raise BadRequest(f"There is no ΔW {name!r}; choose {names}.")
    component = Component(f"ΔW {name}", weights=f"{name}.safetensors")
    return component, Folder(settings.checkpoints / "deltas")


def _is_checkpoint(path: Path) -> bool:
    if path.is_dir():
        return (path / SD15.unet.config).is_file()
    return path.suffix == ".safetensors"


def _own(name: str, **fields) -> Family:
    return replace(
        SD15,
        name=name,
        title=f"{name} + PeRFlow",
        description="A checkpoint of Stable Diffusion 1.5, with ΔW plugged in.",
        licence=LICENCE,
        **fields,
    )
