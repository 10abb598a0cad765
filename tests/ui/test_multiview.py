"""The Multiview tab: its markup, and in a real browser twelve pictures of a sentence."""

import re
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest
from PIL import Image
from playwright.sync_api import expect

from perflow_demo import ui
from perflow_demo.errors import BadRequest
from perflow_demo.export import png
from perflow_demo.geometry.views import VIEWS
from perflow_demo.models.catalogue import CATALOGUE, POCKET, POCKET_VIEWS
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from perflow_demo.tasks.contract import PICTURE, Stage
from perflow_demo.tasks.multiview import MultiviewRequest, MultiviewResult
from perflow_demo.ui import history, sheet
from perflow_demo.ui.runs import Runs
from perflow_demo.ui.tabs import multiview
from tests.ui.test_views import ATTACK, Tags
from tests.ui.visitor import QUIET

PATIENCE = 120_000
PAGES = tuple(Image.new("RGB", (32, 32), (40 * n, 0, 0)) for n in range(6))
REQUEST = MultiviewRequest(prompt="a bird", steps=4, guidance_scale=1.5, seed=42, drawing_seed=42)
RESULT = MultiviewResult(
    PAGES[0],
    Image.new("RGBA", (32, 32), (0, 0, 0, 0)),
    PAGES,
    PAGES,
    REQUEST,
    {"picture": 0.5, "foreground": 0.02, "load": 0.0, "views": 0.6, "decode": 0.1},
    (ATTACK,),
)


def tabs(page: gr.Blocks) -> list[str]:
    return [block.label for block in page.blocks.values() if isinstance(block, gr.Tab)]


def test_the_tab_is_there_only_where_its_weights_are(assets, own_assets):
    assert tabs(ui.build(Registry(Settings(assets=assets)))) == [
        "Image",
        "Refine",
        "Multiview",
        "3D",
        "ΔW lab",
    ]
    (own_assets / "pocket" / POCKET_VIEWS.unet.weights).unlink()
    assert tabs(ui.build(Registry(Settings(assets=own_assets)))) == [
        "Image",
        "Refine",
        "3D",
        "ΔW lab",
    ]


def test_the_line_says_what_was_run_and_how_long_each_stage_took():
    assert RESULT.line() == (
        "seed 42 · 4 network calls · CFG 1.5 · 1.22 s "
        "(picture 0.50 · foreground 0.02 · views 0.60 · decode 0.10)"
    )


def test_finished_views_are_not_busy_and_say_what_is_shown():
    shown = sheet.done(RESULT, "views.zip", "views.zip")
    assert "data-busy" not in shown and "<figcaption>“a bird”</figcaption>" in shown
    front = f'<img class="turned" src="{sheet.jpeg_url(RESULT.colours[0], sheet.SIDE, 92)}"'
    assert front in shown


def test_a_run_that_fails_leaves_the_views_that_are_there_and_shows_what_it_failed_on():
    given = Image.new("RGB", (32, 32), "lime")

    def refuse(*asked, **options):
        yield Stage(PICTURE, given)
        raise BadRequest("Prompt is empty.")

    task, form = SimpleNamespace(stream=refuse), SimpleNamespace(request=MultiviewRequest)
    header = SimpleNamespace(registry=None, receivers={})
    draw = multiview._draw(task, form, header, Runs())
    visitor = SimpleNamespace(session_hash="a visitor")
    drawn = multiview.Drawn(RESULT, "views.zip", "views.zip")
    for before, pictures in ((None, 0), (drawn, 12)):
        *_, (shown, _, used, *_) = draw(visitor, None, before)
        assert "Prompt is empty." in shown and shown.count("<figure data-domain") == pictures
        assert used is None
        refused = sheet.on_white(given)
        assert shown.count(refused) == 1 and ("Not used" in shown) == bool(before)


@pytest.mark.parametrize(("drawing_seed", "shown"), [(42, None), (7, 7)])
def test_a_new_seed_draws_a_new_picture_unless_the_drawing_had_its_own(drawing_seed, shown):
    """The box of the drawing's seed would ask for the old picture again, folded away."""
    request = REQUEST.model_copy(update={"drawing_seed": drawing_seed})
    header, result = SimpleNamespace(receivers={}), replace(RESULT, request=request)
    *_, last = multiview._views((one for one in [result]), header, {})
    assert last[2] == {"seed": 42, "drawing_seed": shown}


def test_an_entry_from_before_variety_could_be_chosen_has_what_it_was():
    recipe = REQUEST.model_dump(mode="json")
    del recipe["variety"]
    entry = {"id": "a", "recipe": recipe, "thumb": history.PICTURE}
    request, _ = history.find([entry], "a", MultiviewRequest)
    assert request.variety == MultiviewRequest.formerly["variety"]


