"""On a Space with shared GPUs each run asks for one, for as long as its models need."""

import sys
from types import ModuleType

import pytest
from PIL import Image

from perflow_demo.errors import BadRequest, LoadError
from perflow_demo.models.catalogue import (
    CATALOGUE,
    FOREGROUND,
    POCKET,
    POCKET_VIEWS,
    REFINERS,
    SOLIDS,
)
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from perflow_demo.tasks.multiview import MultiviewRequest
from perflow_demo.tasks.refine import RefineRequest
from perflow_demo.tasks.table import TASKS
from perflow_demo.tasks.text_to_image import TextToImageRequest, TextToImageResult
from perflow_demo.tasks.to_3d import To3DRequest
from perflow_demo.ui import lent_gpu
from tests.mirror_factory import write_family
from tests.tsr_factory import arrays, facts, write_triposr

TASK = TASKS["text_to_image"]


@pytest.fixture
def lent(monkeypatch):
    """Seconds asked for; in place of the library that only a Space has."""
    asked = []

    def gpu(duration):
        def wrap(function):
            def call(*arguments):
                asked.append(duration(*arguments))
                return function(*arguments)

            return call

        return wrap

    library = ModuleType("spaces")
    library.GPU = gpu
    monkeypatch.setitem(sys.modules, "spaces", library)
    return asked


def test_a_run_is_lent_a_gpu_for_its_models_seconds(lent, assets):
    registry = Registry(Settings(assets=assets, device="cpu"))
    task = lent_gpu.wrap(TASK, registry)
    assert lent == []
    request = TextToImageRequest(prompt="a dog", seed=1)
    *events, result = task.stream(request, registry)
    assert isinstance(result, TextToImageResult) and events
    assert isinstance(task.run(request, registry), TextToImageResult)
    assert lent == [POCKET.gpu_seconds] * 2


@pytest.mark.parametrize(
    ("name", "component"),
    [
        ("text_to_image", POCKET.delta),
        ("refine", REFINERS["pocket"].controlnet),
        ("multiview", POCKET_VIEWS.unet),
        ("multiview", FOREGROUND["pocket"].network),
        ("to_3d", SOLIDS["pocket"].network),
        ("lab", POCKET.vae),
    ],
)
def test_files_are_there_before_a_gpu_is_lent(lent, own_assets, name, component):
    registry = Registry(Settings(assets=own_assets, device="cpu"))
    task = lent_gpu.wrap(TASKS[name], registry)
    (own_assets / POCKET.folder / component.weights).unlink()
    with pytest.raises(LoadError, match=component.weights):
        task.run(ask(name), registry)
    assert lent == []


def ask(name):
    if name == "refine":
        return RefineRequest(source=ask("text_to_image"))
    return TASKS[name].request(prompt="a dog", seed=1)


def test_pictures_that_will_be_checked_have_their_checker_before_a_gpu_is_lent(
    lent, assets, tmp_path
):
    family = CATALOGUE["perflow-sd15-disney"]
    write_family(tmp_path, family.repository.name, "sd15")
    settings = Settings(assets=assets, device="cpu", mirror=tmp_path, offline=True, safety=True)
    registry = Registry(settings)
    request = TextToImageRequest(prompt="a dog", family=family.name)
    with pytest.raises(LoadError, match="stable-diffusion-safety-checker"):
        lent_gpu.wrap(TASK, registry).run(request, registry)
    assert lent == []


def test_pickles_are_converted_before_a_gpu_is_lent(lent, own_assets):
    folder = write_triposr(
        own_assets / "TripoSR", facts("e_weights")["config"], arrays("e_weights")
    )
    (folder / "model.ckpt").write_bytes(b"no checkpoint")
    registry = Registry(Settings(assets=own_assets, device="cpu"))
    request = To3DRequest(prompt="a dog", model="triposr")
    with pytest.raises(LoadError, match=r"model\.ckpt"):
        lent_gpu.wrap(TASKS["to_3d"], registry).run(request, registry)
    assert lent == []


def test_what_a_given_picture_makes_needless_is_not_fetched(lent, assets):
    """The family's files are not here, and cannot be fetched."""
    registry = Registry(Settings(assets=assets, device="cpu", offline=True))
    picture = Image.new("RGBA", (96, 96), (0, 0, 0, 0))
    picture.paste("teal", (30, 30, 70, 70))
    request = MultiviewRequest(family="sd15-dreamshaper", model="pocket", seed=1)
    task = lent_gpu.wrap(TASKS["multiview"], registry)
    first = task.run(request, registry, picture=picture)
    *_, again = task.stream(request, registry, earlier=first)
    assert len(again.normals) == 6
    views, cutter = POCKET_VIEWS.gpu_seconds, FOREGROUND["pocket"].gpu_seconds
    assert lent == [views + cutter, views]


@pytest.mark.parametrize(
    ("name", "family", "seconds"),
    [
        ("text_to_image", "pocket", 15),
        ("text_to_image", "sd15-dreamshaper", 30),
        ("text_to_image", "perflow-sd21-artius", 60),
        ("text_to_image", "perflow-sdxl-base", 60),
        ("refine", "pocket", 45),
        ("refine", "sd15-dreamshaper", 90),
        ("multiview", "sd15-dreamshaper", 80),
        ("to_3d", "sd15-dreamshaper", 95),
        ("lab", "sd15-dreamshaper", 60),
    ],
)
def test_larger_models_take_longer(assets, name, family, seconds):
    registry = Registry(Settings(assets=assets))
    request = TASKS[name].request(prompt="a dog", family=family)
    assert sum(m.gpu_seconds for m in TASKS[name].models(request, registry)) == seconds


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
