"""What is resident in memory, lent out by leases."""

from perflow_demo.registry.lanes import Lanes
from perflow_demo.registry.registry import Registry
from perflow_demo.registry.residents import Status

__all__ = ["Lanes", "Registry", "Status"]
