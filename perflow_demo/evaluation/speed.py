"""All figures of speed, as ratios taken in one run."""

from collections.abc import Iterator

from perflow_demo.evaluation import (
    merging,
    multiview_calls,
    page_start,
    request_times,
    surfaces,
)
from perflow_demo.evaluation.report import Report
from perflow_demo.models.catalogue import CATALOGUE
from perflow_demo.registry import open_registry
from perflow_demo.settings import Settings

SMALL = 256


def evaluate(settings: Settings, rounds: int) -> Iterator[Report]:
    """Requests and their overhead, merge, multiview calls, page start; `rounds` runs of each.

    Refinements and surfaces too where their networks are here, in a third of the rounds, for they
    take long.
    """
    registry = open_registry(settings)
    size = CATALOGUE["pocket"].defaults.size
    yield request_times.compare(registry, size, rounds)
    for side in (size, SMALL):
        yield request_times.overhead(registry, side, 2 * rounds)
    yield merging.measure(rounds)
    yield multiview_calls.measure(rounds)
    yield page_start.measure(rounds)
    if registry.refiners():
        yield request_times.compare_refining(registry, max(1, rounds // 3))
    if registry.solids():
        yield surfaces.measure(registry, max(1, rounds // 3))
