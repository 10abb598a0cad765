"""Mesh files are valid, hold what was put in, and read back with the right colours."""

import io
import json
import os
import shutil
import subprocess
import zipfile

import numpy as np
import pytest
import trimesh

from perflow_demo.export import glb
from perflow_demo.geometry.mesh import Mesh
from perflow_demo.geometry.unwrap import bake, unwrap
from perflow_demo.tasks.contract import BadRecipe, BadRequest
from perflow_demo.tasks.to_3d import To3DRequest

REQUEST = To3DRequest(prompt="ein Würfel → 立方体", seed=7)
VALIDATOR = "gltf-validator@2.0.0-dev.3.10"
VALIDATE = """
const fs = require('fs'), validator = require('gltf-validator');
for (const file of process.argv.slice(1))
  validator.validateBytes(new Uint8Array(fs.readFileSync(file)))
    .then(report => console.log(JSON.stringify([file, report.issues])));
"""


def colours(points):
    return np.clip((points + 1) / 2, 0, 1)


def plain():
    shape = trimesh.creation.icosphere(2)
    return Mesh(shape.vertices, shape.faces)


def coloured():
    return Mesh(plain().vertices, plain().faces, colours(plain().vertices))


def textured():
    return bake(unwrap(coloured(), 64), colours, 64)


def degenerate():
    """With a face without area, whose corners have no normal."""
    extra = np.full((3, 3), 0.5) + np.arange(3)[:, None] * 0.1
    mesh = plain()
    return Mesh(
        np.concatenate([mesh.vertices, extra]),
        np.concatenate([mesh.faces, np.arange(3)[None] + len(mesh.vertices)]),
    )


MESHES = {"plain": plain, "coloured": coloured, "textured": textured, "degenerate": degenerate}


def tree(content):
    return json.loads(content[20 : 20 + int.from_bytes(content[12:16], "little")])


@pytest.fixture(scope="session")
def validator(tmp_path_factory):
    """A folder in which node finds the Khronos validator."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("validator")
    install = subprocess.run(
        ["npm", "install", "--silent", "--no-audit", "--no-fund", VALIDATOR],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "npm_config_fetch_retries": "0"},
    )
    if install.returncode:
        pytest.skip(f"the Khronos validator cannot be fetched: {install.stderr[-200:]}")
    return folder


def test_the_khronos_validator_finds_no_fault(validator):
    for name, make in MESHES.items():
        (validator / f"{name}.glb").write_bytes(glb.encode(make(), "glb", REQUEST.recipe()))
    files = [f"{name}.glb" for name in MESHES]
    run = subprocess.run(
        ["node", "-e", VALIDATE, *files], cwd=validator, capture_output=True, text=True, check=True
    )
    reports = dict(json.loads(line) for line in run.stdout.splitlines())
    assert sorted(reports) == sorted(files)
    for file, issues in reports.items():
        assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), (file, issues["messages"])


@pytest.mark.parametrize("name", MESHES)
def test_a_glb_keeps_shape_and_recipe(name):
    mesh = MESHES[name]()
    content = glb.encode(mesh, "glb", REQUEST.recipe())
    again = trimesh.load_mesh(io.BytesIO(content), file_type="glb", process=False)
    assert np.allclose(again.vertices, mesh.vertices, atol=1e-6)
    assert np.array_equal(again.faces, mesh.faces)
    assert glb.read_recipe(content, To3DRequest) == REQUEST


def test_vertex_colours_are_linear_light():
    content = glb.encode(coloured(), "glb")
    header = tree(content)
    accessor = header["accessors"][header["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"]]
    view = header["bufferViews"][accessor["bufferView"]]
    start = 28 + int.from_bytes(content[12:16], "little") + view.get("byteOffset", 0)
    stored = np.frombuffer(content, np.float32, 3 * accessor["count"], start).reshape(-1, 3)
    srgb = np.where(stored <= 0.0031308, stored * 12.92, 1.055 * stored ** (1 / 2.4) - 0.055)
    assert np.allclose(srgb, coloured().colors, atol=1e-4)


def test_a_texture_is_stored_as_it_is_and_nothing_shines():
    mesh = textured()
    content = glb.encode(mesh, "glb")
    again = trimesh.load_mesh(io.BytesIO(content), file_type="glb", process=False)
    assert np.array_equal(np.asarray(again.visual.material.baseColorTexture)[..., :3], mesh.texture)
    assert np.allclose(again.visual.uv, mesh.uv, atol=1e-6)
    assert "COLOR_0" not in tree(content)["meshes"][0]["primitives"][0]["attributes"]
    material = tree(content)["materials"][0]["pbrMetallicRoughness"]
    assert material["metallicFactor"] == 0


@pytest.mark.parametrize("extension", ["obj", "ply"])
def test_other_formats_keep_srgb_colours(extension):
    mesh = coloured()
    content = glb.encode(mesh, extension)
    again = trimesh.load_mesh(io.BytesIO(content), file_type=extension, process=False)
    assert np.allclose(again.vertices, mesh.vertices, atol=1e-5)
    assert np.allclose(again.visual.vertex_colors[:, :3] / 255, mesh.colors, atol=0.01)


def test_a_textured_obj_comes_with_its_files():
    with zipfile.ZipFile(io.BytesIO(glb.encode(textured(), "obj"))) as archive:
        names = archive.namelist()
        text = archive.read("model.obj").decode()
        material = archive.read("model.mtl").decode()
    picture = next(line.split()[1] for line in material.splitlines() if "map_Kd" in line)
    assert picture in names
    assert "mtllib model.mtl" in text
    assert "\nvt " in text


def test_an_stl_can_be_printed():
    again = trimesh.load_mesh(io.BytesIO(glb.encode(plain(), "stl")), file_type="stl")
    assert again.is_watertight
    assert again.volume == pytest.approx(plain().shape().volume, rel=1e-4)


def test_what_cannot_be_written_is_refused():
    with pytest.raises(BadRequest, match="glb, obj, ply, stl"):
        glb.encode(plain(), "fbx")
    with pytest.raises(BadRequest, match="no surface"):
        glb.encode(Mesh(np.empty((0, 3)), np.empty((0, 3), int)), "glb")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no intact GLB"),
        (b"glTF", "no intact GLB"),
        (b"\x00" * 40, "no intact GLB"),
        (glb.encode(plain(), "glb", REQUEST.recipe())[:200], "no intact GLB"),
        (glb.encode(plain(), "glb"), "no recipe"),
        (glb.encode(plain(), "glb", {"format": 1, "task": "lab"}), "another task than to_3d"),
        (glb.encode(plain(), "glb", REQUEST.recipe() | {"request": {"ratio": 9}}), "Foreground"),
    ],
)
def test_what_holds_no_recipe_of_a_mesh_is_refused_in_a_sentence(content, words):
    with pytest.raises(BadRecipe, match=words):
        glb.read_recipe(content, To3DRequest)
