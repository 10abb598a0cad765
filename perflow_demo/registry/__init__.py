"""What is resident in memory, lent out by leases."""

from perflow_demo.registry.lanes import Lanes
from perflow_demo.registry.registry import Registry
from perflow_demo.registry.residents import Status

__all__ = ["Lanes", "Registry", "Status", "open_registry"]


def open_registry(settings) -> Registry:
    """A registry of the settings' device, or of all where they name several."""
    return (Lanes if len(settings.devices) > 1 else Registry)(settings)
