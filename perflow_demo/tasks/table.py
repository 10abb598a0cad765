"""THE table of tasks: what the page offers, and the command line unless a task is to be seen."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from perflow_demo.models.spec import Model
from perflow_demo.tasks import lab, multiview, needs, refine, text_to_image, to_3d
from perflow_demo.tasks.contract import Request


@dataclass(frozen=True)
class Task:
    """One thing the program can do.

    name: as in `request.task`. command: as on the command line; None for what only the page has.
    title: as on its tab.
    stream: (request, registry, previews) → iterator of Progress events and, last, the result.
    run: (request, registry, on_progress, previews) → the result.
    models: (request, registry, what else `stream` takes) → the models a run works with.
    ready: registry → whether there are models for it on this machine, so that the page offers it.
    """

    name: str
    command: str | None
    title: str
    description: str
    request: type[Request]
    stream: Callable[..., Iterator[Any]]
    run: Callable[..., Any]
    models: Callable[..., Iterator[Model]]
    ready: Callable[[Any], bool] = lambda registry: True


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            name=text_to_image.TextToImageRequest.task,
            command="t2i",
            title="Image",
            description="Draw pictures of a prompt.",
            request=text_to_image.TextToImageRequest,
            stream=text_to_image.stream,
            run=text_to_image.run,
            models=needs.drawing,
        ),
        Task(
            name=refine.RefineRequest.task,
            command="refine",
            title="Refine",
            description="Make a picture larger and add detail.",
            request=refine.RefineRequest,
            stream=refine.stream,
            run=refine.run,
            models=needs.refining,
            ready=lambda registry: bool(registry.refiners()),
        ),
        Task(
            name=multiview.MultiviewRequest.task,
            command="multiview",
            title="Multiview",
            description="Draw six views of one object, normals and colours.",
            request=multiview.MultiviewRequest,
            stream=multiview.stream,
            run=multiview.run,
            models=needs.viewing,
            ready=lambda registry: bool(registry.multiview_families()),
        ),
        Task(
            name=to_3d.To3DRequest.task,
            command="3d",
            title="3D",
            description="Make a mesh of a prompt or of a picture.",
            request=to_3d.To3DRequest,
            stream=to_3d.stream,
            run=to_3d.run,
            models=needs.shaping,
            ready=lambda registry: bool(registry.solids()),
        ),
        Task(
            name=lab.LabRequest.task,
            command=None,
            title="ΔW lab",
            description="Compare a checkpoint with and without ΔW.",
            request=lab.LabRequest,
            stream=lab.stream,
            run=lab.run,
            models=needs.comparing,
        ),
    )
}
REQUESTS = tuple(task.request for task in TASKS.values())
