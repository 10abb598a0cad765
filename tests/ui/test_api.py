"""The app's API, as programs use it."""

import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
import trimesh
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image, ImageDraw

from perflow_demo.export.png import read_recipe
from perflow_demo.tasks.multiview import MultiviewRequest
from perflow_demo.tasks.refine import RefineRequest
from perflow_demo.tasks.text_to_image import TextToImageRequest
from perflow_demo.tasks.to_3d import To3DRequest

VISITORS = 20
# A busy machine may be slow to answer; the client's own patience is five seconds.
PATIENT = {"verbose": False, "httpx_kwargs": {"timeout": 60}}


@pytest.fixture
def client(app, tmp_path):
    return Client(app.url, download_files=tmp_path, **PATIENT)


def test_pictures_come_with_their_recipe(client):
    files, recipe = client.predict(
        "a red car", count=2, seed=7, size=256, api_name="/text_to_image"
    )
    assert [read_recipe(file, TextToImageRequest).seed for file in files] == [7, 8]
    assert recipe["prompt"] == "a red car"
    assert (recipe["steps"], recipe["guidance_scale"], recipe["family"]) == (4, 4.5, "pocket")
    assert recipe["notes"] == []


def test_a_job_can_be_cancelled(app, client):
    job = client.submit("a red car", steps=50, count=8, api_name="/text_to_image")
    while not job.outputs():
        time.sleep(0.05)
    assert job.cancel()
    deadline = time.monotonic() + 20
    while any(entry.leases for entry in app.registry.status().entries):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert job.outputs()[-1] == ([], {})  # it did not get to its end


def test_the_endpoint_takes_the_fields_of_the_request(client):
    parameters = client.view_api(return_format="dict")["named_endpoints"]["/text_to_image"]
    names = [parameter["parameter_name"] for parameter in parameters["parameters"]]
    assert names == list(TextToImageRequest.model_fields)
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert list(endpoints) == ["/text_to_image", "/refine", "/multiview", "/to_3d"]
    for request in (RefineRequest, MultiviewRequest, To3DRequest):
        parameters = endpoints[f"/{request.task}"]["parameters"]
        names = [parameter["parameter_name"] for parameter in parameters]
        assert names == [*request.controls(), "picture"]
        assert not {"parent", "source"} & set(names)


def test_views_come_as_one_zip_with_their_recipe(client):
    (file,), recipe = client.predict("a red car", seed=7, api_name="/multiview")
    with zipfile.ZipFile(file) as archive:
        assert len(archive.namelist()) == 12 + 4
        assert read_recipe(archive.read("sheet.png"), MultiviewRequest).seed == 7
    assert (recipe["prompt"], recipe["steps"], recipe["drawing_seed"]) == ("a red car", 4, 7)


def test_a_picture_of_ones_own_is_refined_and_made_solid(client, tmp_path):
    (drawn,), _ = client.predict("a red car", seed=7, size=256, api_name="/text_to_image")
    (refined,), recipe = client.predict(
        to=768, seed=3, picture=handle_file(drawn), api_name="/refine"
    )
    assert Image.open(refined).size == (768, 768)
    assert (recipe["source"]["seed"], recipe["prompt"]) == (7, "a red car")
    disc = Image.new("RGB", (96, 96), "white")
    ImageDraw.Draw(disc).ellipse((20, 20, 76, 76), "teal")
    disc.save(tmp_path / "disc.png")
    (solid,), recipe = client.predict(
        resolution=40, picture=handle_file(tmp_path / "disc.png"), api_name="/to_3d"
    )
    assert trimesh.load(solid, force="mesh").faces.size > 0 and recipe["parent"]


def test_a_path_that_was_not_uploaded_is_not_opened(client, tmp_path):
    Image.new("RGB", (64, 64)).save(tmp_path / "secret.png")
    for path in (str(tmp_path / "secret.png"), "/etc/passwd", None):
        with pytest.raises(AppError, match="uploaded file"):
            client.predict(picture={"path": path}, api_name="/refine")


def test_what_is_no_prompt_is_answered_by_a_sentence(client):
    with pytest.raises(AppError, match="give a picture"):
        client.predict(" ", api_name="/multiview")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"prompt": "  "}, "Prompt is empty"),
        ({"prompt": "a dog", "steps": 900}, "Steps has to be a whole number from 1 to 50"),
        ({"prompt": "a dog", "size": 300}, "Size has to be 256"),
        ({"prompt": "a dog", "style": "baroque"}, "no style 'baroque'"),
    ],
)
def test_what_cannot_be_is_answered_by_a_sentence(client, values, sentence):
    with pytest.raises(AppError, match=sentence):
        client.predict(**values, api_name="/text_to_image")


def test_twenty_visitors_at_once_all_get_their_picture(app, tmp_path):
    def visit(seed: int) -> int:
        client = Client(app.url, download_files=tmp_path / str(seed), **PATIENT)
        files, _ = client.predict("a cat", seed=seed, size=256, api_name="/text_to_image")
        return read_recipe(files[0], TextToImageRequest).seed

    with ThreadPoolExecutor(VISITORS) as pool:
        assert list(pool.map(visit, range(VISITORS))) == list(range(VISITORS))
