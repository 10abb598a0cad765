"""Shards of arrays on disk, read by memory map as one sequence."""

from __future__ import annotations

from pathlib import Path

import numpy as np


class Rows:
    """All shards of a folder, `shard` rows each but the last, as one sequence."""

    def __init__(self, folder: Path, shard: int) -> None:
        self._shards = [np.load(file, mmap_mode="r") for file in sorted(folder.glob("*.npy"))]
        self._shard = shard

    def __len__(self) -> int:
        return sum(map(len, self._shards))

    def __getitem__(self, index: int) -> np.ndarray | np.void:
        return self._shards[index // self._shard][index % self._shard]


def lacking(folder: Path, count: int, shard: int) -> list[range]:
    """Of rows 0…`count`−1 those of each shard that the folder, made here, does not have."""
    folder.mkdir(parents=True, exist_ok=True)
    shards = [range(start, min(start + shard, count)) for start in range(0, count, shard)]
    return [indices for indices in shards if not _file(folder, indices).exists()]


def save(rows: list[np.ndarray] | list[np.void], folder: Path, indices: range) -> None:
    """Writes those rows as a shard, beside its place first: a shard that is there is whole."""
    file = _file(folder, indices)
    unfinished = file.with_suffix(".part")
    with unfinished.open("wb") as stream:
        np.save(stream, np.stack(rows))
    unfinished.rename(file)


def _file(folder: Path, indices: range) -> Path:
    return folder / f"{indices.start:07d}.npy"
