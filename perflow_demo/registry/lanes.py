"""Several devices side by side, each with a registry of its own: a run goes to the least busy."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from perflow_demo.registry.registry import Registry
from perflow_demo.registry.residents import Status


class Lanes(Registry):
    """A registry whose `lane` is one of several devices; other leases use the first.

    settings: with more than one device.
    """

    def __init__(self, settings):
        # Each parks its idle models in a part of the same main memory.
        shared = {"parking_share": 1 / len(settings.devices)}
        super().__init__(replace(settings, device=settings.devices[0]), **shared)
        others = (replace(settings, device=device) for device in settings.devices[1:])
        self._busy: dict[Registry, int] = dict.fromkeys(
            [self, *(Registry(settings, **shared) for settings in others)], 0
        )
        self._choosing = threading.Lock()

    @contextmanager
    def lane(self) -> Iterator[Registry]:
        """The registry of the device with the fewest runs, for one run."""
        with self._choosing:
            chosen = min(self._busy, key=self._busy.get)
            self._busy[chosen] += 1
        try:
            yield chosen
        finally:
            with self._choosing:
                self._busy[chosen] -= 1

    def unload(self, key=None) -> int:
        """As in `Registry`, on all devices."""
        others = (lane.unload(key) for lane in self._busy if lane is not self)
        return super().unload(key) + sum(others)

    def status(self) -> Status:
        """As in `Registry`, of all devices together."""
        first, *others = (Registry.status(lane) for lane in self._busy)
        entries = tuple(entry for status in (first, *others) for entry in status.entries)
        return replace(
            first,
            device=f"{len(others) + 1}×{first.device}",
            budget=first.budget + sum(status.budget for status in others),
            bytes=first.bytes + sum(status.bytes for status in others),
            entries=entries,
        )
