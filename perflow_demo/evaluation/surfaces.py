"""A mesh found coarse to fine against one cut out of a dense grid, with the same network."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import psutil
import torch
from PIL.Image import Image
from skimage.measure import marching_cubes
from torch import Tensor

from perflow_demo.evaluation import timing
from perflow_demo.evaluation.report import Report
from perflow_demo.nets.tsr import TSR
from perflow_demo.registry import Registry
from perflow_demo.tasks import foreground, text_to_image
from perflow_demo.tasks.meshing import DENSITY
from perflow_demo.tasks.text_to_image import TextToImageRequest

PROMPT = "a red mushroom"
RESOLUTIONS = (256, 512)
WARM = 128  # a resolution at which all is used once, and little memory
CHUNK = 8192  # points in one call of the network, as published with TripoSR
WAYS = ("dense grid", "coarse to fine")


def measure(
    registry: Registry, rounds: int, picture: Image | None = None, resolutions=RESOLUTIONS
) -> Report:
    """One table a resolution, and one of the whole way from a picture, at the first of them.

    picture: of one thing; None draws one. A row a way, the dense one first; ratio, cpu_ratio,
    peak_ratio: to it. peak_mb: see `_peaks`; a grid may be so small that a process need not gain
    any memory, and then there is no ratio.
    """
    if picture is None:
        request = TextToImageRequest(prompt=PROMPT, seed=42)
        picture = text_to_image.run(request, registry).pictures[0]
    report = Report()
    with registry.lease_solid() as network:
        code = _triplane(network, registry, picture)
        for way in _ways(network, lambda: code, WARM).values():
            way()
        for resolution in resolutions:
            rows = timing.rows(timing.in_turns(_ways(network, lambda: code, resolution), rounds))
            peaks = _peaks(network, code, resolution)
            report.tables[f"surface at {resolution}³"] = [row | peaks[row["what"]] for row in rows]
        ways = _ways(network, lambda: _triplane(network, registry, picture), resolutions[0])
        rows = timing.rows(timing.in_turns(ways, rounds))
        report.tables[f"picture to mesh at {resolutions[0]}³"] = rows
    return report


@torch.inference_mode()
def dense_mesh(
    network: TSR, code: Tensor, resolution: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (world), faces and colours, every sample of the box evaluated."""
    axis = torch.linspace(-network.radius, network.radius, resolution)
    plane = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    density = np.empty((resolution,) * 3, np.float32)
    for i, x in enumerate(axis):
        points = torch.cat([x.expand(len(plane), 1), plane], 1)
        parts = [network.query(code, part)["density_act"] for part in points.split(CHUNK)]
        density[i] = torch.cat(parts).reshape(resolution, resolution)
    vertices, faces, _, _ = marching_cubes(density, DENSITY, gradient_direction="ascent")
    vertices = vertices * (2 * network.radius / (resolution - 1)) - network.radius
    return vertices, faces, network.colors_at(code, vertices, CHUNK)


def _ways(network: TSR, code: Callable[[], Tensor], resolution: int) -> dict[str, Callable]:
    made = (
        lambda: dense_mesh(network, code(), resolution),
        lambda: network.extract_mesh(code(), resolution, DENSITY, smooth=True),
    )
    return dict(zip(WAYS, made, strict=True))


def _peaks(network: TSR, code: Tensor, resolution: int) -> dict[str, dict[str, float | None]]:
    """Of each way the resident memory that it gains at most, and the ratio to that of the first.

    Each has a process of its own, in which nothing has run before: one that has held and freed as
    much already need not gain anything.
    """
    spawned = get_context("spawn")
    with ProcessPoolExecutor(1, spawned, max_tasks_per_child=1) as alone:
        jobs = [alone.submit(_peak, network, code.numpy(), way, resolution) for way in WAYS]
        peaks = [job.result() for job in jobs]
    return {
        way: {"peak_mb": peak / 1e6, "peak_ratio": peak / peaks[0] if peaks[0] else None}
        for way, peak in zip(WAYS, peaks, strict=True)
    }


def _peak(network: TSR, code: np.ndarray, way: str, resolution: int) -> int:
    planes = torch.from_numpy(code)
    _ways(network, lambda: planes, WARM)[way]()
    return peak_bytes(_ways(network, lambda: planes, resolution)[way])


def peak_bytes(action: Callable[[], object], pause: float = 0.002) -> int:
    """Resident bytes that this process gains at most while the action runs."""
    process, finished = psutil.Process(), threading.Event()
    start = peak = process.memory_info().rss

    def watch() -> None:
        nonlocal peak
        while not finished.is_set():
            peak = max(peak, process.memory_info().rss)
            time.sleep(pause)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        action()
    finally:
        finished.set()
        watcher.join()
    return peak - start


def _triplane(network: TSR, registry: Registry, picture: Image) -> Tensor:
    cutout = foreground.cut_out(picture, registry)
    with torch.inference_mode():
        return network.scene_codes(network.prepare(np.asarray(cutout)))[0]
