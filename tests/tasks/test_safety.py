"""Where strangers can ask, published pictures are looked at, and their previews not shown."""

from dataclasses import replace

import pytest
from PIL import Image

from perflow_demo.errors import BadRequest
from perflow_demo.models import catalogue
from perflow_demo.models.stable_diffusion import FAMILIES
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from perflow_demo.tasks import multiview, refine, to_3d
from perflow_demo.tasks.contract import Step
from perflow_demo.tasks.text_to_image import TextToImageRequest, run, stream
from tests.mirror_factory import write_checker, write_family, write_tile

NAME = "perflow-sd15-disney"


@pytest.fixture
def settings(assets, tmp_path, monkeypatch):
    family = next(family for family in FAMILIES if family.name == NAME)
    family = replace(family, sizes=(64,), defaults=replace(family.defaults, size=64))
    monkeypatch.setitem(catalogue.CATALOGUE, NAME, family)
    write_family(tmp_path, family.repository.name, "sd15")
    return Settings(assets=assets, device="cpu", mirror=tmp_path, offline=True, host="0.0.0.0")


def ask(family=NAME):
    values = {"prompt": "a dog", "negative_prompt": "", "seed": 1, "steps": 4, "count": 2}
    return TextToImageRequest(**values, family=family)


def test_an_unfit_picture_is_withheld_and_said_so(settings):
    write_checker(settings.mirror, strict=True)
    result = run(ask(), Registry(settings))
    assert all(picture.getbbox() is None for picture in result.pictures)
    assert any("2 of 2 pictures withheld" in note for note in result.notes)
    assert result.withheld == (0, 1)


@pytest.mark.parametrize("task", [refine, multiview, to_3d])
def test_nothing_is_made_of_a_picture_that_was_withheld(settings, task):
    write_checker(settings.mirror, strict=True)
    drawn = {"prompt": "a dog", "family": NAME, "model": "pocket"}
    asked = {
        refine: lambda: refine.RefineRequest(source=ask(), to=768),
        multiview: lambda: multiview.MultiviewRequest(**drawn),
        to_3d: lambda: to_3d.To3DRequest(**drawn),
    }[task]()
    with pytest.raises(BadRequest, match="withheld by the safety checker"):
        task.run(asked, Registry(settings))


def test_a_refined_picture_that_is_unfit_is_no_result(settings):
    """A black picture is nothing to keep, to send on or to find in a history."""
    write_tile(settings.mirror)
    write_checker(settings.mirror, strict=True)
    asked = refine.RefineRequest(family=NAME, to=768, steps=1, windows=1, guidance_scale=1)
    with pytest.raises(BadRequest, match="1 of 1 pictures withheld by the safety checker"):
        refine.run(asked, Registry(settings), picture=Image.new("RGB", (64, 64), "teal"))


def test_a_fit_picture_is_shown_without_previews_on_its_way(settings):
    write_checker(settings.mirror, strict=False)
    events = list(stream(ask(), Registry(settings), previews=True))
    assert all(picture.getbbox() for picture in events[-1].pictures)
    assert events[-1].notes == () and events[-1].film == ()
    assert [event.frame for event in events if isinstance(event, Step)] == [None] * 4


def test_what_drew_makes_room_for_the_checker(settings, monkeypatch):
    small = replace(catalogue.CATALOGUE[NAME], memory_bytes=0, words_bytes=0)
    monkeypatch.setitem(catalogue.CATALOGUE, NAME, small)
    write_checker(settings.mirror, strict=False)
    roomy = Registry(settings)
    run(ask(), roomy)
    sizes = {entry.key.part: entry.bytes for entry in roomy.status().entries}
    budget = sizes["unet"] + sizes["vae"] + sizes["checker"] // 2
    result = run(ask(), Registry(replace(settings, memory_budget=budget)))
    assert all(picture.getbbox() for picture in result.pictures)


@pytest.mark.parametrize("change", [{"host": "127.0.0.1"}, {"safety": False}])
def test_it_is_off_at_home_and_can_be_turned_off(settings, change):
    """Its files are not there, so it could not even be loaded."""
    assert run(ask(), Registry(replace(settings, **change))).notes == ()


def test_the_program_s_own_family_needs_no_checking(settings):
    assert run(ask("pocket"), Registry(settings)).notes == ()
