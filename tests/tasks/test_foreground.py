"""One object is cut out of a picture of any kind, or a sentence says why it cannot be."""

import os
import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from PIL import Image, ImageDraw

from perflow_demo.errors import BadRequest, LoadError, MissingFile, OutOfMemory
from perflow_demo.models import catalogue, u2net
from perflow_demo.models.spec import Repository
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from perflow_demo.tasks import multiview, to_3d
from perflow_demo.tasks.contract import Loading
from perflow_demo.tasks.foreground import (
    SMALL,
    NothingFound,
    SeveralObjects,
    TouchesBorders,
    cleared,
    cut_out,
)


@pytest.fixture(scope="module")
def registry(assets):
    """Its foreground network finds whatever is not white."""
    return Registry(Settings(assets=assets, device="cpu"))


def picture(*discs: tuple[int, int, int], size=(256, 256), colour="teal", mode="RGB"):
    drawn = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(drawn)
    for x, y, radius in discs:
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), colour)
    return drawn.convert(mode)


def test_the_object_is_cut_out(registry):
    drawn = picture((120, 130, 60))
    cut = cut_out(drawn, registry)
    assert (cut.mode, cut.size) == ("RGBA", (256, 256))
    alpha, colours = np.asarray(cut)[..., 3], np.asarray(cut)[..., :3]
    inside = np.asarray(drawn.convert("L")) < 200
    assert ((alpha > 127) == inside).mean() > 0.99
    assert (colours[alpha > 200] == (0, 128, 128)).all()
    assert cut.getchannel("A").getbbox()[0] > 50  # nothing is left elsewhere


@pytest.mark.parametrize("mode", ["L", "P", "RGBA"])
def test_any_mode_and_shape_will_do(registry, mode):
    cut = cut_out(picture((300, 160, 90), size=(600, 320), mode=mode), registry)
    assert cut.size == (600, 320)
    left, top, right, bottom = cut.getchannel("A").point(lambda a: 255 * (a > 127)).getbbox()
    assert np.abs(np.subtract((left, top, right, bottom), (210, 70, 391, 251))).max() <= 8


def test_around_views_there_is_nothing_but_white(registry):
    """What either domain shows stays as it is; haze over both goes."""
    haze, disc = Image.new("RGB", (256, 256), (252, 252, 253)), (120, 130, 60)
    shown = Image.composite(haze, picture(disc), picture(disc, colour="black").convert("1"))
    pages = {"normals": [shown, haze], "colours": [haze, haze]}
    with registry.lease_foreground("pocket") as network:
        made = cleared(pages, network, 256)
    inside = np.asarray(picture((120, 130, 50), colour="black").convert("L")) == 0
    outside = np.asarray(picture((120, 130, 66), colour="black").convert("L")) == 255
    normals, colours = (np.asarray(made[domain][0]) for domain in ("normals", "colours"))
    assert np.array_equal(normals[inside], np.asarray(shown)[inside])
    assert np.array_equal(colours[inside], np.asarray(haze)[inside])
    assert (normals[outside] == 255).all() and (colours[outside] == 255).all()
    assert all((np.asarray(made[domain][1]) == 255).all() for domain in pages)


def test_large_pictures_are_reduced(registry):
    assert cut_out(picture((1000, 500, 300), size=(2048, 1024)), registry).size == (1024, 512)


def test_a_photograph_stands_upright(registry):
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    drawn = picture((60, 128, 40))
    drawn.info["exif"] = exif.tobytes()
    box = cut_out(drawn, registry).getchannel("A").getbbox()
    assert box[1] < 40 < 80 < box[0]


def test_a_cut_out_keeps_its_own_alpha(assets):
    cut = picture((128, 128, 60)).convert("RGBA")
    mask = Image.new("L", cut.size)
    ImageDraw.Draw(mask).rectangle((100, 100, 150, 160), 255)
    cut.putalpha(mask)
    registry = Registry(Settings(assets=assets, device="cpu"))
    assert cut_out(cut, registry).getchannel("A").getbbox() == (100, 100, 151, 161)
    assert registry.status().entries == ()  # no network was needed


@pytest.mark.parametrize(
    ("drawn", "kind", "words"),
    [
        (picture(), NothingFound, "No object was found"),
        (picture((50, 50, 4)), NothingFound, "No object was found"),
        (picture((70, 128, 40), (190, 128, 40)), SeveralObjects, "There are 2 objects"),
    ],
)
def test_what_makes_no_sense_gets_a_hint(registry, drawn, kind, words):
    with pytest.raises(kind, match=words) as caught:
        cut_out(drawn, registry)
    assert isinstance(caught.value, BadRequest)
    assert str(caught.value).count(".") == 1


@pytest.mark.parametrize("shape", ["ellipse", "rounded_rectangle"])
def test_a_cut_out_may_be_cropped_to_its_object(registry, shape):
    cut = Image.new("RGBA", (200, 120))
    draw = ImageDraw.Draw(cut)
    if shape == "ellipse":
        draw.ellipse((0, 0, 199, 119), "teal")
    else:
        draw.rounded_rectangle((0, 0, 199, 119), 40, "teal")
    assert cut_out(cut, registry).getchannel("A").getbbox() == (0, 0, 200, 120)


def test_an_object_that_is_not_whole_gets_a_hint(registry):
    whole = picture((128, 128, 180)).convert("RGBA")
    whole.putalpha(whole.convert("L").point(lambda level: 255 * (level < 200)))
    with pytest.raises(TouchesBorders, match="shows it whole"):
        cut_out(whole, registry)


