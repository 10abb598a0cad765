"""Runs on the shared GPUs of a Hugging Face Space, each lent for one run (ZeroGPU)."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

from perflow_demo.errors import UserError
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
        try:
            yield from task.stream(request, registry=registry, **options)
        except UserError as error:
            yield error  # raised over there, it would arrive without its sentence

    def stream(request, registry, previews: bool = True, **options) -> Iterator:
        with closing(lent(request, {"previews": previews, **options})) as events:
            for event in events:
                if isinstance(event, UserError):
                    raise event
                yield event

    def run(request, registry, on_progress=None, previews: bool = False, **options):
        return finish(stream(request, registry, previews, **options), on_progress)

    return replace(task, stream=stream, run=run)
