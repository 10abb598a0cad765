"""The command `refine` makes a picture larger, and its file says how."""

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from perflow_demo.cli import program
from perflow_demo.export import png
from perflow_demo.tasks.picture import digest, open_picture
from perflow_demo.tasks.refine import RefineRequest


@pytest.fixture
def call(assets, monkeypatch):
    monkeypatch.setenv("PERFLOW_ASSETS", str(assets))
    monkeypatch.setenv("PERFLOW_DEVICE", "cpu")
    return lambda *words: CliRunner().invoke(program, [str(word) for word in words])


@pytest.fixture
def teal(tmp_path):
    Image.new("RGB", (120, 90), "teal").save(tmp_path / "teal.jpg")
    return tmp_path / "teal.jpg"


def test_a_picture_becomes_a_larger_one_and_its_file_says_how(call, teal, tmp_path):
    out = tmp_path / "large.png"
    words = ["--to", 768, "--strength", "0.5", "--prompt", "a car", "--seed", 3, "--style", "cel"]
    result = call("refine", teal, *words, "-o", out)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{out}\n"
    assert Image.open(out).size == (1024, 768)
    assert "step 2 of 2" in result.stderr and "the last 2 of 4 steps made" in result.stderr
    assert result.stderr.splitlines()[-1].startswith(
        "1024 × 768 px · seed 3 · 2 of 4 steps · CFG 1"
    )
    recipe = png.read_recipe(out, RefineRequest)
    assert (recipe.to, recipe.strength, recipe.prompt, recipe.style) == (768, 0.5, "a car", "cel")
    assert recipe.parent == digest(open_picture(teal)) and recipe.source is None


def test_steps_are_as_many_as_asked_for_and_64_pixels_become_1024(call, tmp_path):
    Image.new("RGB", (64, 64), "teal").save(tmp_path / "small.png")
    words = ["--steps", 6, "--seed", 3]
    result = call("refine", tmp_path / "small.png", *words, "-o", tmp_path / "large.png")
    assert result.exit_code == 0, result.stderr
    assert "step 6 of 6" in result.stderr
    recipe = png.read_recipe(tmp_path / "large.png", RefineRequest)
    assert (recipe.steps, recipe.to) == (6, 1024)
    assert Image.open(tmp_path / "large.png").size == (1024, 1024)


def test_a_drawn_picture_is_refined_with_its_own_prompt(call, tmp_path):
    drawn, out = tmp_path / "drawn.png", tmp_path / "large.png"
    call("t2i", "a red dog", "--seed", 5, "--size", 256, "-o", drawn)
    result = call("refine", drawn, "--to", 768, "-o", out)
    assert result.exit_code == 0, result.stderr
    recipe = png.read_recipe(out, RefineRequest)
    assert (recipe.prompt, recipe.source.seed) == ("a red dog", 5)
    assert np.asarray(Image.open(out)).shape == (768, 768, 3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.png", "-o", "x.png"], "no file nothing.png"),
        (["text.png", "-o", "x.png"], "no intact PNG, JPEG, WebP or AVIF"),
        (["teal.jpg", "-o", "x.jpg"], "has to be a .png file"),
        (["teal.jpg", "--to", "800", "-o", "x.png"], "768 or 1024 or 1536 or 2048"),
        (["teal.jpg", "--strength", "2", "-o", "x.png"], "from 0.05 to 1"),
        (["large.png", "--to", "768", "-o", "x.png"], "1000 pixels already"),
        (["-o", "x.png"], "argument 'image'"),
    ],
)
def test_a_failure_is_one_line_and_exit_code_2(call, teal, words, message, monkeypatch):
    monkeypatch.chdir(teal.parent)
    (teal.parent / "text.png").write_text("not a picture")
    Image.new("RGB", (1000, 1000)).save("large.png")
    result = call("refine", *words)
    assert result.exit_code == 2
    assert message in result.stderr and len(result.stderr.splitlines()) == 1
    assert not list(teal.parent.glob("x.*"))
