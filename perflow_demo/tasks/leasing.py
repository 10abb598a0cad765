"""Borrowing models inside a run that tells how far it is."""

import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from queue import SimpleQueue
from typing import TypeVar

from perflow_demo.errors import Cancelled
from perflow_demo.tasks.contract import Loading

T = TypeVar("T")

# Events a component is worth at most, since a large one has thousands of tensors.
REPORTS = 20


def lease(
    stack: ExitStack, lent: Callable[..., AbstractContextManager[T]]
) -> Generator[Loading, None, T]:
    """Yield Loading while parts are read; return what is lent, until `stack` closes.

    lent: a lease of the registry that waits for `on_load` alone, as of `Registry.lease`.
    The registry calls back while it loads, a run yields: so the load has a thread of its own.
    Closing the generator stops the load. Raises what the lease raises.
    """
    events: SimpleQueue[Loading | None] = SimpleQueue()
    stopped = threading.Event()
    latest = None

    def report(component: str, done: int, total: int) -> None:
        nonlocal latest
        if stopped.is_set():
            raise Cancelled("The run was stopped while its models were loading.")
        if latest != (latest := (component, REPORTS * done // max(total, 1))):
            events.put(Loading(component, done, total))

    def enter() -> T:
        return stack.enter_context(lent(on_load=report))

    # Leaving the block waits for the thread, so `stack` holds the lease by then or never will.
    with ThreadPoolExecutor(1, "load") as worker:
        entering = worker.submit(enter)
        entering.add_done_callback(lambda _: events.put(None))
        try:
            yield from iter(events.get, None)
        finally:
            stopped.set()
    return entering.result()
