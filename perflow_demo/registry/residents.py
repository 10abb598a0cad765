"""The one owner of what is resident on a device; knows parts and bytes, and no model by name."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from perflow_demo.errors import OutOfMemory
from perflow_demo.registry.cache import Cache, EntryStatus

# torch takes seconds to import: the first lease imports it, not the page.
if TYPE_CHECKING:
    from torch import Tensor

    from perflow_demo.registry.memory import MainMemory
    from perflow_demo.registry.pipelines import Key, Part
    from perflow_demo.registry.placement import Placement

# Title of the component that loads, bytes read so far, bytes to read.
OnLoad = Callable[[str, int, int], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Status:
    """What is resident and where; bytes count what is on the device, budget is their most."""

    device: str
    dtype: str
    budget: int
    bytes: int
    entries: tuple[EntryStatus, ...]


class Residents:
    """Parts of models on one device, under its budget; safe to use from many threads.

    settings: a `perflow_demo.settings.Settings`. parking_share: of the main memory that models may
    take, what idle ones of this device may.
    """

    def __init__(self, settings, parking_share: float = 1.0):
        self._settings, self._parking_share = settings, parking_share
        self._cache = Cache(self._budget, self._measure, self._release, self._parking)

    @cached_property
    def placement(self) -> "Placement":
        """Device, dtype and memory format of everything lent out."""
        from perflow_demo.registry import placement

        return placement.choose(self._settings.device)

    @contextmanager
    def lane(self) -> Iterator[Self]:
        """The registry whose device a run is to use: this one."""
        yield self

    def in_parts(self, call: Callable[..., "Tensor"], *batch: "Tensor", **last) -> "Tensor":
        """call(*batch), with idle models set aside and by fewer rows where memory is short.

        See `registry.exhaustion.in_parts`.
        """
        from perflow_demo.registry.exhaustion import in_parts

        return in_parts(self._cache.set_aside, call, *batch, **last)

    def with_room(self, work: Callable[[], T]) -> T:
        """What `work` returns; once more with idle models set aside where memory was short."""
        from perflow_demo.registry.exhaustion import with_room

        return with_room(self._cache.set_aside, work)

    def main_room(self) -> int:
        """Bytes of main memory that a run may take.

        On a CPU what the budget leaves once idle models have been dropped; beside a GPU, whose
        memory the budget is of, what is free.
        """
        if self.placement.device.type != "cpu":
            from perflow_demo.registry.memory import free_main_bytes

            return free_main_bytes()
        used = sum(entry.bytes for entry in self._cache.status() if entry.leases)
        return max(0, self._budget() - used)

    def unload(self, key: "Key | None" = None) -> int:
        """Drop one entry of `status()`, or all; what is leased stays. Returns the bytes freed."""
        return self._cache.unload(key)

    def status(self) -> Status:
        """What is resident, the most recently used first."""
        entries = self._cache.status()
        place = self.placement
        return Status(
            str(place.device),
            place.dtype_name,
            self._budget(),
            sum(entry.bytes for entry in entries if not entry.parked),
            entries,
        )

    @contextmanager
    def _lent(
        self, parts: "Mapping[str, Part]", on_load: OnLoad | None
    ) -> Iterator[dict[str, Any]]:
        """Values of the parts by their names, loaded where they are not resident."""
        with self._out_of_memory_explained(), ExitStack() as leases:
            values = {}
            for name, part in parts.items():
                values[name] = self.with_room(partial(self._borrowed, leases, part, on_load))
            yield values

    def _borrowed(self, leases: ExitStack, part: "Part", on_load: OnLoad | None) -> Any:
        lease = self._cache.lease(part.key, part.loader(on_load), part.expected_bytes)
        return leases.enter_context(lease)

    def _budget(self) -> int:
        from perflow_demo.registry import memory

        return self._settings.memory_budget or memory.default_budget(self.placement.device)

    def _measure(self, value: Any) -> int:
        from perflow_demo.registry import memory
        from perflow_demo.registry.pipelines import Foreign

        if isinstance(value, Foreign):
            return value.bytes
        return memory.module_bytes(*memory.modules_of(value))

    def _parking(self) -> "MainMemory | None":
        from perflow_demo.registry import memory

        if not self.placement.parks:
            return None
        return memory.MainMemory(self.placement, self._parking_share)

    def _release(self) -> None:
        from perflow_demo.registry import memory

        memory.release(self.placement.device)

    @contextmanager
    def _out_of_memory_explained(self) -> Iterator[None]:
        from perflow_demo.registry.exhaustion import FAULTS, exhausted

        try:
            yield
        except FAULTS as error:
            if not exhausted(error):
                raise
            self._cache.set_aside()
            self._release()
            raise OutOfMemory(
                "The device ran out of memory. Idle models made room: try once more, or ask for "
                "less: fewer or smaller pictures, a coarser mesh."
            ) from error
