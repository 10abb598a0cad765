"""Work that calls back, inside a run that yields."""

import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from perflow_demo.errors import Cancelled

E = TypeVar("E")
T = TypeVar("T")


def told(work: Callable[[Callable[[E], None]], T]) -> Generator[E, None, T]:
    """Yield what `work` tells; return its result, or raise what it raises.

    work: takes a function to tell with, and has a thread of its own. Once the generator is closed
    that function raises Cancelled, so work that tells often stops soon; closing waits for it.
    """
    events: SimpleQueue[E | None] = SimpleQueue()
    stopped = threading.Event()

    def tell(event: E) -> None:
        if stopped.is_set():
            raise Cancelled("The run was stopped.")
        events.put(event)

    with ThreadPoolExecutor(1, "work") as worker:
        working = worker.submit(work, tell)
        working.add_done_callback(lambda _: events.put(None))
        try:
            yield from iter(events.get, None)
        finally:
            stopped.set()
    return working.result()
