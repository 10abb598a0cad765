"""Runs on the shared GPUs of a Hugging Face Space, each lent for one run (ZeroGPU)."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial

from perflow_demo.errors import UserError
from perflow_demo.tasks.contract import finish
from perflow_demo.tasks.leasing import lease

# Seconds of a GPU that a run asks for at most: what visitors without an account have in a day, so
# that more would never be lent to them. Source: https://huggingface.co/docs/hub/spaces-zerogpu.
LONGEST = 120


def wrap(task, registry):
    """The task with its run on a lent GPU where there are such, else the task as it is.

    task: its row in the table of tasks. A run happens in a process of its own there, which has the
    registry from this one, whichever it is given. What has to be fetched is fetched before, since a
    GPU is lent for seconds: as many as the models of the run may take.
    """
    try:
        import spaces
    except ImportError:
        return task

    def seconds(request, previews: bool, options: dict) -> int:
        models = task.models(request, registry, **options)
        return min(LONGEST, sum(model.gpu_seconds for model in models))

    @spaces.GPU(duration=seconds)
    def lent(request, previews: bool, options: dict) -> Iterator:
        try:
            yield from task.stream(request, registry, previews, **options)
        except UserError as error:
            yield error  # raised over there, it would arrive without its sentence

    def stream(request, registry, previews: bool = True, **options) -> Iterator:
        with ExitStack() as stack:
            models = tuple(task.models(request, registry, **options))
            yield from lease(stack, partial(registry.fetched, models))
        with closing(lent(request, previews, options)) as events:
            for event in events:
                if isinstance(event, UserError):
                    raise event
                yield event

    def run(request, registry, on_progress=None, previews: bool = False, **options):
        return finish(stream(request, registry, previews, **options), on_progress)

    return replace(task, stream=stream, run=run)
