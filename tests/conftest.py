"""Fixtures that more than one folder of tests uses."""

from pathlib import Path

import pytest

from tests.pocket_factory import write_pocket


@pytest.fixture(scope="session")
def assets(tmp_path_factory) -> Path:
    """An assets folder with a debug-size `pocket` of random weights; read it, never write to it."""
    folder = tmp_path_factory.mktemp("assets")
    write_pocket(folder)
    return folder


@pytest.fixture
def own_assets(tmp_path) -> Path:
    """Like `assets`, but a test's own, to damage at will."""
    write_pocket(tmp_path)
    return tmp_path
