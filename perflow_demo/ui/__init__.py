"""The page: what a visitor meets in the browser."""

from perflow_demo.ui.build import build, launch

__all__ = ["build", "launch"]
