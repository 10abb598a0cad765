"""The Refine tab in a real browser: a picture, Enter, and both of them under one slider."""

import re
from pathlib import Path

import gradio as gr
import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Page, expect

from perflow_demo import ui
from perflow_demo.errors import BadRequest
from perflow_demo.export.png import encode, read_recipe
from perflow_demo.models.catalogue import REFINERS
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from perflow_demo.tasks.refine import RefineRequest
from perflow_demo.tasks.text_to_image import TextToImageRequest, run
from perflow_demo.ui.compared import Seen, another
from perflow_demo.ui.refine_form import RefineForm
from perflow_demo.ui.tabs import refine

PATIENCE = 120_000
# Raised where the focus is, with a picture and, if there are any, words beside it.
PASTE = """async (box, words) => {
    const canvas = Object.assign(document.createElement("canvas"), {width: 80, height: 120});
    const content = await new Promise((resolve) => canvas.toBlob(resolve));
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([content], words ? "with.png" : "image.png"));
    if (words) clipboardData.setData("text/plain", words);
    const pasted = new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true});
    box.dispatchEvent(pasted);
    if (pasted.defaultPrevented === Boolean(words)) throw new Error("taken for the other");
}"""


def test_the_tab_is_there_only_where_its_weights_are(own_assets):
    (own_assets / "pocket" / REFINERS["pocket"].controlnet.weights).unlink()
    page = ui.build(Registry(Settings(assets=own_assets)))
    blocks = page.blocks.values()
    assert "Refine" not in [block.label for block in blocks if isinstance(block, gr.Tab)]
    (switch,) = [b for b in blocks if getattr(b, "label", None) == "Refine every picture"]
    assert not switch.visible


def looked(registry, file) -> tuple[str, dict]:
    """What is said of a chosen file, and the controls it changes, of a page as it was opened."""
    names = [*RefineRequest.controls()]
    form = RefineForm(dict.fromkeys(names), None, registry, None)
    now = {"prompt": "", "family": "pocket", "to": 1024}
    _, _, said, _, *values = refine._look(form)([str(file)], (), *map(now.get, names), False)
    brought = zip([*names, "keep", "held"], values, strict=True)
    return said, {name: value for name, value in brought if value != gr.skip()}


@pytest.fixture
def registry(assets):
    return Registry(Settings(assets=assets, device="cpu"))


def kept(path, request) -> Path:
    path.write_bytes(encode(Image.new("RGB", (80, 80)), request))
    return path


def test_a_picture_larger_than_the_size_raises_it(registry, tmp_path):
    Image.new("RGB", (1300, 1100)).save(tmp_path / "large.png")
    said, brought = looked(registry, tmp_path / "large.png")
    assert "1300 × 1100 px, so size is 1536 now." in said and brought == {"to": 1536}
    Image.new("RGB", (1300, 1024)).save(tmp_path / "large.png")
    assert looked(registry, tmp_path / "large.png")[1] == {}


def test_a_drawn_picture_brings_its_weights_where_they_are(registry, tmp_path):
    drawn = {"prompt": "a dog", "seed": 3, "style": "cel", "lora": "brush@0.5"}
    _, brought = looked(registry, kept(tmp_path / "a.png", TextToImageRequest(**drawn)))
    assert brought == {"prompt": "a dog", "style": "cel", "lora": "brush@0.5", "delta": ""}
    elsewhere = kept(tmp_path / "b.png", TextToImageRequest(**drawn, delta="not here"))
    _, brought = looked(registry, elsewhere)
    assert brought == {"prompt": "a dog", "style": "", "lora": "", "delta": ""}


@pytest.mark.parametrize("family", ["pocket", "sd15-dreamshaper"])
def test_a_refined_picture_brings_its_family_and_can_be_made_again(registry, tmp_path, family):
    source = TextToImageRequest(prompt="a dog", seed=3)
    request = RefineRequest(family=family, seed=7, to=768, steps=6, source=source)
    said, brought = looked(registry, kept(tmp_path / "a.png", request))
    assert "settings are back" in said and "Make it again" in said
    assert (brought["family"], brought["held"]) == (family, family)
    assert (brought["seed"], brought["keep"], brought["to"], brought["steps"]) == (7, True, 768, 6)
    assert refine._redraw([str(tmp_path / "a.png")]) == (source,)
    alone = request.model_copy(update={"source": None})
    assert "Make it again" not in looked(registry, kept(tmp_path / "b.png", alone))[0]


