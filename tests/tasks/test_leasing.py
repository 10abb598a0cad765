"""Borrowing inside a run: what loads is told, and can be stopped."""

import time
from contextlib import ExitStack, contextmanager

from perflow_demo.tasks.leasing import lease


def test_every_report_of_a_slow_load_can_stop_it_however_little_came():
    """As over a slow network, where a single percent of a large file takes half a minute."""
    reports = []

    @contextmanager
    def slow(on_load):
        for done in range(1, 101):
            reports.append(done)
            time.sleep(0.06)
            on_load("weights", done, 10**6)
        yield

    with ExitStack() as stack:
        events = lease(stack, slow)
        next(events)
        events.close()
    assert len(reports) < 10


def test_a_fast_load_is_told_by_its_first_and_last_report_and_few_between():
    @contextmanager
    def fast(on_load):
        for done in range(1, 10_001):
            on_load("weights", done, 10_000)
        yield

    with ExitStack() as stack:
        told = [event.bytes_done for event in lease(stack, fast)]
    assert (told[0], told[-1]) == (1, 10_000) and len(told) < 100
