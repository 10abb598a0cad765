"""What is resident in memory, lent out by leases."""

from perflow_demo.registry.registry import Registry, Status

__all__ = ["Registry", "Status"]
