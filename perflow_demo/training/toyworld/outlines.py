"""Outlines of the solids on disk, to finish TSR by: which rays through a picture meet the thing."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter

from perflow_demo.geometry.cameras import Camera
from perflow_demo.training.toyworld.processes import mapped
from perflow_demo.training.toyworld.render import coverage
from perflow_demo.training.toyworld.rows import Rows, lacking, save
from perflow_demo.training.toyworld.scene import HALF_HEIGHT
from perflow_demo.training.toyworld.solid_shards import SHARD, Solids, single

SIZE = 128
FILL = 0.94
AROUND = 3  # outlines besides those of the thing's own pictures
ELEVATIONS = (-15, 45)  # of those, degrees
EDGE = 7  # pixels: what is as close to the outline's edge as half of them


class Outlines(Rows):
    """The things of a folder of shards, a row a thing.

    alphas: V size size uint8, the first from where the pictures in `Solids` were taken. eyes: V 3
    and axes: V 3 3 float32, of the cameras, whose lens is the pictures', in canonical axes.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, SHARD)


def outlines(folder: Path, solids: Path, seed: int, size: int = SIZE, processes: int = 2) -> Path:
    """`folder`, with the shards that it lacks of the things in `solids`, a folder of `Solids` of
    the world `seed`."""
    things = Solids(solids)
    for indices in lacking(folder, len(things), SHARD):
        taken = [(index, things[index]["cameras"]) for index in indices]
        rows = mapped(partial(_row, seed, size), taken, chunk=10, processes=processes)
        save(list(rows), folder, indices)
        print(f"{folder.name}: {indices.stop} of {len(things)} things", flush=True)
    return folder


def through(
    row: np.void, which: int, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Origins and unit directions, `count`×3 in canonical axes, of rays through outline `which`,
    and how much of each pixel the thing covers, in [0, 1]. Half of them run near the edge."""
    alpha = row["alphas"][which]
    edge = np.flatnonzero(maximum_filter(alpha, EDGE) > minimum_filter(alpha, EDGE))
    chosen = np.concatenate(
        [rng.choice(edge, count // 2), rng.integers(alpha.size, size=count - count // 2)]
    )
    pixels = np.stack(np.unravel_index(chosen, alpha.shape)[::-1], 1) + 0.5  # column, row
    camera = Camera(row["eyes"][which], row["axes"][which], HALF_HEIGHT)
    return *camera.rays(pixels, len(alpha)), alpha.flat[chosen].astype(np.float32) / 255


def _row(seed: int, size: int, taken: tuple[int, np.ndarray]) -> np.void:
    index, cameras = taken
    scene, rng = single(seed, index), np.random.default_rng([seed, index, 3])
    around = np.stack([rng.uniform(0, 360, AROUND), rng.uniform(*ELEVATIONS, AROUND)], 1)
    placed = [
        replace(scene, azimuth=azimuth, elevation=elevation, fill=FILL).camera()
        for azimuth, elevation in np.concatenate([cameras, around]).tolist()
    ]
    count = len(placed)
    row = np.zeros((), [
        ("alphas", "u1", (count, size, size)), ("eyes", "f4", (count, 3)),
        ("axes", "f4", (count, 3, 3)),
    ])  # fmt: skip
    row["alphas"] = [coverage(scene.parts, camera, size) for camera in placed]
    row["eyes"], row["axes"] = [c.eye for c in placed], [c.axes for c in placed]
    return row
