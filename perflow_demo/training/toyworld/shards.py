"""Rendered samples on disk: (seed, index) → picture and words, made once, read by memory map."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np

from perflow_demo.training.toyworld.processes import mapped
from perflow_demo.training.toyworld.scene import AROUND, Framing, Scene, SceneWords, sample
from perflow_demo.training.toyworld.six_views import on_white
from perflow_demo.training.toyworld.styles import draw

SHARD = 250
# In place of a style: not colours but which pixels the things cover; the things alone.
ALPHA, ON_WHITE = "alpha", "on-white"


class Pictures:
    """All shards of a folder as one sequence, with their words.

    Pictures are size×size×3 uint8; those of a folder of ALPHA size×size.
    """

    def __init__(self, folder: Path) -> None:
        files = sorted(folder.glob("*.npy"))
        if not files:
            raise FileNotFoundError(
                f"No shards in {folder}: make them with training.toyworld render."
            )
        self._pixels = [np.load(file, mmap_mode="r") for file in files]
        self.words = [
            SceneWords.from_json(row)
            for file in files
            for row in json.loads(file.with_suffix(".json").read_text())
        ]

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, index: int) -> np.ndarray:
        return self._pixels[index // SHARD][index % SHARD]


def render_shards(
    folder: Path,
    seed: int,
    count: int,
    size: int,
    style: str = "",
    framing: Framing = AROUND,
    processes: int = 2,
) -> None:
    """Renders samples 0…count−1 of the world `seed` into `folder`, except shards already there.

    style: one of STYLES, ALPHA, ON_WHITE, or nothing for the scenes as they are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    starts = [s for s in range(0, count, SHARD) if not (folder / f"{s:07d}.json").exists()]
    missing = [range(start, min(start + SHARD, count)) for start in starts]
    render = partial(_render_shard, folder, seed, size, style, framing)
    for done, _ in enumerate(mapped(render, missing, processes=processes), start=1):
        print(f"{folder.name}: {done} of {len(missing)} shards", flush=True)


def rendered(
    folder: Path, seed: int, count: int, size: int, style: str = "", framing: Framing = AROUND
) -> Path:
    """`folder`, with the shards rendered that it lacks."""
    render_shards(folder, seed, count, size, style, framing)
    return folder


def _render_shard(
    folder: Path, seed: int, size: int, style: str, framing: Framing, indices: range
) -> None:
    pixels, words = [], []
    for index in indices:
        scene = sample(seed, index, framing=framing)
        pixels.append(_picture(scene, size, style))
        words.append(scene.words.to_json())
    file = folder / f"{indices.start:07d}.npy"
    np.save(file, np.stack(pixels))
    file.with_suffix(".json").write_text(json.dumps(words))  # written last: its presence means done


def _picture(scene: Scene, size: int, style: str) -> np.ndarray:
    if style == ALPHA:
        return scene.alpha(size)
    if style == ON_WHITE:
        return on_white(scene, size)
    return draw(scene, size, style) if style else scene.render(size).colour
