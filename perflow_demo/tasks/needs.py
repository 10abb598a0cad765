"""The models that a run of each task works with, known before it begins.

Each takes what the task's `stream` takes; a model that is used twice comes twice.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from perflow_demo.models.catalogue import FOREGROUND, SAFETY
from perflow_demo.models.spec import Model
from perflow_demo.registry.stock import solid_model

if TYPE_CHECKING:
    from PIL.Image import Image

    from perflow_demo.registry import Registry
    from perflow_demo.tasks.contract import Request
    from perflow_demo.tasks.lab import LabRequest
    from perflow_demo.tasks.multiview import MultiviewRequest, MultiviewResult
    from perflow_demo.tasks.refine import RefineRequest
    from perflow_demo.tasks.to_3d import To3DRequest


def drawing(request: "Request", registry: "Registry") -> Iterator[Model]:
    """Of any request that has a family which draws."""
    family = registry.family(request.family)
    yield family
    if registry.checks(family):
        yield SAFETY


def refining(
    request: "RefineRequest", registry: "Registry", picture: "Image | None" = None
) -> Iterator[Model]:
    """Of a refinement, whose picture may have to be drawn."""
    if picture is None and request.source:
        yield from drawing(request.source, registry)
    yield from drawing(request, registry)
    yield registry.refiner(request.family)


def viewing(
    request: "MultiviewRequest",
    registry: "Registry",
    picture: "Image | None" = None,
    earlier: "MultiviewResult | None" = None,
) -> Iterator[Model]:
    """Of six views, whose object may have to be drawn and cut out."""
    drawn = earlier.request if earlier else request
    views = registry.multiview_family(request.model or registry.family(drawn.family).multiview)
    if not earlier:
        if request.prompt:
            yield from drawing(request, registry)
        yield FOREGROUND[views.foreground]
    yield views


def shaping(
    request: "To3DRequest", registry: "Registry", picture: "Image | None" = None
) -> Iterator[Model]:
    """Of a mesh, whose object may have to be drawn."""
    if request.prompt:
        yield from drawing(request, registry)
    yield FOREGROUND["pocket"]
    yield solid_model(request.model or registry.family(request.family).solid)


def comparing(request: "LabRequest", registry: "Registry") -> Iterator[Model]:
    """Of two pictures, without and with ΔW."""
    for _ in range(2):
        yield from drawing(request, registry)
