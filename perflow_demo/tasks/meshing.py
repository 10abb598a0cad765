"""From a cut-out object to its mesh: shape, surface, finish."""

import time
from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from perflow_demo.errors import BadRequest
from perflow_demo.registry.stock import solid_model
from perflow_demo.tasks.contract import Phase
from perflow_demo.tasks.leasing import lease
from perflow_demo.tasks.working import told

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from perflow_demo.geometry.mesh import Mesh
    from perflow_demo.registry import Registry
    from perflow_demo.tasks.to_3d import To3DRequest

STAGES = ("Picture", "Cut-out", "Shape", "Surface", "Finish")
DENSITY = 25.0  # at which the surface is cut, as published with TripoSR
TEXTURED_FACES = 10_000  # of a mesh with a texture, unless the user says otherwise


class NothingSolid(BadRequest):
    """The network saw no solid thing."""


@dataclass
class Run:
    """One run under way: the request as it is found out, and the time of each stage."""

    request: "To3DRequest"
    registry: "Registry"
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def stage(self, title: str, work: Generator) -> Generator:
        """Yield that the stage begins and what its work yields; return what that returns."""
        yield Phase(title, STAGES.index(title) + 1, len(STAGES))
        start = time.perf_counter()
        result = yield from work
        self.seconds[title.lower()] = time.perf_counter() - start
        return result


def encode(run: Run, stack: ExitStack, cutout: "Image") -> Generator:
    """Return the network, lent until `stack` closes, and the triplane of the cut-out."""
    registry = stack.enter_context(run.registry.lane())
    network = yield from lease(stack, partial(registry.lease_solid, run.request.model))
    import numpy as np
    import torch

    try:
        image = network.prepare(np.asarray(cutout), run.request.ratio)
    except ValueError as error:
        raise BadRequest(
            f"No object can be made out in the picture: {error}; use a larger one."
        ) from error
    with torch.inference_mode():
        return network, registry.with_room(partial(network.scene_codes, image))[0]


def extract(run: Run, network, code) -> Generator[Phase, None, "Mesh"]:
    """Return the surface of a triplane, in the network's axes; raises NothingSolid."""
    number = STAGES.index("Surface") + 1

    def work(tell: Callable[[Phase], None]) -> "Mesh":
        return network.extract_mesh(
            code,
            run.request.resolution,
            DENSITY,
            closed=True,
            smooth=True,
            colors=False,
            progress=lambda share: tell(Phase("Surface", number, len(STAGES), share)),
        )

    mesh = yield from told(work)
    if mesh.empty:
        raise NothingSolid(
            "The network saw nothing solid in the picture; use one of a single whole object, or "
            "another seed."
        )
    return mesh


def finished(
    run: Run, network, code, mesh: "Mesh", cutout: "Image"
) -> Generator[Phase, None, tuple["Mesh", "Mesh"]]:
    """Return the mesh cared for, upright and coloured, and the same before it was cut open."""
    from perflow_demo.geometry import mesh as care
    from perflow_demo.geometry import unwrap

    request, number = run.request, STAGES.index("Finish") + 1
    faces = request.faces or (TEXTURED_FACES if request.texture else None)
    surface = care.finished(mesh, faces, 1 if request.print_ready else None)
    if surface.empty:
        raise NothingSolid(f"So many parts cannot be made of {faces:,} faces; ask for more.")
    if request.print_ready and not surface.watertight:
        run.notes.append("The mesh is not watertight; ask for more faces, or another resolution.")
    yield Phase("Finish", number, len(STAGES), 0.2)
    colors = network.colors_at(code, surface.vertices)
    surface = care.upright(replace(surface, colors=colors))
    paint = _painter(run, network, surface, cutout)
    surface = replace(surface, colors=paint(surface.vertices, colors))
    if not request.texture:
        return surface, surface
    yield Phase("Finish", number, len(STAGES), 0.4)
    mesh = unwrap.unwrap(surface)
    yield Phase("Finish", number, len(STAGES), 0.6)

    def colours(places: "np.ndarray") -> "np.ndarray":
        return paint(places, network.colors_at(code, care.tsr_points(places)))

    return unwrap.bake(mesh, colours), surface


def _painter(
    run: Run, network, surface: "Mesh", cutout: "Image"
) -> "Callable[[np.ndarray, np.ndarray], np.ndarray]":
    """Places on the upright surface and the network's colours there → the colours they get."""
    request = run.request
    if not request.details:
        return _unpainted
    import numpy as np

    from perflow_demo.geometry.projection import Lens, project

    framed = network.framed(np.asarray(cutout), request.ratio)
    shown = project(surface, framed, Lens(*solid_model(request.model).lens))
    if shown is None:
        run.notes.append("The mesh's outline is not the picture's, so its details are left out.")
        return _unpainted
    return shown.paint


def _unpainted(places: "np.ndarray", colours: "np.ndarray") -> "np.ndarray":
    return colours
