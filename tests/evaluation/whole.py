"""An evaluation's parts as one report."""

from collections.abc import Iterable

from perflow_demo.evaluation.report import Report


def whole(parts: Iterable[Report]) -> Report:
    """All tables and pictures."""
    report = Report()
    for part in parts:
        report.add(part)
    return report
