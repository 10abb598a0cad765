"""A keyed cache with leases and a byte budget; knows nothing of what it keeps."""

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from perflow_demo.errors import OutOfMemory


@dataclass(frozen=True)
class EntryStatus:
    """One value: its bytes, its age, the time since its last use, its open leases, where it is."""

    key: Hashable
    bytes: int
    age_seconds: float
    idle_seconds: float
    leases: int
    parked: bool = False


class Parking(Protocol):
    """A place beside the device where idle values wait: nearer than the disk."""

    def room(self) -> int:
        """Bytes that parked values may take."""

    def park(self, value: Any) -> None:
        """Move the value off the device."""

    def bring_back(self, value: Any) -> None:
        """Move the value to the device again."""


@dataclass(eq=False)
class _Entry:
    """A value, or the place reserved for one that is loading: leased, counted, not yet loaded."""

    key: Hashable
    bytes: int
    since: float
    used: float
    leases: int = 1
    value: Any = None
    parked: bool = False
    settled: threading.Event = field(default_factory=threading.Event)


class Cache:
    """Least-recently-used values under a byte budget; safe to use from many threads.

    budget: gives the bytes allowed; called when room is needed, never before.
    measure: bytes of a loaded value.
    freed: called after values left the device, to hand their memory back to it.
    parking: gives where idle values go before they are dropped, or None; asked when it is needed.
    """

    def __init__(
        self,
        budget: Callable[[], int],
        measure: Callable[[Any], int],
        freed: Callable[[], None] = lambda: None,
        parking: Callable[[], Parking | None] = lambda: None,
    ):
        self._budget, self._measure, self._freed = budget, measure, freed
        self._parking = parking
        self._entries: dict[Hashable, _Entry] = {}
        self._lock = threading.RLock()

    @contextmanager
    def lease(
        self, key: Hashable, load: Callable[[], Any], expected_bytes: Callable[[], int]
    ) -> Iterator[Any]:
        """Lend the value of `key`, loading it first where it is not resident.

        Of several requests for one key a single one loads and the others wait for it; when its load
        fails they try for themselves. A leased value is never dropped.
        expected_bytes: the room to make before loading; the true size is measured afterwards.
        Raises OutOfMemory when leased values leave no room, and what the two callables raise.
        """
        entry = self._acquire(key, load, expected_bytes)
        try:
            yield entry.value
        finally:
            with self._lock:
                entry.leases -= 1
                entry.used = time.monotonic()

    def unload(self, key: Hashable | None = None) -> int:
        """Drop the value of `key`, or all values; leased ones stay. Returns the bytes freed."""
        with self._lock:
            return self._drop([e for e in self._idle() if key is None or e.key == key])

    def set_aside(self) -> int:
        """Clear the device of all idle values, parked or dropped. Returns the bytes freed there."""
        with self._lock:
            return sum(self._put_away(e) for e in self._idle() if not e.parked)

    def status(self) -> tuple[EntryStatus, ...]:
        """The resident values, the most recently used one first."""
        now = time.monotonic()
        with self._lock:
            loaded = [entry for entry in self._entries.values() if entry.settled.is_set()]
            loaded.sort(key=lambda entry: entry.used, reverse=True)
            return tuple(
                EntryStatus(e.key, e.bytes, now - e.since, now - e.used, e.leases, e.parked)
                for e in loaded
            )

    def _acquire(
        self, key: Hashable, load: Callable[[], Any], expected_bytes: Callable[[], int]
    ) -> _Entry:
        while True:
            with self._lock:
                entry = self._entries.get(key)
                if entry is None:
                    now = time.monotonic()
                    entry = self._entries[key] = _Entry(key, bytes=0, since=now, used=now)
                    work = partial(self._fill, entry, load, expected_bytes)
                    break
                if entry.settled.is_set():
                    entry.leases += 1
                    entry.used = time.monotonic()
                    if not entry.parked:
                        return entry
                    # Counted from now on, for others that make room meanwhile.
                    entry.parked = False
                    entry.settled.clear()
                    work = partial(self._bring_back, entry)
                    break
            entry.settled.wait()
        work()
        return entry

    def _bring_back(self, entry: _Entry) -> None:
        try:
            self._reserve(entry, entry.bytes)
            self._parking().bring_back(entry.value)
        except BaseException:
            with self._lock:
                # Half of it may have been moved, so it is loaded anew.
                self._drop([entry])
            raise
        finally:
            entry.settled.set()

    def _fill(
        self, entry: _Entry, load: Callable[[], Any], expected_bytes: Callable[[], int]
    ) -> None:
        try:
            self._reserve(entry, expected_bytes())
            value = load()
            self._reserve(entry, self._measure(value))
            entry.value = value
            entry.since = entry.used = time.monotonic()
        except BaseException:
            with self._lock:
                del self._entries[entry.key]
            raise
        finally:
            entry.settled.set()

    def _reserve(self, entry: _Entry, size: int) -> None:
        """Clear the device of idle values, the longest unused first, for `size` bytes."""
        with self._lock:
            budget = self._budget()
            others = [e for e in self._entries.values() if e is not entry and not e.parked]
            idle = [e for e in self._idle() if not e.parked]
            excess = sum(e.bytes for e in others) + size - budget
            short = excess - sum(other.bytes for other in idle)
            if short > 0:
                raise OutOfMemory(
                    f"The memory budget of {budget / 1e6:.1f} MB falls short by {short / 1e6:.1f} "
                    "MB for the models in use; wait for other runs or raise PERFLOW_MEMORY_BUDGET."
                )
            while excess > 0:
                excess -= self._put_away(idle.pop(0))
            entry.bytes = size

    def _put_away(self, entry: _Entry) -> int:
        """Park the value, or drop it where there is no room for it. Returns its bytes."""
        parking = self._parking()
        if parking is None or entry.bytes > parking.room():
            return self._drop([entry])
        parked = [e for e in self._idle() if e.parked]
        excess = sum(e.bytes for e in parked) + entry.bytes - parking.room()
        while excess > 0:
            excess -= self._drop([parked.pop(0)])
        parking.park(entry.value)
        entry.parked = True
        self._freed()
        return entry.bytes

    def _idle(self) -> list[_Entry]:
        """What nobody has leased, the longest unused first."""
        idle = (entry for entry in self._entries.values() if not entry.leases)
        return sorted(idle, key=lambda entry: entry.used)

    def _drop(self, entries: list[_Entry]) -> int:
        for entry in entries:
            del self._entries[entry.key]
            entry.value = None
        if entries:
            self._freed()
        return sum(entry.bytes for entry in entries)
