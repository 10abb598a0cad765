"""Libraries come before they are needed, and whoever needs them waits until they are whole."""

import subprocess
import sys

PROGRAM = """
import sys, threading
from perflow_demo.tasks import libraries

assert not libraries.are_there() and "torch" not in sys.modules
early = threading.Thread(target=libraries.load)
early.start()
said = list(libraries.loaded())
assert libraries.are_there() and len(said) == 1, said
early.join()
assert list(libraries.loaded()) == []

before = set(sys.modules)
import perflow_demo.registry.pipelines, perflow_demo.tasks.sampling
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
print(len(set(sys.modules) - before))
"""


def test_a_run_waits_for_libraries_that_the_page_imports_and_has_no_more_to_import():
    command = [sys.executable, "-c", PROGRAM]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stderr
    assert int(finished.stdout) < 20
