"""Fixtures that more than one folder of tests uses."""

import os
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest

from tests.pocket_factory import write_pocket


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Tests run side by side: with a thread for each core, all would wait for one another."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def assets(tmp_path_factory) -> Path:
    """An assets folder with a debug-size `pocket` of random weights; read it, never write to it."""
    folder = tmp_path_factory.mktemp("assets")
    write_pocket(folder)
    return folder


@pytest.fixture
def own_assets(assets, tmp_path) -> Path:
    """Like `assets`, but a test's own, to damage at will."""
    copytree(assets, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture(scope="session", autouse=True)
def hub_folder(tmp_path_factory) -> Iterator[Path]:
    """The hub's folder of all tests, where converted files are kept, instead of the user's own."""
    folder = tmp_path_factory.mktemp("hub")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("huggingface_hub.constants.HF_HOME", str(folder))
        yield folder
