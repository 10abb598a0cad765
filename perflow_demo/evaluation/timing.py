"""Two things timed in turns, so that whatever else the machine does disturbs both alike."""

import time
from collections.abc import Callable
from statistics import median

from perflow_demo.evaluation.report import Row


def in_turns(actions: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each action, one run of each a round, by the names of the actions."""
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            began = time.perf_counter()
            action()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def row(name: str, seconds: list[float], **more: float) -> Row:
    """A table's row on one list of times."""
    return {
        "what": name,
        "runs": len(seconds),
        "median_s": median(seconds),
        "min_s": min(seconds),
        "max_s": max(seconds),
        **more,
    }


def rows(seconds: dict[str, list[float]]) -> list[Row]:
    """A row for each name; ratio: its median over that of the first."""
    first = median(next(iter(seconds.values())))
    return [row(name, times, ratio=median(times) / first) for name, times in seconds.items()]
