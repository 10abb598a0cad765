"""Six views on a family of debug size: from words or a picture, stage by stage, repeatable."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from perflow_demo.errors import BadRequest, MissingFile
from perflow_demo.models.catalogue import POCKET_VIEWS, WONDER3D
from perflow_demo.registry import Registry
from perflow_demo.registry.placement import Placement
from perflow_demo.settings import Settings
from perflow_demo.tasks import multiview, text_to_image, to_3d
from perflow_demo.tasks.contract import Loading, Stage, Step
from perflow_demo.tasks.foreground import NothingFound
from perflow_demo.tasks.multiview import (
    CUTOUT,
    PICTURE,
    MultiviewRequest,
    MultiviewResult,
    resolve,
    run,
    stream,
)
from perflow_demo.tasks.picture import digest
from perflow_demo.tasks.table import TASKS
from perflow_demo.tasks.text_to_image import TextToImageRequest
from tests.mirror_factory import write_views


@pytest.fixture(scope="module")
def registry(assets):
    """In float32, where a run repeats to the byte."""
    registry = Registry(Settings(assets=assets, device="cpu"))
    registry.placement = Placement(torch.device("cpu"), torch.float32)
    return registry


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    drawn = Image.new("RGB", (256, 256), "white")
    ImageDraw.Draw(drawn).ellipse((80, 60, 180, 200), "tomato")
    return drawn


@pytest.fixture(scope="module")
def seen(registry, picture):
    """The events of a run from a picture; the last is the result."""
    return list(stream(MultiviewRequest(seed=7), registry, picture=picture))


def pixels(pages) -> np.ndarray:
    return np.stack([np.asarray(page).astype(int) for page in pages])


def test_a_picture_becomes_twelve(seen, picture):
    result = seen[-1]
    assert isinstance(result, MultiviewResult)
    assert [page.size for page in (*result.normals, *result.colours)] == [(256, 256)] * 12
    assert result.picture is picture
    assert result.cutout.mode == "RGBA"
    assert result.cutout.getchannel("A").getbbox()[0] > 70
    everything = pixels((*result.normals, *result.colours))
    assert all((everything[0] != other).any() for other in everything[1:])


def test_every_stage_is_told_as_soon_as_it_is_there(seen):
    stages = [(i, event.name) for i, event in enumerate(seen) if isinstance(event, Stage)]
    assert [name for _, name in stages] == [PICTURE, CUTOUT]
    steps = [(i, event) for i, event in enumerate(seen) if isinstance(event, Step)]
    assert [(step.number, step.of) for _, step in steps] == [(n, 4) for n in range(1, 5)]
    assert stages[0][0] < steps[0][0]
    assert seen[stages[1][0]].picture is seen[-1].cutout
    loaded = {e.component for e in seen if isinstance(e, Loading) and e.bytes_total}
    assert loaded == {"foreground network", "image tokens", "autoencoder", "multiview UNet"}


def test_all_views_are_seen_after_each_call_but_the_last(seen, registry, picture):
    *frames, last = [event.frame for event in seen if isinstance(event, Step)]
    assert last is None and [frame.picture.size for frame in frames] == [(6 * 128, 2 * 128)] * 3
    soft = frames[-1].picture.resize((6, 2), Image.Resampling.BOX)
    result = seen[-1]
    for row, pages in enumerate((result.normals, result.colours)):
        for column, page in enumerate(pages):
            mean = np.asarray(page.resize((1, 1), Image.Resampling.BOX)).astype(int)[0, 0]
            assert np.abs(mean - soft.getpixel((column, row))).max() < 40
    unseen = stream(MultiviewRequest(seed=7), registry, previews=False, picture=picture)
    assert not any(event.frame for event in unseen if isinstance(event, Step))


def test_a_prompt_is_drawn_first(registry):
    *events, result = stream(MultiviewRequest(prompt="a red dog", seed=3), registry)
    names = [event.name for event in events if isinstance(event, Stage)]
    assert names == [PICTURE, CUTOUT]
    first = next(i for i, event in enumerate(events) if isinstance(event, Stage))
    drawn = [event for event in events[:first] if isinstance(event, Step)]
    assert len(drawn) == 4 and all(step.frame for step in drawn)
    assert result.request.drawing_seed == 3 and result.seconds["picture"] > 0
    assert events[first].picture is result.picture
    again = run(
        MultiviewRequest(prompt="a red dog", seed=9, drawing_seed=3), registry, previews=False
    )
    assert (pixels([again.picture]) == pixels([result.picture])).all()
    assert (pixels(again.colours) != pixels(result.colours)).any()


def test_other_views_of_the_same_object(registry, seen):
    """What re-rolling the views does."""
    first = seen[-1]
    other = run(MultiviewRequest(seed=8), registry, earlier=first)
    assert other.picture is first.picture and other.cutout is first.cutout
    assert (pixels(other.normals) != pixels(first.normals)).any()
    same = run(MultiviewRequest(seed=7), registry, earlier=first)
    assert (pixels(same.normals) == pixels(first.normals)).all()


def test_a_given_picture_is_known_by_its_hash_and_recipe_and_kept_small(registry, picture):
    source = TextToImageRequest(prompt="a tomato", seed=5)
    large = picture.resize((1500, 1500))
    result = run(MultiviewRequest(seed=7, style="cel", source=source), registry, picture=large)
    told = result.request
    assert (told.parent, told.source, told.style) == (digest(large), source, None)
    assert told.parameters().startswith("a tomato\n")
    assert result.picture.size == result.cutout.size == (1024, 1024)
    with pytest.raises(BadRequest, match="made of a picture that is not here"):
        run(told, registry)


def test_a_drawn_picture_without_an_object_asks_for_another_one(registry, monkeypatch):
    white, timings = Image.new("RGB", (256, 256), "white"), SimpleNamespace(total=0)
    empty = SimpleNamespace(withheld=(), pictures=[white], notes=(), timings=timings)
    monkeypatch.setattr(text_to_image, "stream", lambda *_: (made for made in [empty]))
    with pytest.raises(NothingFound, match="draw another one with a new seed"):
        run(MultiviewRequest(prompt="a dog"), registry)


def test_other_views_carry_the_recipe_of_the_object_they_show(registry):
    drawn = run(MultiviewRequest(prompt="a red dog", style="cel", seed=3), registry)
    asked = MultiviewRequest(prompt="a blue cat", style="pencil", seed=5)
    other = run(asked, registry, earlier=drawn).request
    assert (other.prompt, other.style, other.drawing_seed) == ("a red dog", "cel", 3)
    assert other.seed == 5


@pytest.mark.parametrize(
    ("values", "calls"),
    [
        ({"steps": 1}, 4),
        ({"steps": 1, "windows": 1}, 1),
        ({"steps": 6}, 6),
        ({"steps": 3, "acceleration": "teacher"}, 3),
    ],
)
def test_the_calls_that_are_made_are_the_ones_told(registry, picture, values, calls):
    counted = []
    with registry.lease_multiview(delta_strength=float("teacher" not in values.values())) as lent:
        hook = lent.unet.register_forward_hook(lambda *_: counted.append(1))
        result = run(MultiviewRequest(seed=1, **values), registry, picture=picture)
        hook.remove()
    assert len(counted) == result.request.steps == calls
    told = any("1 asked for, 4 made" in note for note in result.notes)
    assert told == (calls > values["steps"])


def test_delta_is_never_plugged_in_silently(seen, registry, picture):
    assert any("own base is plugged in" in note for note in seen[-1].notes)
    teacher = MultiviewRequest(seed=1, steps=2, acceleration="teacher")
    assert run(teacher, registry, picture=picture).notes == ()


def test_every_setting_changes_the_views(registry, seen, picture):
    usual = pixels(seen[-1].colours)
    for change in (
        {"acceleration": "teacher", "steps": 4},
        {"guidance_scale": 3},
        {"variety": 1},
        {"steps": 1, "windows": 1},
    ):
        changed = run(MultiviewRequest(seed=7, **change), registry, picture=picture)
        assert (pixels(changed.colours) != usual).any(), change


def test_variety_is_the_familys_unless_it_is_asked_for(registry, picture):
    usual = run(MultiviewRequest(seed=7, steps=1, windows=1), registry, picture=picture)
    assert usual.request.variety == POCKET_VIEWS.defaults.variety
    assert f"Variety: {usual.request.variety}" in usual.request.parameters()
    alike = [
        run(MultiviewRequest(seed=seed, variety=0), registry, picture=picture).colours
        for seed in (7, 8)
    ]
    assert (pixels(alike[0]) == pixels(alike[1])).all()


def test_what_cannot_be_is_answered_in_a_sentence(registry, own_assets):
    with pytest.raises(BadRequest, match="give a picture"):
        run(MultiviewRequest(), registry)
    with pytest.raises(BadRequest, match="pocket or wonder3d"):
        run(MultiviewRequest(prompt="a dog", model="sv3d"), registry)
    with pytest.raises(BadRequest, match="Wonder3D has no ΔW"):
        bare = replace(WONDER3D, delta=None)
        resolve(MultiviewRequest(prompt="a dog"), bare, pictured=False)
    with pytest.raises(BadRequest, match="both a prompt and a picture"):
        run(MultiviewRequest(prompt="a dog"), registry, picture=Image.new("RGB", (64, 64)))
    with pytest.raises(NothingFound):
        run(MultiviewRequest(), registry, picture=Image.new("RGB", (64, 64), "white"))
    (own_assets / "pocket" / POCKET_VIEWS.unet.weights).unlink()
    own = Registry(Settings(assets=own_assets, device="cpu"))
    assert not TASKS["multiview"].ready(own) and TASKS["text_to_image"].ready(own)
    cut = Image.new("RGBA", (64, 64))
    cut.paste((255, 0, 0, 255), (16, 16, 48, 48))
    with pytest.raises(MissingFile, match="multiview/unet"):
        run(MultiviewRequest(), own, picture=cut)


@pytest.mark.parametrize("task", [multiview, to_3d])
def test_a_model_that_is_not_here_is_told_before_anything_is_drawn(assets, tmp_path, task):
    registry = Registry(Settings(assets=assets, mirror=tmp_path, device="cpu", offline=True))
    request, model = {
        multiview: (MultiviewRequest, "wonder3d"),
        to_3d: (to_3d.To3DRequest, "triposr"),
    }[task]
    told = []
    with pytest.raises(MissingFile, match=f"(?i){model}"):
        told += task.stream(request(prompt="a red car", model=model), registry)
    assert not told and not registry.status().entries


def test_the_plain_network_needs_no_delta(assets, tmp_path):
    write_views(tmp_path)
    registry = Registry(Settings(assets=assets, mirror=tmp_path, device="cpu", offline=True))
    plain = MultiviewRequest(prompt="a red car", model="wonder3d", acceleration="teacher")
    assert isinstance(next(stream(plain, registry)), Loading | Step)
    with pytest.raises(MissingFile, match="delta"):
        next(stream(plain.model_copy(update={"acceleration": "perflow"}), registry))


def test_other_views_in_another_family_have_the_usual_settings_of_the_network(seen):
    earlier = seen[-1].request
    own = {"steps": 7, "guidance_scale": 3.0, "variety": 0.9}
    again = multiview._same_object(MultiviewRequest(**own), earlier)
    assert (again.steps, again.guidance_scale, again.variety) == tuple(own.values())
    other = MultiviewRequest(family="sd15-dreamshaper", **own)
    again = multiview._same_object(other, earlier)
    assert (again.family, again.model) == ("pocket", "pocket")
    assert (again.steps, again.guidance_scale, again.variety) == (None, None, None)


def test_what_is_done_between_steps_is_no_time_of_the_run(registry, monkeypatch):
    """As sending previews to a slow browser."""
    now = 0.0
    monkeypatch.setattr("time.perf_counter", lambda: now)
    for event in stream(MultiviewRequest(prompt="a red car", seed=3), registry):
        now += isinstance(event, Step)
    assert event.seconds["picture"] == event.seconds["views"] == 0


def test_a_closed_run_gives_everything_back(registry, picture):
    events = stream(MultiviewRequest(seed=1, steps=8), registry, picture=picture)
    next(event for event in events if isinstance(event, Step))
    assert any(entry.leases for entry in registry.status().entries)
    events.close()
    assert not any(entry.leases for entry in registry.status().entries)


def test_the_network_goes_with_the_family(assets, seen, picture):
    assert seen[-1].request.model == "pocket"
    alone = Registry(Settings(assets=assets, device="cpu", offline=True))
    with pytest.raises(MissingFile, match="wonder3d"):
        run(MultiviewRequest(family="sd15-dreamshaper"), alone, picture=picture)
    chosen = MultiviewRequest(family="sd15-dreamshaper", model="pocket", seed=7)
    result = run(chosen, alone, picture=picture)
    assert result.request.model == "pocket" and result.request.family == "sd15-dreamshaper"
