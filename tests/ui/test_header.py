"""Which families can be chosen, and what is said of one before it is used."""

import threading

import gradio as gr
import pytest
import trimesh
from PIL import Image
from playwright.sync_api import expect

from perflow_demo import ui
from perflow_demo.errors import BadRequest
from perflow_demo.export import glb, png
from perflow_demo.geometry.mesh import Mesh
from perflow_demo.models.catalogue import POCKET
from perflow_demo.models.stable_diffusion import FAMILIES, SAFETY
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from perflow_demo.tasks import libraries
from perflow_demo.tasks.text_to_image import TextToImageRequest
from perflow_demo.tasks.to_3d import To3DRequest
from perflow_demo.ui import events
from perflow_demo.ui.form import offered
from perflow_demo.ui.header import _styled, cost
from tests.ui.visitor import QUIET, unfold


def test_a_family_from_the_hub_says_what_it_takes():
    said = cost(FAMILIES[0])
    assert said.startswith(FAMILIES[0].licence)
    assert "3.9 GB fetched when first used" in said and "GB in memory" in said


def test_what_ships_is_not_fetched():
    assert "fetched" not in cost(POCKET) and cost(POCKET).startswith("Apache-2.0")


@pytest.mark.browser
def test_the_page_gets_ready_while_its_visitor_types(open_page, monkeypatch):
    monkeypatch.setattr(libraries, "_there", threading.Event())
    expect(open_page().locator(".chip")).to_contain_text("CPU")


@pytest.mark.browser
def test_a_tab_says_what_its_own_model_takes_before_it_is_used(open_page):
    """Of a published family alone, and without any of it being fetched."""
    page = open_page()
    expect(page.locator("[role=note]")).to_have_count(0)
    page.get_by_label("Family").click()
    page.get_by_role("option", name=FAMILIES[0].title).click()
    costs = {
        "Refine": "ControlNet-tile: CreativeML",
        "Multiview": "Wonder3D: AGPL",
        "3D": "TripoSR: MIT",
    }
    for tab, said in costs.items():
        page.get_by_role("tab", name=tab, exact=True).click()
        expect(page.locator("[role=note]:visible")).to_contain_text(said)
        expect(page.locator("[role=note]:visible")).to_contain_text("GB fetched when first used")
    page.get_by_label("Family").click()
    page.get_by_role("option", name=POCKET.title, exact=True).click()
    expect(page.locator("[role=note]:visible")).to_have_count(0)


@pytest.mark.browser
def test_a_family_that_a_file_brings_has_its_own_settings_on_every_tab(open_page, tmp_path):
    family = next(family for family in FAMILIES if family.defaults.steps == 8)
    ball = trimesh.creation.icosphere(1)
    recipe = To3DRequest(prompt="a mug", family=family.name).recipe()
    solid = glb.encode(Mesh(ball.vertices, ball.faces), "glb", recipe)
    (tmp_path / "mug.glb").write_bytes(solid)
    drawn = TextToImageRequest(prompt="a mug", family=family.name, size=640, steps=5, seed=3)
    (tmp_path / "mug.png").write_bytes(png.encode(Image.new("RGB", (64, 64)), drawn))
    page = open_page()
    steps = page.get_by_label("number input for Steps").locator("visible=true")
    page.get_by_role("tab", name="3D").click()
    page.locator(".solid:visible .set input[type=file]").set_input_files(tmp_path / "mug.glb")
    expect(page.get_by_label("Family")).to_have_value(family.title)
    page.get_by_role("tab", name="Image").click()
    expect(steps).to_have_value("8")

    page.reload()  # with Pocket again; of the Image tab's own files the settings stay as they are
    page.wait_for_selector(".stage[data-state=empty]")
    page.locator("input[type=file]").first.set_input_files(tmp_path / "mug.png")
    expect(page.get_by_label("Family")).to_have_value(family.title)
    page.evaluate(QUIET)
    expect(steps).to_have_value("5")
    unfold(page, "Advanced")
    expect(page.get_by_label("640", exact=True)).to_be_checked()


def test_the_checker_is_told_where_it_is_used(assets):
    page = ui.build(Registry(Settings(assets=assets, host="0.0.0.0")))
    values = [b.value for b in page.blocks.values() if isinstance(b, gr.HTML) and b.value]
    (said,) = [value for value in values if "are checked" in value]
    assert f"Safety checker: {SAFETY.licence}, about 1.2 GB fetched when first used" in said


@pytest.mark.parametrize(
    ("place", "named"),
    [({}, True), ({"host": "0.0.0.0"}, False), ({"offline": True}, False)],
)
def test_only_the_owner_names_a_repository_and_reopens_its_pictures(assets, place, named):
    registry = Registry(Settings(assets=assets, **place))
    assert registry.names_repositories == named
    request = TextToImageRequest(prompt="a dog", family="someone/fine-tune")
    if named:
        assert offered(registry, request).name == request.family
    else:
        with pytest.raises(BadRequest):
            offered(registry, request)


def test_a_misspelt_family_changes_nothing_and_is_told_once():
    @events.quiet
    def limits(name: str) -> str:
        return Registry(Settings()).family(name).title

    assert limits("pocket") == "Pocket"
    assert limits("pokcet") == gr.skip()


def test_a_style_stays_where_the_family_has_it():
    """As a recipe that is opened brings both; else styles of another family are drawn in."""
    styled = _styled(Registry(Settings()))
    assert styled("pocket", "cel")["value"] == "cel"
    assert styled("sd15-dreamshaper", "cel") == gr.update(choices=[("Base", "")], value="")
