"""Work in several processes, where there is enough of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

R = TypeVar("R")


def mapped(
    function: Callable[[Any], R], things: Sequence[Any], chunk: int = 1, processes: int = 2
) -> Iterator[R]:
    """As `map`, in order, `chunk` things at a time in each process.

    In this process where that is all there is, or no other is wanted: a new one loads everything
    before it begins.
    """
    if processes == 1 or len(things) <= chunk:
        yield from map(function, things)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(function, things, chunksize=chunk)