@pytest.mark.parametrize(
    ("made", "given", "picture", "told"),
    [
        (REQUEST, "a.png", None, 0),
        (REQUEST.model_copy(update={"prompt": None}), None, gr.skip(), 1),
        (REQUEST.model_copy(update={"prompt": None}), "a.png", gr.skip(), 0),
    ],
    ids=["words", "no picture", "picture"],
)
def test_settings_are_back_for_words_or_for_a_picture(monkeypatch, made, given, picture, told):
    """Words come without a picture, since both together cannot be drawn."""
    sentences = []
    monkeypatch.setattr(gr, "Info", lambda sentence, **options: sentences.append(sentence))
    registry = SimpleNamespace(
        family=CATALOGUE.get, families=lambda: [POCKET], names_repositories=False
    )
    fields = dict.fromkeys(("prompt", "seed", "drawing_seed"))
    form = multiview.ViewsForm(fields, None, registry, None)
    read = multiview._read(multiview._brought(form))
    assert read(png.encode(PAGES[0], made), given) == [
        made.prompt or "",
        42,
        None,
        True,
        "pocket",
        picture,
    ]
    assert len(sentences) == told


@pytest.mark.parametrize(
    "html",
    [
        sheet.done(RESULT, ATTACK, ATTACK),
        sheet.message("failed", ATTACK, {"picture": ATTACK}),
        sheet.running({}, ATTACK, 1, 4),
        sheet.running({}, ATTACK, 1, 4, Image.new("RGB", (48, 16))),
    ],
    ids=["done", "failed", "running", "seen"],
)
def test_words_never_become_markup(html):
    assert not {"script", "onerror"} & Tags(html).names


@pytest.mark.browser
def test_type_and_enter_give_twelve_pictures(open_page, tmp_path):
    page = open_page()
    page.get_by_role("tab", name="Multiview").click()
    page.wait_for_selector(".views[data-state=empty]")
    page.evaluate(
        """() => {
            window.seen = [];
            new MutationObserver(() => window.seen.push(
                [...document.querySelectorAll(".sources .frame img")].map((image) => image.alt)
                    .concat(document.querySelectorAll(".sheet img").length)
            )).observe(document.querySelector(".views").closest(".show"),
                       {subtree: true, childList: true, attributes: true});
        }"""
    )
    prompt = page.locator(".prompt:visible textarea")
    prompt.fill("a red car")
    prompt.press("Enter")
    page.wait_for_selector(".views[data-state=done]", timeout=PATIENCE)
    seen = page.evaluate("window.seen")
    assert ["Picture", 0] in seen and ["Picture", "Cut-out", 0] in seen
    captions = page.locator(".sheet figcaption").all_inner_texts()
    names = [view.replace("_", " ") for view in VIEWS]
    assert captions == [f"{n}, {domain}" for domain in ("normals", "colours") for n in names]
    widths = page.locator(".sheet img").evaluate_all(
        "images => Promise.all(images.map((i) => i.decode().then(() => i.naturalWidth)))"
    )
    assert widths == [256] * 12

    slider = page.get_by_label("Turn the object")
    turned = page.locator(".turned")
    before = turned.get_attribute("src")
    slider.press("ArrowRight")
    expect(turned).to_have_attribute("alt", "front right, colours")
    assert turned.get_attribute("src") != before

    line = page.locator(".views .recipe").inner_text()
    cutout = page.locator(".sources img[alt=Cut-out]").get_attribute("src")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download ZIP").click()
    assert download.value.suggested_filename.endswith(".zip")
    asked = page.locator(".prompt:visible textarea").input_value()
    seed = int(re.search(r"seed (\d+)", line)[1])
    with zipfile.ZipFile(download.value.path()) as bundle:
        bundle.extract("normals_back.png", tmp_path)
    page.locator(".prompt:visible textarea").fill("something else")
    page.locator(".set:visible input[type=file]").set_input_files(tmp_path / "normals_back.png")
    expect(page.locator(".prompt:visible textarea")).to_have_value(asked, timeout=PATIENCE)
    expect(page.locator("input[aria-label=Seed]:visible")).to_have_value(str(seed))
    page.get_by_role("button", name="Re-roll views").click()
    expect(page.locator(".views .recipe")).not_to_have_text(line, timeout=PATIENCE)
    page.wait_for_selector(".views[data-state=done]", timeout=PATIENCE)
    past = page.get_by_role("button", name="Reopen: a red car")
    expect(past).to_have_count(2)
    page.locator(".prompt:visible textarea").fill("something else")
    past.first.click()
    expect(page.locator(".prompt:visible textarea")).to_have_value(asked, timeout=PATIENCE)
    assert page.locator(".sources img[alt=Cut-out]").get_attribute("src") == cutout
    assert page.locator(".sheet img").count() == 12
    assert re.search(r"seed \d+ · drawing \d+ ·", page.locator(".views .recipe").inner_text())


