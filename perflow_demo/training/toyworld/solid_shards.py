"""Single things on disk, as pictures to start from and as solids to arrive at.

A solid is known by points of the unit sphere's box, in canonical axes (+Y up, facing +Z).
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
from PIL import Image

from perflow_demo.geometry.silhouette import own_colours
from perflow_demo.nets.tsr_input import frame_object, on_grey
from perflow_demo.training.toyworld.processes import mapped
from perflow_demo.training.toyworld.scene import Scene, sample
from perflow_demo.training.toyworld.solids import Solid

SHARD = 100
VIEWS = 3  # pictures of one thing
POINTS = 4096  # near the skin, and as many anywhere in the box
MEASURED = 16_384  # of the skin, to measure a mesh by
SPREADS = (0.01, 0.04)  # how far off the skin: the first half of the points, the second half
AZIMUTHS, ELEVATIONS = (-60, 60), (-5, 30)  # degrees
APART = 10**6  # between a sample and the one that replaces it where it shows two things
ARRAYS = ("views", "cameras", "skin", "colours", "points", "inside")


class Solids:
    """All shards of a folder as one sequence; each array by its name, a row a thing.

    views: V size size 3 uint8, cut out and on grey as TSR takes them. cameras: V 2 float32, azimuth
    from the thing's front and elevation, in degrees. skin: P 3 float16, places on the outside, with
    colours: P 3 uint8 sRGB. points: 2P 3 float16, the first P each near its place of skin, the
    others anywhere in the box ±1. inside: 2P bool, of points.
    """

    def __init__(self, folder: Path) -> None:
        starts = sorted(file.stem for file in folder.glob("*.json"))
        if not starts:
            raise FileNotFoundError(f"No shards of solids in {folder}.")
        self._shards = [
            {name: np.load(folder / f"{start}.{name}.npy", mmap_mode="r") for name in ARRAYS}
            for start in starts
        ]
        words = [json.loads((folder / f"{start}.json").read_text()) for start in starts]
        self.kinds: list[str] = sum(words, [])

    def __len__(self) -> int:
        return len(self.kinds)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        return {name: rows[index % SHARD] for name, rows in self._shards[index // SHARD].items()}


def solids(folder: Path, seed: int, things: int, size: int, processes: int = 2) -> Path:
    """`folder`, with the shards of things 0…`things`−1 of the world `seed` that it lacks."""
    folder.mkdir(parents=True, exist_ok=True)
    starts = [s for s in range(0, things, SHARD) if not (folder / f"{s:07d}.json").exists()]
    missing = [range(start, min(start + SHARD, things)) for start in starts]
    write = partial(_write_shard, folder, seed, size)
    for done, _ in enumerate(mapped(write, missing, processes=processes), start=1):
        print(f"{folder.name}: {done} of {len(missing)} shards", flush=True)
    return folder


def single(seed: int, index: int) -> Scene:
    """The scene number `index` of the world `seed`; where it has two things, another of one."""
    scenes = (sample(seed, index + attempt * APART) for attempt in count())
    return next(scene for scene in scenes if not scene.words.relation)


def measured_skin(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Points on the outside of its thing, dense enough to measure a mesh by: MEASURED×3.

    As many on a mesh all find one near if they lie on the same surface; of 4,096 a tenth would not.
    """
    places, _ = Solid(scene.parts).skin(MEASURED, rng)
    return places


def describe(scene: Scene, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
    """A row of `Solids`."""
    cameras = [(rng.uniform(*AZIMUTHS), rng.uniform(*ELEVATIONS)) for _ in range(VIEWS)]
    solid = Solid(scene.parts)
    skin, colours = solid.skin(POINTS, rng)
    spread = np.repeat(SPREADS, POINTS // 2)[:, None]
    near = skin + spread * rng.standard_normal(skin.shape)
    points = np.concatenate([near, rng.uniform(-1, 1, near.shape)]).astype(np.float16)
    return {
        "views": np.stack([view(scene, *camera, size) for camera in cameras]),
        "cameras": np.array(cameras, np.float32),
        "skin": skin.astype(np.float16),
        "colours": colours,
        "points": points,
        "inside": solid.inside(points.astype(np.float64)),  # of the points as they are stored
    }


def view(scene: Scene, azimuth: float, elevation: float, size: int) -> np.ndarray:
    """The thing from there, cut out of its picture and framed as TSR takes it: size size 3.

    The light turns with the camera.
    """
    seen = replace(
        scene,
        azimuth=azimuth,
        elevation=elevation,
        light_azimuth=scene.light_azimuth - scene.azimuth + azimuth,
    ).render(size)
    colours = own_colours(seen.colour, seen.alpha / np.float32(255))  # as cut-outs have them
    cutout = frame_object(np.dstack([colours, seen.alpha]))
    picture = Image.fromarray(on_grey(cutout))
    return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))


def _write_shard(folder: Path, seed: int, size: int, indices: range) -> None:
    scenes = [single(seed, index) for index in indices]
    rows = [
        describe(scene, np.random.default_rng([seed, index, 2]), size)
        for scene, index in zip(scenes, indices, strict=True)
    ]
    start = f"{indices.start:07d}"
    for name in ARRAYS:
        np.save(folder / f"{start}.{name}.npy", np.stack([row[name] for row in rows]))
    kinds = [scene.words.things[0].kind for scene in scenes]
    (folder / f"{start}.json").write_text(json.dumps(kinds))  # written last: it means done
