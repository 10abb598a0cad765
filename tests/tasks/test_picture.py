"""Pictures that somebody chose: whole ones are opened, all others refused in a sentence."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from perflow_demo.errors import BadRequest
from perflow_demo.tasks import picture
from perflow_demo.tasks.picture import open_picture


@pytest.mark.parametrize(
    ("name", "mode", "opened"),
    [
        ("a.png", "RGB", "RGB"),
        ("a.png", "RGBA", "RGBA"),
        ("a.png", "L", "RGB"),
        ("a.jpg", "RGB", "RGB"),
        ("a.webp", "RGBA", "RGBA"),
        ("a.avif", "RGBA", "RGBA"),
    ],
)
def test_formats_and_modes(tmp_path, name, mode, opened):
    made = Image.new(mode, (8, 6), 128 if mode == "L" else (200, 40, 40, 90)[: len(mode)])
    made.save(tmp_path / name)
    found = open_picture(tmp_path / name)
    assert (found.mode, found.size) == (opened, (8, 6))
    if name.endswith("png"):
        assert np.array_equal(np.asarray(found), np.asarray(made.convert(opened)))


def test_what_is_no_picture_is_refused(tmp_path, monkeypatch):
    whole = tmp_path / "whole.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(whole)
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:2000])
    (tmp_path / "text.png").write_text("a dog")
    Image.new("RGB", (8, 8)).save(tmp_path / "a.gif")
    for name in ("cut.png", "text.png", "a.gif"):
        with pytest.raises(BadRequest, match=f"{name} is no intact PNG, JPEG, WebP or AVIF"):
            open_picture(tmp_path / name)
    with pytest.raises(BadRequest, match=r"^There is no file nothing\.png;"):
        open_picture(tmp_path / "nothing.png")
    monkeypatch.setattr(picture, "MAX_PIXELS", 64 * 63)
    with pytest.raises(BadRequest, match="million pixels"):
        open_picture(whole)


def test_a_chunk_that_is_too_short_is_damage(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "short.png")
    whole = (tmp_path / "short.png").read_bytes()
    chunk = b"gAMA\0"
    chunk = (1).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    end = whole.index(b"IEND") - 4
    (tmp_path / "short.png").write_bytes(whole[:end] + chunk + whole[end:])
    with pytest.raises(BadRequest, match="no intact PNG"):
        open_picture(tmp_path / "short.png")


def test_sixteen_bits_become_eight(tmp_path):
    grey = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(8, 8)
    Image.fromarray(grey).save(tmp_path / "deep.png")
    found = np.asarray(open_picture(tmp_path / "deep.png"))
    assert np.abs(found.astype(int) - grey[..., None] / 257).max() <= 1


def test_inks_become_light(tmp_path):
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "ink.jpg", quality=100)
    red, green, blue = open_picture(tmp_path / "ink.jpg").getpixel((4, 4))
    assert red > 200 and max(green, blue) < 60


def test_a_turned_photograph_stands_upright(tmp_path):
    photograph = Image.new("RGB", (8, 4), "white")
    photograph.paste("black", (0, 0, 4, 4))
    turned = Image.Exif()
    turned[274] = 6  # the camera was turned by a quarter
    photograph.save(tmp_path / "turned.png", exif=turned)
    found = open_picture(tmp_path / "turned.png")
    assert found.size == (4, 8)
    assert found.getpixel((1, 1)) == (0, 0, 0) and found.getpixel((1, 6)) == (255, 255, 255)


def wide_gamut() -> bytes:
    """A profile whose red and green are further out than those of sRGB, as that of phones is."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for name, xyz in {b"rXYZ": (0.515, 0.241, -0.001), b"gXYZ": (0.292, 0.692, 0.042)}.items():
        entry = profile.index(name)
        place = int.from_bytes(profile[entry + 4 : entry + 8], "big") + 8
        profile[place : place + 12] = struct.pack(">3i", *(round(v * 65536) for v in xyz))
    return bytes(profile)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colours_of_a_profile_of_its_own_are_seen_as_they_were_meant(tmp_path, mode):
    made = Image.new(mode, (8, 8), (60, 200, 60, 90)[: len(mode)])
    made.save(tmp_path / "wide.png", icc_profile=wide_gamut())
    found = open_picture(tmp_path / "wide.png")
    red, green, blue, *alpha = found.getpixel((4, 4))
    assert green > 195 and red < 30  # a stronger green than sRGB's of these numbers
    assert found.mode == mode and alpha == [90][: len(mode) - 3]


@pytest.mark.parametrize("profile", [b"no profile", "LAB"])
def test_a_profile_that_does_not_fit_is_passed_over(tmp_path, profile):
    if profile == "LAB":
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    Image.new("RGB", (8, 8), "teal").save(tmp_path / "odd.png", icc_profile=profile)
    assert open_picture(tmp_path / "odd.png").getpixel((4, 4)) == (0, 128, 128)


@pytest.mark.parametrize("name", ["moving.png", "moving.webp", "moving.avif"])
def test_an_animated_picture_is_refused(tmp_path, name):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    with pytest.raises(BadRequest, match="animated; choose a still picture"):
        open_picture(tmp_path / name)


def test_of_a_photo_with_a_second_picture_inside_the_photo_is_taken(tmp_path):
    """Many cameras write such JPEGs (MPO)."""
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "photo.jpg", "MPO", save_all=True, append_images=frames[1:])
    red, _, blue = open_picture(tmp_path / "photo.jpg").getpixel((4, 4))
    assert red > 200 and blue < 50


@pytest.mark.parametrize(("side", "words"), [(6400, "more than 40.0 million"), (20000, "far too")])
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, side, words):
    Image.new("L", (64, 64)).save(tmp_path / "bomb.png")
    content = bytearray((tmp_path / "bomb.png").read_bytes())
    content[16:24] = side.to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    (tmp_path / "bomb.png").write_bytes(content)
    with pytest.raises(BadRequest, match=words):
        open_picture(tmp_path / "bomb.png")