@pytest.mark.browser
def test_a_view_of_another_family_brings_that_family_to_all_tabs(open_page, tmp_path):
    family = CATALOGUE["sd15-dreamshaper"]
    asked = MultiviewRequest(prompt="a red car", family=family.name, steps=7, guidance_scale=2.5)
    (tmp_path / "view.png").write_bytes(png.encode(PAGES[0], asked.model_copy(update={"seed": 5})))
    page = open_page()
    page.get_by_role("tab", name="Multiview").click()
    page.locator(".set:visible input[type=file]").set_input_files(tmp_path / "view.png")
    expect(page.locator(".prompt:visible textarea")).to_have_value("a red car", timeout=PATIENCE)
    expect(page.get_by_label("Family")).to_have_value(family.title)
    page.evaluate(QUIET)
    steps = page.get_by_label("number input for Steps").locator("visible=true")
    guidance = page.get_by_label("number input for Guidance").locator("visible=true")
    expect(steps).to_have_value("7")
    expect(guidance).to_have_value("2.5")
    page.get_by_role("tab", name="Image").click()
    usual = family.defaults
    expect(steps).to_have_value(str(usual.steps))
    expect(guidance).to_have_value(f"{usual.guidance_scale:g}")
    page.get_by_role("button", name="Advanced").click()
    expect(page.get_by_label(str(usual.size), exact=True)).to_be_checked()


@pytest.mark.browser
def test_views_stay_when_others_are_stopped(open_page):
    page = open_page()
    page.get_by_role("tab", name="Multiview").click()
    prompt = page.locator(".prompt:visible textarea")
    prompt.fill("a red car")
    prompt.press("Enter")
    page.wait_for_selector(".views[data-state=done]", timeout=PATIENCE)
    line = page.locator(".views .recipe").inner_text()
    steps = page.get_by_label("number input for Steps").locator("visible=true")
    steps.fill("50")
    steps.press("Tab")
    page.get_by_role("button", name="Re-roll views").click()
    page.wait_for_selector(".views[data-busy]", timeout=PATIENCE)
    page.locator(".stop:visible").click()
    expect(page.locator(".views .said")).to_contain_text("Stopped", timeout=PATIENCE)
    assert page.locator(".views .recipe").inner_text() == line
    assert page.locator(".sheet img").count() == 12
    page.get_by_role("button", name="Re-roll views").click()
    expect(page.locator(".views .recipe")).not_to_have_text(line, timeout=PATIENCE)


@pytest.mark.browser
@pytest.mark.parametrize("tab", ["Multiview", "3D"])
def test_a_file_that_is_no_picture_is_told_in_a_sentence(open_page, tmp_path, tab):
    (tmp_path / "words.png").write_text("no picture at all")
    page = open_page()
    page.get_by_role("tab", name=tab).click()
    page.locator(".given:visible input[type=file]").set_input_files(tmp_path / "words.png")
    expect(page.locator(".given:visible img")).to_have_count(1, timeout=PATIENCE)
    page.locator(".generate:visible").click()
    expect(page.locator("[role=alert]:visible")).to_contain_text(
        "no intact PNG, JPEG, WebP or AVIF", timeout=PATIENCE
    )


@pytest.mark.browser
def test_a_picture_goes_from_tab_to_tab(open_page):
    page = open_page()
    page.fill(".prompt textarea", "a red car")
    page.press(".prompt textarea", "Enter")
    page.wait_for_selector(".stage[data-state=done]", timeout=PATIENCE)
    page.locator(".card:visible").get_by_role("button", name="Multiview").click()
    expect(page.get_by_role("tab", name="Multiview")).to_have_attribute("aria-selected", "true")
    page.wait_for_selector(".views[data-state=done]", timeout=PATIENCE)
    page.locator(".views .actions").get_by_role("button", name="3D").click()
    expect(page.get_by_role("tab", name="3D")).to_have_attribute("aria-selected", "true")
    made = page.locator(".made-of:visible")
    expect(made).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".solid .recipe:visible")).to_contain_text("faces")
    named = re.compile(r"a-red-car-\d+\.glb")  # it is known what the cut-out was drawn of
    expect(page.get_by_role("link", name="GLB")).to_have_attribute("download", named)


@pytest.mark.browser
def test_a_picture_without_an_object_gets_a_hint(open_page, tmp_path):
    Image.new("RGB", (64, 64), "white").save(tmp_path / "white.png")
    page = open_page()
    page.get_by_role("tab", name="Multiview").click()
    page.locator(".ask:visible input[type=file]").set_input_files(tmp_path / "white.png")
    page.wait_for_selector(".ask img", timeout=PATIENCE)
    page.locator(".generate:visible").click()
    failed = page.locator(".views[data-state=failed] .message")
    expect(failed).to_contain_text("No object was found", timeout=PATIENCE)