@pytest.mark.parametrize("index", [-1, 2, "0", None])
def test_only_results_that_are_there_are_shown_again(index):
    pair = Seen(("before.jpg", "a.png"), file="a.png"), Seen(("before.jpg", "b.png"), file="b.png")
    seen = pair[1].among(pair)
    assert another(seen, 0).file == "a.png" and another(another(seen, 0), 1) == seen
    for there in (seen, pair[0], None):
        with pytest.raises(BadRequest, match="no longer here"):
            another(there, index)


@pytest.fixture
def teal(tmp_path):
    Image.new("RGB", (96, 72), "teal").save(tmp_path / "teal.png")
    return tmp_path / "teal.png"


def choose(page: Page, path) -> None:
    page.get_by_role("tab", name="Refine").click()
    page.locator(".ask:visible input[type=file]").set_input_files(path)


def done(page: Page) -> str:
    page.wait_for_selector(".solid .stage[data-state=done]", timeout=PATIENCE)
    return page.locator(".solid .recipe").inner_text()


def shown(page: Page) -> list[list[int]]:
    """Natural sizes of the slider's pictures."""
    return page.locator(".compare img").evaluate_all(
        "images => Promise.all(images.map("
        "(i) => i.decode().then(() => [i.naturalWidth, i.naturalHeight])))"
    )


def stop_at(page: Page, steps: str, words: str) -> None:
    """Runs with so many steps, until these words (a pattern) are told."""
    page.get_by_role("button", name="Advanced").locator("visible=true").click()
    box = page.get_by_label("number input for Steps").locator("visible=true")
    box.fill(steps)
    box.press("Tab")
    page.locator(".prompt:visible textarea").press("Enter")
    page.wait_for_selector(f"text=/{words}/", timeout=PATIENCE)
    page.keyboard.press("Escape")
    page.wait_for_selector(".solid .stage[data-state=stopped]", timeout=PATIENCE)


def downloaded(page: Page, path) -> RefineRequest:
    with page.expect_download() as download:
        page.locator(".solid").get_by_role("link", name="Download").click()
    download.value.save_as(path)
    return read_recipe(path, RefineRequest)


@pytest.mark.browser
def test_a_picture_and_enter_give_before_and_after_under_a_slider(open_page, teal, tmp_path):
    page = open_page()
    choose(page, teal)
    expect(page.locator(".solid .said")).to_contain_text("96 × 72 px", timeout=PATIENCE)
    page.get_by_label("768", exact=True).check()
    prompt = page.locator(".prompt:visible textarea")
    prompt.fill("a blue car")
    choose(page, teal)  # once more: the words that are there stay
    expect(page.locator(".solid .said")).to_contain_text("96 × 72 px", timeout=PATIENCE)
    expect(prompt).to_have_value("a blue car")
    prompt.press("Enter")
    assert re.match(r"1024 × 768 px · seed \d+ · 4 steps · CFG 1 · [\d.]+ s \(", done(page))
    assert shown(page) == [[1024, 768]] * 2
    box = page.locator(".compare img").first.bounding_box()
    page.screenshot(path=tmp_path / "middle.png")
    handle = page.locator(".compare .inner, .compare [role=slider]").first.bounding_box()
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    page.screenshot(path=tmp_path / "right.png")
    at = round(box["x"] + 0.7 * box["width"]), round(box["y"] + box["height"] / 4)
    with Image.open(tmp_path / "middle.png") as middle, Image.open(tmp_path / "right.png") as right:
        red, green, blue = right.convert("RGB").getpixel(at)
        assert red < 30 and abs(green - 128) < 12 and abs(blue - 128) < 12  # what it was before
        assert middle.convert("RGB").getpixel(at) != (red, green, blue)
    before = page.locator(".compare img").first
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -300)  # closer
    expect(before).to_have_attribute("style", re.compile(r"scale\(1\."))
    page.locator(".compare").get_by_role("button", name="Undo").click()
    expect(before).to_have_attribute("style", re.compile(r"scale\(1\)"))
    recipe = downloaded(page, tmp_path / "large.png")
    assert (recipe.to, recipe.prompt, len(recipe.parent)) == (768, "a blue car", 64)
    assert Image.open(tmp_path / "large.png").size == (1024, 768)
    page.get_by_label("1024", exact=True).check()
    prompt.fill("something else")
    choose(page, tmp_path / "large.png")
    expect(page.locator(".solid .said")).to_contain_text("settings are back", timeout=PATIENCE)
    expect(page.get_by_label("768", exact=True)).to_be_checked()
    expect(prompt).to_have_value("a blue car")
    expect(page.get_by_label("Seed").locator("visible=true").first).to_have_value(str(recipe.seed))


