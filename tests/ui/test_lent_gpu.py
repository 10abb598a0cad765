"""On a Space with shared GPUs each run asks for one, for as long as its task needs."""

import sys
from types import ModuleType

import pytest

from perflow_demo.errors import BadRequest, LoadError
from perflow_demo.models.catalogue import POCKET
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from perflow_demo.tasks.table import TASKS
from perflow_demo.tasks.text_to_image import TextToImageRequest, TextToImageResult
from perflow_demo.ui import lent_gpu

TASK = TASKS["text_to_image"]


@pytest.fixture
def lent(monkeypatch):
    """Seconds asked for; in place of the library that only a Space has."""
    asked = []

    def gpu(duration):
        def wrap(function):
            def call(*arguments):
                asked.append(duration)
                return function(*arguments)

            return call

        return wrap

    library = ModuleType("spaces")
    library.GPU = gpu
    monkeypatch.setitem(sys.modules, "spaces", library)
    return asked


def test_a_run_is_lent_a_gpu_for_its_task_s_seconds(lent, assets):
    registry = Registry(Settings(assets=assets, device="cpu"))
    task = lent_gpu.wrap(TASK, registry)
    assert lent == []
    request = TextToImageRequest(prompt="a dog", seed=1)
    *events, result = task.stream(request, registry)
    assert isinstance(result, TextToImageResult) and events
    assert isinstance(task.run(request, registry), TextToImageResult)
    assert lent == [TASK.gpu_seconds] * 2


def test_files_are_there_before_a_gpu_is_lent(lent, own_assets):
    registry = Registry(Settings(assets=own_assets, device="cpu"))
    task = lent_gpu.wrap(TASK, registry)
    (own_assets / POCKET.folder / POCKET.delta.weights).unlink()
    with pytest.raises(LoadError, match="delta"):
        task.run(TextToImageRequest(prompt="a dog", seed=1), registry)
    assert lent == []


def test_what_goes_wrong_on_a_lent_gpu_keeps_its_sentence(lent, assets, monkeypatch):
    """The library hands on the name of an exception from over there, and not what it says."""
    before = sys.modules["spaces"].GPU

    def gpu(duration):
        def wrap(function):
            def call(*arguments):
                try:
                    yield from before(duration)(function)(*arguments)
                except Exception as error:
                    raise RuntimeError(type(error).__name__) from None

            return call

        return wrap

    monkeypatch.setattr(sys.modules["spaces"], "GPU", gpu)
    registry = Registry(Settings(assets=assets, device="cpu"))
    task = lent_gpu.wrap(TASK, registry)
    with pytest.raises(BadRequest, match="no style 'oil'"):
        task.run(TextToImageRequest(prompt="a dog", style="oil"), registry)


def test_elsewhere_the_task_is_as_it_was(monkeypatch):
    monkeypatch.setitem(sys.modules, "spaces", None)  # as where it is not installed
    assert lent_gpu.wrap(TASK, None) is TASK
