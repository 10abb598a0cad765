"""The command `3d` writes meshes of prompts and pictures, and a turntable."""

import json
from zipfile import ZipFile

import pytest
import trimesh
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from perflow_demo.cli import program
from perflow_demo.export import glb, png
from perflow_demo.tasks.text_to_image import TextToImageRequest
from perflow_demo.tasks.to_3d import To3DRequest, digest


@pytest.fixture
def call(assets, monkeypatch):
    monkeypatch.setenv("PERFLOW_ASSETS", str(assets))
    monkeypatch.setenv("PERFLOW_DEVICE", "cpu")
    return lambda *words: CliRunner().invoke(program, ["3d", *map(str, words)])


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "disc.png"
    drawn = Image.new("RGB", (96, 96), "white")
    ImageDraw.Draw(drawn).ellipse((20, 20, 76, 76), "teal")
    drawn.save(path)
    return path


def test_a_picture_becomes_a_textured_glb_with_its_recipe_and_a_turntable(call, picture, tmp_path):
    out, turn = tmp_path / "ball.glb", tmp_path / "ball.webp"
    words = ["--image", picture, "--resolution", 40, "--faces", 400, "--turntable", turn]
    result = call(*words, "-o", out)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{out}\n{turn}\n"
    assert "stage 4 of 5: Surface" in result.stderr and "watertight" in result.stderr
    mesh = trimesh.load_mesh(out)
    assert 300 < len(mesh.faces) <= 420 and mesh.visual.material.baseColorTexture is not None
    request = glb.read_recipe(out, To3DRequest)
    assert (request.resolution, request.faces, request.texture) == (40, 400, True)
    assert request.details
    assert request.parent == digest(Image.open(picture).convert("RGB"))
    with Image.open(turn) as frames:
        assert frames.n_frames == 36 and frames.size == (320, 320)


def test_a_drawn_picture_s_recipe_is_kept_in_the_mesh(call, picture, tmp_path):
    drawing = TextToImageRequest(prompt="a teal ball", seed=5)
    (tmp_path / "drawn.png").write_bytes(png.encode(Image.open(picture), drawing))
    words = ["--image", tmp_path / "drawn.png", "--vertex-colors", "--resolution", 40]
    result = call(*words, "--no-details", "-o", tmp_path / "ball.glb")
    assert result.exit_code == 0, result.stderr
    request = glb.read_recipe(tmp_path / "ball.glb", To3DRequest)
    assert request.source == drawing and not request.details


@pytest.mark.parametrize("name", ["ball.obj", "ball.ply", "ball.stl", "ball.STL"])
def test_other_formats_carry_no_texture_unless_asked(call, picture, tmp_path, name):
    result = call("--image", picture, "--resolution", 40, "-o", tmp_path / name)
    assert result.exit_code == 0, result.stderr
    mesh = trimesh.load_mesh(tmp_path / name)
    assert mesh.is_watertight and len(mesh.faces) > 500


def test_a_textured_obj_is_an_archive(call, picture, tmp_path):
    out = tmp_path / "ball.obj"
    words = ["--texture", "--resolution", 40, "--faces", 300]
    result = call("--image", picture, *words, "-o", out)
    assert result.stdout == f"{tmp_path / 'ball.zip'}\n" and not out.exists()
    assert "model.obj" in ZipFile(tmp_path / "ball.zip").namelist()


def test_a_prompt_becomes_a_mesh_in_vertex_colours(call, tmp_path):
    out = tmp_path / "dog.glb"
    words = ["--vertex-colors", "--print-ready", "--resolution", 40, "--seed", 7]
    result = call("a red dog", *words, "-o", out)
    assert result.exit_code == 0, result.stderr
    assert result.stderr.splitlines()[-1].startswith("seed 7 · ")
    content = out.read_bytes()
    length = int.from_bytes(content[12:16], "little")
    tree = json.loads(content[20 : 20 + length])
    assert "COLOR_0" in tree["meshes"][0]["primitives"][0]["attributes"]
    request = glb.read_recipe(content, To3DRequest)
    assert (request.prompt, request.seed, request.print_ready) == ("a red dog", 7, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "neither a prompt nor a picture"),
        (["a dog", "-o", "{}/dog.png"], "has to end in one of .glb, .obj, .ply, .stl"),
        (["a dog", "-o", "{}/no/dog.glb"], "There is no folder"),
        (["a dog", "--turntable", "{}/dog.mp4"], "one of .webp, .gif"),
        (["--image", "{}/nothing.png"], "There is no file"),
        (["--image", "{}/text.png"], "no intact PNG, JPEG, WebP or AVIF"),
        (["a dog", "--resolution", "2000"], "Resolution has to be a whole number from 32 to 1024"),
    ],
)
def test_a_failure_is_one_line_and_exit_code_2(call, tmp_path, words, message):
    (tmp_path / "text.png").write_text("not a picture")
    words = [word.format(tmp_path) for word in words]
    output = [] if "-o" in words else ["-o", tmp_path / "dog.glb"]
    result = call(*words, *output)
    assert result.exit_code == 2
    assert message in result.stderr and len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.glob("*.glb"))


def test_help_names_every_setting_but_what_a_run_fills_in(call):
    text = call("--help").stdout
    for name in ("--image", "--resolution", "--vertex-colors", "--faces", "--print-ready"):
        assert name in text
    assert "--turntable" in text and "--parent" not in text