@pytest.mark.browser
def test_a_pasted_picture_is_compared_by_keys(open_page):
    page = open_page()
    page.get_by_role("tab", name="Refine").click()
    prompt = page.locator(".prompt:visible textarea")
    prompt.evaluate(PASTE, "words")
    prompt.evaluate(PASTE, "")
    expect(page.locator(".solid .said")).to_contain_text("80 × 120 px", timeout=PATIENCE)
    slider = page.get_by_role("slider", name="Before and after")
    expect(slider).to_have_attribute("aria-valuenow", "50")
    slider.focus()
    for key, percent in (("ArrowRight", 55), ("End", 100), ("ArrowLeft", 95), ("Home", 0)):
        page.keyboard.press(key)
        expect(slider).to_have_attribute("aria-valuenow", str(percent))
    frame, handle = page.locator(".compare").bounding_box(), slider.bounding_box()
    left = frame["x"] + (frame["width"] - frame["height"] * 80 / 120) / 2  # it is higher than wide
    assert handle["x"] + handle["width"] / 2 == pytest.approx(left, abs=12)


@pytest.mark.browser
def test_what_cannot_be_refined_is_told_in_a_sentence(open_page, tmp_path):
    page = open_page()
    page.get_by_role("tab", name="Refine").click()
    page.locator(".prompt:visible textarea").press("Enter")
    said = page.locator(".solid .said")
    expect(said).to_contain_text("There is no picture yet", timeout=PATIENCE)
    frames = [Image.new("RGB", (80, 80), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.webp", save_all=True, append_images=frames[1:])
    choose(page, tmp_path / "moving.webp")
    expect(said).to_contain_text("animated", timeout=PATIENCE)
    (tmp_path / "words.png").write_text("no picture at all")
    choose(page, tmp_path / "words.png")
    expect(said).to_contain_text("no intact PNG", timeout=PATIENCE)


@pytest.mark.browser
def test_a_slip_and_a_stop_leave_the_result_where_it_is(open_page, app, teal):
    page = open_page()
    choose(page, teal)
    expect(page.locator(".solid .said")).to_contain_text("96 × 72 px", timeout=PATIENCE)
    page.get_by_label("768", exact=True).check()
    page.locator(".prompt:visible textarea").press("Enter")
    done(page)
    before = shown(page), page.locator(".solid .recipe").inner_text()
    page.get_by_label("Seed").locator("visible=true").first.fill("-7")
    page.locator(".prompt:visible textarea").press("Enter")
    page.wait_for_selector(".solid .stage[data-state=failed]", timeout=PATIENCE)
    expect(page.locator(".solid .said")).to_contain_text("Seed has to be")
    assert (shown(page), page.locator(".solid .recipe").inner_text()) == before

    page.get_by_label("Seed").locator("visible=true").first.fill("7")
    stop_at(page, "50", "Step [1-9]")
    assert (shown(page), page.locator(".solid .recipe").inner_text()) == before
    expect(page.locator(".solid").get_by_role("link", name="Download")).to_be_visible()


@pytest.mark.browser
def test_the_tab_remembers_what_it_made_and_makes_it_again(open_page, registry, tmp_path):
    result = run(TextToImageRequest(prompt="a red car", size=256, seed=3), registry)
    (tmp_path / "car.png").write_bytes(encode(result.pictures[0], result.recipe(0)))
    page = open_page()
    choose(page, tmp_path / "car.png")
    prompt = page.locator(".prompt:visible textarea")
    expect(prompt).to_have_value("a red car", timeout=PATIENCE)
    page.get_by_label("768", exact=True).check()
    page.locator(".generate:visible").click()
    done(page)
    first = downloaded(page, tmp_path / "first.png")

    page.reload()
    page.get_by_role("tab", name="Refine").click()
    page.locator(".past:visible").get_by_role("button", name="Reopen: a red car").click()
    expect(page.locator(".solid .said")).to_contain_text("Enter draws the picture")
    expect(page.get_by_label("768", exact=True)).to_be_checked()
    page.locator(".prompt:visible textarea").press("Enter")
    done(page)
    assert downloaded(page, tmp_path / "again.png") == first
    made = (Image.open(tmp_path / name) for name in ("first.png", "again.png"))
    assert ImageChops.difference(*made).getbbox() is None

    choose(page, tmp_path / "first.png")
    page.get_by_role("button", name="Make it again").click()
    done(page)
    assert downloaded(page, tmp_path / "again.png") == first


@pytest.mark.browser
def test_a_drawn_picture_is_sent_and_refined_and_every_one_if_so_wished(open_page, tmp_path):
    page = open_page()
    page.get_by_label("Refine every picture").check()
    page.fill(".prompt textarea", "a red car")
    page.press(".prompt textarea", "Enter")
    assert "1024 × 1024 px" in done(page)
    expect(page.get_by_role("tab", name="Refine")).to_have_attribute("aria-selected", "true")
    first = downloaded(page, tmp_path / "first.png")
    assert first.prompt == "a red car" and first.source.prompt == "a red car"

    page.get_by_role("tab", name="Image").click()
    page.locator(".card:visible").get_by_role("button", name="Refine").click()
    expect(page.get_by_role("tab", name="Refine")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".solid .recipe")).not_to_contain_text(
        f"seed {first.seed} ", timeout=PATIENCE
    )
    done(page)
    again = downloaded(page, tmp_path / "again.png")
    assert again.parent == first.parent and isinstance(again.source, TextToImageRequest)

    # Its settings come back from the refined picture, and it goes on as it is.
    page.get_by_role("tab", name="Image").click()
    page.fill(".prompt:visible textarea", "something else")
    page.locator("input[type=file]").first.set_input_files(tmp_path / "again.png")
    expect(page.locator(".prompt:visible textarea")).to_have_value("a red car", timeout=PATIENCE)
    page.get_by_role("tab", name="Refine").click()
    page.locator(".solid .actions").get_by_role("button", name="Multiview").click()
    expect(page.get_by_role("tab", name="Multiview")).to_have_attribute("aria-selected", "true")
    page.wait_for_selector(".views[data-state=done]", timeout=PATIENCE)


@pytest.mark.browser
def test_of_several_pictures_every_one_is_refined_and_none_is_lost(open_page, tmp_path):
    page = open_page()
    page.get_by_role("tab", name="Refine").click()
    page.get_by_label("768", exact=True).check()
    page.get_by_role("tab", name="Image").click()
    page.get_by_label("Refine every picture").check()
    page.get_by_role("button", name="Advanced").locator("visible=true").click()
    count = page.get_by_label("number input for Count").locator("visible=true")
    count.fill("3")
    count.press("Tab")
    page.fill(".prompt:visible textarea", "a red car")
    page.press(".prompt:visible textarea", "Enter")
    page.wait_for_selector("text=/Picture 3 of 3/", timeout=PATIENCE)
    done(page)
    results = page.get_by_role("button", name=re.compile("Show picture . of 3"))
    expect(results).to_have_count(3)
    parents = []
    for index in range(3):
        results.nth(index).click()
        expect(results.nth(index)).to_have_attribute("aria-pressed", "true")
        recipe = downloaded(page, tmp_path / f"{index}.png")
        assert f"seed {recipe.seed} " in page.locator(".solid .recipe").inner_text()
        parents.append((recipe.source.seed, recipe.parent))
    first = parents[0][0]
    assert [seed for seed, _ in parents] == [first, first + 1, first + 2]
    assert len({parent for _, parent in parents}) == 3
    expect(page.locator(".past:visible li")).to_have_count(3)

    # What is there when a run of several is stopped stays.
    stop_at(page, "12", "Picture 2 of 3. Step")
    assert " 12 steps " in page.locator(".solid .recipe").inner_text()
    assert downloaded(page, tmp_path / "first.png").source.seed == first


@pytest.mark.browser
def test_a_picture_brings_the_style_it_was_drawn_in(open_page, assets, tmp_path):
    request = TextToImageRequest(prompt="a red car", style="cel", seed=3)
    result = run(request, Registry(Settings(assets=assets, device="cpu")))
    (tmp_path / "cel.png").write_bytes(encode(result.pictures[0], result.recipe(0)))
    page = open_page()
    choose(page, tmp_path / "cel.png")
    expect(page.locator(".prompt:visible textarea")).to_have_value("a red car", timeout=PATIENCE)
    page.locator(".prompt:visible textarea").press("Enter")
    assert " · cel · " in done(page)
    assert not page.locator(".solid .notes").count()
