"""Borrowing models inside a run that tells how far it is."""

import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack
from typing import TypeVar

from perflow_demo.tasks.contract import Loading
from perflow_demo.tasks.working import told

T = TypeVar("T")

# Seconds between two reports of a component, since a large one has thousands of tensors.
PAUSE = 0.05


def lease(
    stack: ExitStack, lent: Callable[..., AbstractContextManager[T]]
) -> Generator[Loading, None, T]:
    """Yield Loading while parts are read; return what is lent, until `stack` closes.

    lent: a lease of the registry that waits for `on_load` alone, as of `Registry.lease`.
    Closing the generator stops the load. Raises what the lease raises.
    """

    def enter(tell: Callable[[Loading | None], None]) -> T:
        latest, reported = None, 0.0

        def report(component: str, done: int, total: int) -> None:
            nonlocal latest, reported
            now = time.monotonic()
            if component != latest or done >= total or now - reported > PAUSE:
                latest, reported = component, now
                tell(Loading(component, done, total))

        return stack.enter_context(lent(on_load=report))

    # It ends with the thread, so `stack` holds the lease by then or never will.
    return (yield from told(enter))