def test_the_load_is_told_and_missing_weights_are_named(registry, own_assets):
    registry.unload()
    events = []
    cut_out(picture((128, 128, 60)), registry, on_progress=events.append)
    last = events[-1]
    assert isinstance(last, Loading) and last.component == "foreground network"
    assert last.bytes_done == last.bytes_total > 0
    assert [entry.key.part for entry in registry.status().entries] == ["foreground"]
    (own_assets / "pocket/foreground/config.json").unlink()
    with pytest.raises(MissingFile, match=r"foreground/config\.json"):
        cut_out(picture((128, 128, 60)), Registry(Settings(assets=own_assets, device="cpu")))


def test_an_unknown_network_is_answered_with_the_known_ones(registry):
    with pytest.raises(BadRequest, match="choose pocket"):
        cut_out(picture((128, 128, 60)), registry, model="rembg")


PUBLISHED = Repository("someone/model")


def make(task, registry, drawn: Image.Image):
    """The result of a task for a picture, at little cost."""
    if task is multiview:
        request = multiview.MultiviewRequest(steps=1, windows=1)
    else:
        request = to_3d.To3DRequest(resolution=40, texture=False)
    return task.run(request, registry, picture=drawn)


@pytest.fixture
def published(monkeypatch):
    """The embedded models for views and solids, as if they were published ones."""
    for table in (catalogue.MULTIVIEW, catalogue.SOLIDS):
        monkeypatch.setitem(table, "pocket", replace(table["pocket"], repository=PUBLISHED))


@pytest.fixture
def rembg(registry, monkeypatch):
    """The part of rembg that is used, with a network that sees whatever is green."""
    registry.unload()  # of an earlier test's
    fake = ModuleType("rembg")
    fake.sessions = []

    def new_session(model_name="u2net", providers=None, *args, **kwargs):
        fake.sessions.append(model_name)
        return object()

    def remove(data, session=None, only_mask=False, **options):
        assert isinstance(data, Image.Image) and session is not None and only_mask
        return Image.eval(data.getchannel("G"), lambda level: 255 * (level > 90))

    fake.new_session, fake.remove = new_session, remove
    monkeypatch.setitem(sys.modules, "rembg", fake)
    return fake


def two_things() -> Image.Image:
    """A green one, and a red one that only rembg's stand-in leaves out."""
    drawn = Image.new("RGB", (300, 200), "black")
    draw = ImageDraw.Draw(drawn)
    draw.ellipse((20, 60, 100, 140), "maroon")
    draw.ellipse((180, 60, 260, 140), "lime")
    return drawn


@pytest.mark.parametrize("task", [multiview, to_3d])
def test_rembg_cuts_out_for_published_models(registry, published, rembg, task):
    drawn = two_things()
    box = make(task, registry, drawn).cutout.getchannel("A").getbbox()
    assert np.abs(np.subtract(box, (180, 60, 261, 141))).max() <= 3
    assert SMALL not in make(task, registry, drawn).notes
    assert rembg.sessions == ["u2net"]  # once for both


def test_rembg_s_network_is_told_and_counted_and_can_be_dropped(
    assets, published, rembg, monkeypatch, tmp_path
):
    monkeypatch.setenv("U2NET_HOME", "")  # so that it is as before in the end
    monkeypatch.delenv("U2NET_HOME")
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path))
    own, told = Registry(Settings(assets=assets, device="cpu")), []
    with own.lease_u2net(on_load=lambda *event: told.append(event)):
        assert own.status().bytes == u2net.BYTES
    assert told == [(u2net.TITLE, 0, 0)]
    assert os.environ["U2NET_HOME"] == str(tmp_path / "u2net")
    assert own.unload() == u2net.BYTES and own.status().entries == ()
    small = Registry(Settings(assets=assets, device="cpu", memory_budget=u2net.BYTES // 2))
    with pytest.raises(OutOfMemory), small.lease_u2net():
        pytest.fail("lent what does not fit")


@pytest.mark.parametrize("task", [multiview, to_3d])
def test_embedded_models_keep_their_own_network(registry, rembg, task):
    assert make(task, registry, picture((128, 128, 60))).cutout.getchannel("A").getbbox()
    assert rembg.sessions == []


@pytest.mark.parametrize("task", [multiview, to_3d])
def test_without_rembg_the_small_network_cuts_out_and_a_note_says_so(
    registry, published, monkeypatch, task
):
    monkeypatch.setitem(sys.modules, "rembg", None)
    assert SMALL in make(task, registry, picture((128, 128, 60))).notes
    cut = picture((128, 128, 60)).convert("RGBA")
    cut.putalpha(Image.eval(cut.convert("L"), lambda level: 255 * (level < 200)))
    assert SMALL not in make(task, registry, cut).notes  # it was cut out already


def test_rembg_without_its_engine_ends_no_run(registry, published, monkeypatch, tmp_path):
    (tmp_path / "rembg.py").write_text("raise SystemExit(1)")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "rembg", raising=False)
    assert SMALL in make(to_3d, registry, picture((128, 128, 60))).notes


def test_rembg_is_left_alone_offline_and_a_failed_fetch_is_explained(
    registry, assets, published, rembg
):
    def new_session(*args, **kwargs):
        raise ConnectionError("no route to host")

    rembg.new_session = new_session
    with pytest.raises(LoadError, match="could not fetch U²-Net"):
        make(to_3d, registry, picture((128, 128, 60)))
    offline = Registry(Settings(assets=assets, device="cpu", offline=True))
    assert SMALL in make(to_3d, offline, picture((128, 128, 60))).notes
