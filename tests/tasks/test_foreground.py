"""One object is cut out of a picture of any kind, or a sentence says why it cannot be."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from perflow_demo.errors import BadRequest, MissingFile
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from perflow_demo.tasks.contract import Loading
from perflow_demo.tasks.foreground import (
    NothingFound,
    SeveralObjects,
    TouchesBorders,
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
