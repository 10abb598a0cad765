"""The files of six views: their names, their recipe, and cameras that say where views come from."""

import json
import zipfile
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from perflow_demo.export.png import read_recipe
from perflow_demo.export.views import LINE, cameras, files, sheet, zipped
from perflow_demo.geometry.views import AZIMUTHS, VIEWS
from perflow_demo.tasks.multiview import MultiviewRequest

SIZE = 64
NORMALS = [Image.new("RGB", (SIZE, SIZE), (10 * n, 0, 200)) for n in range(6)]
COLOURS = [Image.new("RGB", (SIZE, SIZE), (0, 10 * n, 50)) for n in range(6)]
REQUEST = MultiviewRequest(prompt="a red dog", seed=4, steps=4, guidance_scale=1.5)


@pytest.fixture(scope="module")
def made():
    cutout = Image.new("RGBA", (SIZE, SIZE), (1, 2, 3, 128))
    return files(REQUEST, Image.new("RGB", (SIZE, SIZE)), cutout, NORMALS, COLOURS)


def test_all_files_are_there(made):
    pages = {f"{domain}_{view}.png" for domain in ("normals", "colours") for view in VIEWS}
    assert set(made) == pages | {"picture.png", "cutout.png", "sheet.png", "cameras.json"}
    found = Image.open(BytesIO(made["normals_right.png"]))
    assert found.getpixel((5, 5)) == (10 * VIEWS.index("right"), 0, 200)
    assert Image.open(BytesIO(made["cutout.png"])).getpixel((5, 5)) == (1, 2, 3, 128)


def test_every_picture_carries_the_request(made):
    for name, content in made.items():
        if name.endswith(".png"):
            assert read_recipe(content, MultiviewRequest) == REQUEST


def test_the_sheet_is_labelled_and_in_order():
    page = np.asarray(sheet(NORMALS, COLOURS))
    assert page.shape == (2 * (SIZE + LINE), 6 * SIZE, 3)
    for column in range(6):
        middle = column * SIZE + SIZE // 2
        assert tuple(page[SIZE // 2, middle]) == (10 * column, 0, 200)
        assert tuple(page[SIZE + LINE + SIZE // 2, middle]) == (0, 10 * column, 50)
        for top in (SIZE, 2 * SIZE + LINE):
            label = page[top : top + LINE, column * SIZE : (column + 1) * SIZE]
            assert (label < 128).any()


def test_the_zip_holds_the_files_and_is_repeatable(made):
    archive = zipped(made)
    assert zipped(dict(made)) == archive
    with zipfile.ZipFile(BytesIO(archive)) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == made


def test_cameras_look_at_the_origin_from_where_they_say():
    told = json.loads(cameras(SIZE))
    assert (told["size"], told["projection"]) == (SIZE, "orthographic")
    assert [row["view"] for row in told["views"]] == list(VIEWS)
    assert [row["azimuth"] for row in told["views"]] == list(AZIMUTHS)
    for row in told["views"]:
        matrix = np.array(row["world_to_camera"])
        np.testing.assert_allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-8)
        assert matrix @ (0, 0, 0, 1) == pytest.approx((0, 0, -2, 1))  # ahead, behind the page
        angle = np.radians(row["azimuth"])
        eye = 2 * np.array([np.sin(angle), 0, np.cos(angle)])
        assert matrix @ (*eye, 1) == pytest.approx((0, 0, 0, 1), abs=1e-8)
        assert matrix @ (0, 1, 0, 1) == pytest.approx((0, 1, -2, 1))
    # By the formula of the convention, +X is on the right half of the front view.
    front = np.array(told["views"][0]["world_to_camera"])
    x, *_ = front @ (0.5, 0, 0, 1)
    assert (x / told["views"][0]["half_height"] + 1) * SIZE / 2 == pytest.approx(0.75 * SIZE)
