"""Two things timed in turns, so that whatever else the machine does disturbs both alike."""

import os
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

from perflow_demo.evaluation.report import Row


class Seconds(NamedTuple):
    """wall: what a user waits. cpu: what all threads and ended child processes worked meanwhile.

    The latter hardly changes when other programs want the machine too.
    """

    wall: float
    cpu: float


def timed(action: Callable[[], object]) -> Seconds:
    """How long one run of the action takes."""
    wall, cpu = time.perf_counter(), _worked()
    action()
    return Seconds(time.perf_counter() - wall, _worked() - cpu)


def in_turns(actions: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[Seconds]]:
    """The time of each action, one run of each a round, by the names of the actions."""
    times: dict[str, list[Seconds]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            times[name].append(timed(action))
    return times


def row(name: str, times: Sequence[Seconds]) -> Row:
    """A table's row on one list of times."""
    walls = [seconds.wall for seconds in times]
    return {
        "what": name,
        "runs": len(times),
        "median_s": median(walls),
        "min_s": min(walls),
        "max_s": max(walls),
        "cpu_s": median(seconds.cpu for seconds in times),
    }


def rows(times: dict[str, list[Seconds]]) -> list[Row]:
    """A row for each name; ratio, cpu_ratio: its medians over those of the first."""
    made = [row(name, runs) for name, runs in times.items()]
    first = made[0]
    return [
        one
        | {"ratio": one["median_s"] / first["median_s"], "cpu_ratio": one["cpu_s"] / first["cpu_s"]}
        for one in made
    ]


def _worked() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
