"""Runs on the shared GPUs of a Hugging Face Space, each lent for one run (ZeroGPU)."""

from collections.abc import Iterator
from dataclasses import replace

from perflow_demo.tasks.contract import finish


def wrap(task, registry):
    """The task with its run on a lent GPU where there are such, else the task as it is.

    task: its row in the table of tasks. A run happens in a process of its own there, which has the
    registry from this one, so `stream` and `run` do not look at the registry they are given.
    """
    try:
        import spaces
    except ImportError:
        return task

    @spaces.GPU(duration=task.gpu_seconds)
    def lent(request, options: dict) -> Iterator:
        yield from task.stream(request, registry=registry, **options)

    def stream(request, registry, previews: bool = True, **options) -> Iterator:
        yield from lent(request, {"previews": previews, **options})

    def run(request, registry, on_progress=None, previews: bool = False, **options):
        return finish(stream(request, registry, previews, **options), on_progress)

    return replace(task, stream=stream, run=run)
