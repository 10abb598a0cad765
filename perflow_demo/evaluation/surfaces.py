"""A mesh found coarse to fine against one cut out of a dense grid, with the same network."""

import threading
import time
from collections.abc import Callable

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
from perflow_demo.tasks.text_to_image import TextToImageRequest
from perflow_demo.tasks.to_3d import DENSITY

PROMPT = "a red mushroom"
RESOLUTIONS = (256, 512)
WARM = 64  # a resolution at which all is used once, and little memory
CHUNK = 8192  # points in one call of the network, as published with TripoSR
WAYS = ("dense grid", "coarse to fine")


def measure(
    registry: Registry, rounds: int, picture: Image | None = None, resolutions=RESOLUTIONS
) -> Report:
    """One table a resolution, and one of the whole way from a picture, at the first of them.

    picture: of one thing; None draws one. A row a way, the dense one first; ratio, cpu_ratio,
    peak_ratio: to it. peak_mb: resident memory gained at most while it ran; a grid may be so small
    that the process need not gain any, and then there is no ratio.
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
            ways = _ways(network, lambda: code, resolution)
            report.tables[f"surface at {resolution}³"] = _compare(ways, rounds)
        ways = _ways(network, lambda: _triplane(network, registry, picture), resolutions[0])
        report.tables[f"picture to mesh at {resolutions[0]}³"] = _compare(ways, rounds)
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


def _compare(ways: dict[str, Callable[[], object]], rounds: int) -> list:
    # The last first: what one way leaves to the next is not to its own advantage.
    peaks = {name: peak_bytes(ways[name]) for name in reversed(ways)}
    rows = timing.rows(timing.in_turns(ways, rounds))
    first = peaks[WAYS[0]]
    return [
        row | {"peak_mb": peak / 1e6, "peak_ratio": peak / first if first else None}
        for row, peak in ((row, peaks[row["what"]]) for row in rows)
    ]


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
