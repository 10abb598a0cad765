"""The 3D tab in a real browser: Enter gives a mesh that is seen, and files to take away."""

import re
import zipfile
from base64 import b64encode

import numpy as np
import pytest
import trimesh
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from perflow_demo.export import glb
from perflow_demo.geometry.mesh import Mesh
from perflow_demo.tasks.to_3d import To3DRequest
from tests.ui.visitor import unfold

pytestmark = pytest.mark.browser
PATIENCE = 120_000


@pytest.fixture
def page(open_page) -> Page:
    page = open_page()
    page.get_by_role("tab", name="3D").click()
    page.wait_for_selector(".solid .prompt textarea")
    return page


@pytest.fixture
def disc(tmp_path):
    path = tmp_path / "disc.png"
    drawn = Image.new("RGB", (96, 96), "white")
    ImageDraw.Draw(drawn).ellipse((20, 20, 76, 76), "teal")
    drawn.save(path)
    return path


def done(page: Page) -> str:
    page.wait_for_selector(".stage[data-state=done]", timeout=PATIENCE)
    return page.locator(".solid .recipe").inner_text()


def test_a_picture_becomes_a_mesh_that_is_seen_and_can_be_taken_away(page, disc, tmp_path):
    page.locator(".solid .given input[type=file]").set_input_files(disc)
    expect(page.locator(".solid .given img")).to_be_visible()
    page.get_by_role("button", name="Make it 3D").click()
    assert re.match(r"[\d,]+ faces · watertight · [\d.]+ × ", done(page))
    canvas = page.locator(".viewer canvas")
    expect(canvas).to_be_visible(timeout=PATIENCE)
    page.wait_for_timeout(5000)
    canvas.screenshot(path=tmp_path / "seen.png")
    seen = Image.open(tmp_path / "seen.png").convert("RGB")
    width, height = seen.size
    middle = seen.crop((width // 3, height // 3, 2 * width // 3, 2 * height // 3))
    right, left = (
        seen.getpixel((width // 2 + side * width // 12, height // 2)) for side in (1, -1)
    )
    assert max(right) > 90 and max(left) > 90  # bright
    assert right[0] > right[2] and left[2] > left[0]  # red on the viewer's right: its front
    assert len(middle.getcolors(10**6)) > 50
    with page.expect_download() as download:
        page.get_by_role("link", name="GLB").click()
    download.value.save_as(tmp_path / "ball.glb")
    assert len(trimesh.load_mesh(tmp_path / "ball.glb").faces) > 100
    assert glb.read_recipe(tmp_path / "ball.glb", To3DRequest).parent
    past = page.get_by_role("button", name="Reopen: a picture of one’s own")
    expect(past).to_be_visible()
    page.get_by_label("Texture").uncheck()
    past.click()
    expect(page.get_by_label("Texture")).to_be_checked()
    expect(page.get_by_label("Keep").locator("visible=true")).not_to_be_checked()
    unfold(page, "Advanced")
    page.get_by_label("Faces").fill("7")
    page.get_by_label("Faces").press("Enter")
    expect(page.locator(".solid .said")).to_have_text(re.compile("Faces has to be"))
    expect(page.get_by_role("link", name="GLB")).to_be_visible()  # of the mesh that is still seen


def test_every_format_has_what_was_asked_for(page, disc, tmp_path):
    page.locator(".solid .given input[type=file]").set_input_files(disc)
    expect(page.locator(".solid .given img")).to_be_visible()
    page.get_by_label("Print-ready").check()
    unfold(page, "Advanced")
    ratio = page.get_by_label("number input for Foreground ratio").locator("visible=true")
    ratio.fill("0.6")
    ratio.blur()
    page.get_by_role("button", name="Make it 3D").click()
    assert "watertight" in done(page)
    files = {}
    for name in ("GLB", "OBJ", "PLY", "STL", "Turntable"):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).click()
        files[name] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[name])
    recipe = glb.read_recipe(files["GLB"], To3DRequest)
    assert (recipe.ratio, recipe.print_ready) == (0.6, True)
    with zipfile.ZipFile(files["OBJ"]) as bundle:
        bundle.extractall(tmp_path)
        (obj,) = (tmp_path / name for name in bundle.namelist() if name.endswith(".obj"))
    sizes = [trimesh.load_mesh(files[name]).extents for name in ("GLB", "PLY", "STL")]
    sizes.append(trimesh.load_mesh(obj).extents)
    assert np.allclose(sizes, sizes[0], rtol=0.01)
    assert trimesh.load_mesh(files["PLY"]).is_watertight
    with Image.open(files["Turntable"]) as turning:
        assert turning.n_frames > 10


def test_a_mesh_brings_its_settings_back(page, tmp_path):
    request = To3DRequest(prompt="a red dog", seed=7, resolution=64, print_ready=True, faces=500)
    ball = trimesh.creation.icosphere(1)
    mesh = Mesh(ball.vertices, ball.faces)
    (tmp_path / "dog.glb").write_bytes(glb.encode(mesh, "glb", request.recipe()))
    (tmp_path / "plain.glb").write_bytes(glb.encode(mesh, "glb"))
    chosen = page.locator(".solid:visible .set input[type=file]")
    chosen.set_input_files(tmp_path / "plain.glb")
    expect(page.get_by_text("carries no recipe")).to_be_visible()
    chosen.set_input_files(tmp_path / "dog.glb")
    expect(page.locator(".solid:visible .prompt textarea")).to_have_value("a red dog")
    expect(page.locator("input[aria-label=Seed]:visible")).to_have_value("7")
    expect(page.get_by_label("Print-ready")).to_be_checked()
    page.get_by_role("button", name="Advanced").click()
    expect(page.get_by_label("Faces")).to_have_value("500")
    expect(page.get_by_label("Resolution")).to_have_value("64")
    page.locator(".solid:visible .prompt textarea").fill("something else")
    page.evaluate(
        """(content) => {
            const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
            const files = new DataTransfer();
            files.items.add(new File([bytes], "dog.glb"));
            document.querySelector(".viewer").dispatchEvent(
                new DragEvent("drop", {dataTransfer: files, bubbles: true, cancelable: true}));
        }""",
        b64encode((tmp_path / "dog.glb").read_bytes()).decode(),
    )
    expect(page.locator(".solid:visible .prompt textarea")).to_have_value("a red dog")


def test_a_drawn_picture_can_be_made_solid_again_with_other_settings(page):
    prompt = page.locator(".solid .prompt textarea")
    prompt.fill("a red dog")
    prompt.press("Enter")
    line, link = done(page), page.get_by_role("link", name="GLB")
    seed = re.match(r"seed (\d+) · ", line)[1]
    expect(link).to_have_attribute("download", f"a-red-dog-{seed}.glb")
    page.get_by_label("Texture").uncheck()
    page.get_by_role("button", name="Same picture again").click()
    expect(page.locator(".solid .recipe")).not_to_have_text(line, timeout=PATIENCE)
    done(page)
    expect(prompt).to_have_value("")
    expect(page.locator(".solid .given img")).to_be_visible()
    expect(link).to_have_attribute("download", f"a-red-dog-{seed}.glb")


def test_a_stop_ends_the_search_for_the_surface(page, disc):
    page.locator(".solid .given input[type=file]").set_input_files(disc)
    unfold(page, "Advanced")
    for box in map(page.get_by_label, ("Resolution", "Faces")):
        expect(box).to_have_value("")
        expect(box).to_have_attribute("placeholder", "automatic")
    page.get_by_label("Resolution").fill("1024")
    page.get_by_role("button", name="Make it 3D").click()
    expect(page.locator(".said")).to_contain_text("Surface", timeout=PATIENCE)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".said")).to_contain_text("Stopped", timeout=PATIENCE)
    expect(page.get_by_role("link", name="GLB")).to_have_count(0)


def test_nothing_to_make_is_told_in_a_sentence(page):
    page.locator(".solid .prompt textarea").press("Enter")
    expect(page.locator(".said")).to_have_text(re.compile("neither a prompt nor a picture"))


def test_a_picture_goes_to_the_only_tab_that_takes_any(open_page, bare_app):
    page = open_page(bare_app.url)
    page.fill(".prompt textarea", "a red car")
    page.press(".prompt textarea", "Enter")
    page.wait_for_selector(".stage[data-state=done]", timeout=PATIENCE)
    page.locator(".card:visible").get_by_role("button", name="3D").click()
    expect(page.get_by_role("tab", name="3D")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".solid .given img")).to_be_visible()
    expect(page.locator(".made-of:visible")).to_be_visible(timeout=PATIENCE)
