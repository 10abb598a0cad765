"""Files converted to safetensors: kept in the hub's folder, once for each state of a file."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from perflow_demo.errors import LoadError


def place_of(path: Path, folder: Path | None = None) -> Path:
    """Where what is made of a file is kept, without an ending; elsewhere once the file changes.

    folder: instead of the hub's, which can be written where the file's own may not.
    """
    from huggingface_hub.constants import HF_HOME

    state = path.stat()
    told = f"{path}{state.st_size}{state.st_mtime_ns}"
    name = f"{path.stem}-{hashlib.sha1(told.encode()).hexdigest()[:12]}"
    return (folder or Path(HF_HOME) / "perflow-converted") / name


@contextmanager
def written(path: Path, place: Path) -> Iterator[Path]:
    """Lend a path to write to what is made of `path`: in the end it is at `place`, whole or not.

    Raises LoadError where it cannot be written.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as made:
            part = Path(made) / "whole"
            yield part
            os.replace(part, place)
    except (OSError, SafetensorError) as error:  # the second is a full disk's, too
        reason = getattr(error, "strerror", error)
        raise LoadError(
            f"{path.name} could not be converted ({reason}); make room, or point HF_HOME to a "
            "folder that can be written."
        ) from error
