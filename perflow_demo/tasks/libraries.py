"""The libraries that draw: importing them takes seconds, so a run tells of it, and a page begins
early."""

import threading
from collections.abc import Iterator

from perflow_demo.tasks.contract import Loading

_importing = threading.Lock()
_there = threading.Event()


def are_there() -> bool:
    """Whether they are imported, whole."""
    return _there.is_set()


def load() -> None:
    """Import them, or wait for another thread that does; raises ImportError."""
    with _importing:
        from perflow_demo.models import loaders  # noqa: F401
        from perflow_demo.tasks import drawing  # noqa: F401

        _there.set()


def loaded() -> Iterator[Loading]:
    """Import them, and tell so before, unless they are there."""
    if not are_there():
        yield Loading("the program's libraries", 0, 0)
        load()
