"""The program draws where its own folder cannot be written, as on a Space."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROGRAM = """
import builtins, os, sys, tempfile
from pathlib import Path

allowed = [Path(tempfile.gettempdir()).resolve(), Path(os.environ["HF_HOME"]).resolve()]
allowed += [Path("/dev"), Path("/proc")]


def look(event, arguments):
    if event != "open" or not isinstance(arguments[0], str) or not arguments[2]:
        return
    if arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        path = Path(arguments[0]).resolve()
        if not any(path.is_relative_to(folder) for folder in allowed):
            raise SystemExit(f"written outside: {path}")


sys.dont_write_bytecode = True
sys.addaudithook(look)
import app
from perflow_demo import ui
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from perflow_demo.tasks.text_to_image import TextToImageRequest, run

registry = Registry(Settings(assets=Path(sys.argv[1]), device="cpu"))
page = ui.build(registry)
run(TextToImageRequest(prompt="a dog", seed=1), registry)
print("drawn")
"""


@pytest.fixture
def elsewhere(tmp_path):
    """The environment of a process whose temporary files and cache are in folders of its own."""
    folders = {"TMPDIR": tmp_path / "temporary", "HF_HOME": tmp_path / "hub"}
    for folder in folders.values():
        folder.mkdir()
    return os.environ | {name: str(folder) for name, folder in folders.items()}


def test_nothing_is_written_outside_the_cache_and_temporary_files(assets, elsewhere):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(assets)],
        cwd=ROOT,
        env=elsewhere,
        capture_output=True,
        text=True,
    )
    assert run.stdout.strip().endswith("drawn"), run.stderr[-2000:] + run.stdout
