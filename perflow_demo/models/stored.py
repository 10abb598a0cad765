"""Files of weights and of configurations: safetensors under today's names, and JSON."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from perflow_demo.errors import LoadError

# Called with the number of bytes just read from a file.
BytesRead = Callable[[int], None]
Shapes = Mapping[str, tuple[int, ...]]

# Names of an attention's weights in autoencoders published before 2023, and today's.
OLD_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
OLD_KEY = re.compile(rf"(\.attentions\.\d+)\.({'|'.join(OLD_NAMES)})\.(weight|bias)")
# An integer buffer that transformers once stored and now counts up by itself.
COUNTED = ".embeddings.position_ids"
# Ends the name of a packed tensor's scales.
SCALES = ".scales"
ADVICE = "restore the file from where it was published"


def place(path: Path) -> str:
    """Where a file lies, by its family or repository: the machine's folders are not for strangers.

    As in `pocket/unet/config.json`.
    """
    if "snapshots" in path.parts:  # of the hub's cache: models--org--name/snapshots/revision/…
        at = path.parts.index("snapshots")
        repository = path.parts[at - 1].removeprefix("models--").split("--")
        return "/".join((*repository, *path.parts[at + 2 :]))
    return "/".join(path.parts[-3:])


class Tensors(Mapping[str, Tensor]):
    """A file's tensors as they are stored, packed ones in float32, each read when it is asked for.

    A tensor may be a window on the file, which may be replaced: whoever keeps it copies it.
    read: told of the bytes of each tensor read.
    Raises LoadError for a file that is not whole, tensors packed and their scales among it.
    """

    def __init__(self, path: Path, read: BytesRead | None = None) -> None:
        self._file, self._told = _open(path), read
        self._scaled = {key for key in self._file.keys() if key.endswith(SCALES)}  # noqa: SIM118
        _check_packing(path, self._file, self._scaled)
        self._names = {_todays_name(key): key for key in _weights(self._file)}

    @property
    def shapes(self) -> Shapes:
        """The shapes of all of them; reads none."""
        return {
            name: tuple(self._file.get_slice(key).get_shape()) for name, key in self._names.items()
        }

    def __getitem__(self, name: str) -> Tensor:
        key = self._names[name]
        stored = tensor = self._file.get_tensor(key)
        if key + SCALES in self._scaled:
            tensor = unpacked(stored, self._file.get_tensor(key + SCALES))
        if self._told:
            self._told(stored.nbytes)
        return tensor

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def read_shapes(path: Path) -> Shapes:
    """The shapes of a file's tensors; raises LoadError for a file that is not whole."""
    with _open(path) as file:
        return {_todays_name(key): tuple(file.get_slice(key).get_shape()) for key in _weights(file)}


def read_tensors(
    path: Path, dtype: torch.dtype | None, read: BytesRead | None = None
) -> dict[str, Tensor]:
    """Copies of a file's tensors, floating ones in `dtype`; otherwise as `Tensors`.

    dtype: None leaves them as they are stored, packed ones in float32.
    """
    return {
        name: tensor.to(dtype if dtype and tensor.is_floating_point() else tensor.dtype, copy=True)
        for name, tensor in Tensors(path, read).items()
    }


def read_header(path: Path) -> dict[str, str]:
    """What a file says of itself beside its tensors; raises LoadError for one that is not whole."""
    with _open(path) as file:
        return file.metadata() or {}


def packed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What to store of a network: a byte a number where tensors have two and more dimensions.

    Each row of such a tensor (an output of its layer) has a scale of its own, in a tensor named
    after it; rounding changes a row of normal numbers by 1 % of its length. Others stay in float16.
    """
    stored = {}
    for key, tensor in tensors.items():
        if tensor.ndim < 2:
            stored[key] = tensor.half()
            continue
        rows = tensor.float().flatten(1)
        scales = rows.abs().amax(1, keepdim=True) / torch.iinfo(torch.int8).max
        levels = (rows / scales.clamp(min=torch.finfo(scales.dtype).tiny)).round()
        stored[key] = levels.to(torch.int8).view(tensor.shape)
        stored[key + SCALES] = scales[:, 0]
    return stored


def unpacked(levels: Tensor, scales: Tensor) -> Tensor:
    """The tensor that `packed` made these of, float32, to rounding."""
    return levels * scales.view(-1, *[1] * (levels.ndim - 1))


def _check_packing(path: Path, file: safe_open, scaled: set[str]) -> None:
    kinds = {key: file.get_slice(key) for key in _weights(file)}
    levels = {key for key, part in kinds.items() if part.get_dtype() == "I8"}
    lone = {key + SCALES for key in levels} ^ scaled
    for key in sorted({name.removesuffix(SCALES) for name in lone}):
        raise LoadError(f"In {place(path)}, {key} and its scales are not both there; {ADVICE}.")
    for key in sorted(levels):
        rows, scales = kinds[key].get_shape()[0], file.get_slice(key + SCALES).get_shape()
        if scales != [rows]:
            raise LoadError(
                f"In {place(path)}, {key} has {rows} rows and scales for {scales}; {ADVICE}."
            )


def _weights(file: safe_open) -> list[str]:
    return [key for key in file.keys() if not key.endswith((COUNTED, SCALES))]  # noqa: SIM118


def _todays_name(key: str) -> str:
    return OLD_KEY.sub(lambda old: f"{old[1]}.{OLD_NAMES[old[2]]}.{old[3]}", key)


def _open(path: Path):
    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError) as error:
        raise LoadError(
            f"{place(path)} is no complete safetensors file ({why(error, path)}); {ADVICE}."
        ) from error


def read_json(path: Path) -> dict:
    """The object in a JSON file; raises LoadError for a file that holds none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise LoadError(
            f"{place(path)} is no readable JSON file ({why(error, path)}); {ADVICE}."
        ) from error
    if not isinstance(content, dict):
        raise LoadError(f"{place(path)} holds no JSON object; {ADVICE}.")
    return content


def why(error: Exception, path: Path) -> str:
    """What went wrong with a file, in the words of the library, which may name its folders."""
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return words.replace(str(path), path.name)
