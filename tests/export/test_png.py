"""A PNG brings its request back; a file that cannot is answered with one sentence."""

import json
import struct
import tomllib
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from perflow_demo.errors import BadRequest
from perflow_demo.export import png
from perflow_demo.export.recipes import request_of
from perflow_demo.tasks.contract import VERSION, BadRecipe
from perflow_demo.tasks.multiview import MultiviewRequest
from perflow_demo.tasks.refine import RefineRequest
from perflow_demo.tasks.table import REQUESTS
from perflow_demo.tasks.text_to_image import TextToImageRequest
from perflow_demo.tasks.to_3d import To3DRequest

PICTURE = Image.new("RGB", (64, 48), "orange")
REQUEST = TextToImageRequest(
    prompt="ein Hund mit Brille, 犬 🐕\nand a “cap”",
    negative_prompt="blur",
    style="cel",
    steps=8,
    guidance_scale=4.5,
    size=320,
    seed=42,
    windows=4,
)


def with_text(**entries: str) -> bytes:
    """A PNG that holds these texts."""
    info = PngImagePlugin.PngInfo()
    for key, text in entries.items():
        info.add_itxt(key, text)
    file = BytesIO()
    PICTURE.save(file, "PNG", pnginfo=info)
    return file.getvalue()


def with_recipe(**changes) -> bytes:
    """A PNG whose recipe differs from a good one."""
    recipe = json.loads(Image.open(BytesIO(png.encode(PICTURE, REQUEST))).info["perflow"])
    return with_text(perflow=json.dumps(recipe | changes))


def with_request(**changes) -> bytes:
    return with_recipe(request=REQUEST.model_dump() | changes)


@pytest.mark.parametrize(
    ("request_", "name", "before"),
    [
        (MultiviewRequest(prompt="a dog", seed=1, variety=0.4), "variety", 1.0),
        (To3DRequest(prompt="a dog", seed=1), "details", False),
    ],
)
def test_a_recipe_that_is_older_than_a_setting_means_what_was_done_then(request_, name, before):
    recipe = request_.recipe()
    assert request_of(recipe, type(request_)) == request_
    del recipe["request"][name]
    assert getattr(request_of(recipe, type(request_)), name) == before


def in_format(name: str) -> bytes:
    file = BytesIO()
    PICTURE.save(file, name)
    return file.getvalue()


@pytest.mark.parametrize(
    ("made", "drawing"),
    [
        (REQUEST, REQUEST),
        (RefineRequest(source=REQUEST, to=768), REQUEST),
        (MultiviewRequest(source=REQUEST, seed=7), REQUEST),
        (
            MultiviewRequest(prompt="a dog", style="cel", seed=7, drawing_seed=3),
            TextToImageRequest(prompt="a dog", style="cel", seed=3),
        ),
        (MultiviewRequest(seed=7), None),
    ],
)
def test_what_drew_a_picture_is_known_whatever_was_made_of_it_since(made, drawing):
    assert png.find_drawing(png.encode(PICTURE, made), REQUESTS) == drawing


@pytest.mark.parametrize(
    "content", [b"", with_text(), with_text(perflow="[1]"), with_request(steps=0)]
)
def test_a_file_that_does_not_tell_what_drew_it_is_no_fault(content):
    assert png.find_drawing(content, REQUESTS) is None


def header_only(width: int, height: int) -> bytes:
    """A tiny PNG that claims to be large."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    blocks = (header, b"IDAT" + zlib.compress(b"0"), b"IEND")
    chunks = (struct.pack(">I", len(b) - 4) + b + struct.pack(">I", zlib.crc32(b)) for b in blocks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_the_request_comes_back_from_bytes_and_from_a_file(tmp_path):
    content = png.encode(PICTURE, REQUEST)
    (tmp_path / "dog.png").write_bytes(content)
    assert png.read_recipe(content, TextToImageRequest) == REQUEST
    assert png.read_recipe(tmp_path / "dog.png", TextToImageRequest) == REQUEST
    assert png.read_recipe(str(tmp_path / "dog.png"), TextToImageRequest) == REQUEST


def test_the_picture_is_kept_as_it_is():
    opened = Image.open(BytesIO(png.encode(PICTURE, REQUEST)))
    assert opened.tobytes() == PICTURE.tobytes()


@given(
    prompt=st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda s: s.strip()),
    seed=st.integers(-1, 2**32 - 1),
    guidance_scale=st.floats(1, 20),
)
def test_any_request_comes_back(prompt, seed, guidance_scale):
    request = TextToImageRequest(prompt=prompt, seed=seed, guidance_scale=guidance_scale)
    assert png.read_recipe(png.encode(PICTURE, request), TextToImageRequest) == request


def test_other_programs_find_their_parameters():
    text = Image.open(BytesIO(png.encode(PICTURE, REQUEST))).info["parameters"]
    assert text == (
        f"{REQUEST.prompt}\nNegative prompt: blur\n"
        "Steps: 8, Sampler: PeRFlow, CFG scale: 4.5, Seed: 42, Size: 320x320, Model: pocket cel"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no intact"),
        (b"a text, no picture", "no intact"),
        (png.encode(PICTURE, REQUEST)[:-60], "no intact"),
        (png.encode(PICTURE, REQUEST).replace(b"cel", b"cel "), "no intact"),
        (header_only(5000, 5000), "million pixels"),
        (header_only(60_000, 60_000), "million pixels"),
        (bytes(png.MAX_BYTES + 1), "larger than 32 MB"),
        (with_text(parameters="a dog"), "no recipe"),
        (in_format("JPEG"), "no recipe"),
        (with_recipe(format=2), "newer version"),
        (with_recipe(format=True), "damaged"),
        (with_recipe(format=None), "damaged"),
        (with_recipe(task="to_3d"), "another task than text_to_image"),
        (with_recipe(request=None), "damaged"),
        (with_text(perflow="{"), "damaged"),
        (with_text(perflow="[]"), "damaged"),
        (with_text(perflow="[" * 60_000), "damaged"),
        (with_text(perflow="9" * 60_000), "damaged"),
        (with_text(perflow=" " * 70_000), "damaged"),
        (with_request(prompt=""), "damaged: Prompt is empty"),
        (with_request(steps=1000), "damaged: Steps"),
        (with_request(guidance_scale=float("nan")), "damaged: Guidance"),
        (with_request(shell="rm"), "damaged: There is no setting 'shell'"),
    ],
)
def test_what_cannot_be_used_is_answered_with_one_sentence(content, words):
    with pytest.raises(BadRecipe) as caught:
        png.read_recipe(content, TextToImageRequest)
    assert words in str(caught.value)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, BadRequest)


def test_text_that_unpacks_to_far_more_than_it_is_does_no_harm():
    info = PngImagePlugin.PngInfo()
    info.add_itxt("perflow", " " * 2 * 2**20, zip=True)
    file = BytesIO()
    PICTURE.save(file, "PNG", pnginfo=info)
    with pytest.raises(BadRecipe):
        png.read_recipe(file.getvalue(), TextToImageRequest)


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(BadRecipe, match=r"^gone\.png cannot be read"):
        png.read_recipe(tmp_path / "gone.png", TextToImageRequest)


def test_the_version_in_recipes_is_the_project_s():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION
