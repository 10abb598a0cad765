"""The page in a real browser: what a visitor sees and does."""

import json
import re
import time
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page, expect

from perflow_demo.export.png import read_recipe
from perflow_demo.models.catalogue import POCKET
from perflow_demo.tasks.text_to_image import TextToImageRequest

pytestmark = pytest.mark.browser

PATIENCE = 60_000
PROMPT = ".prompt textarea"


def state(page: Page, name: str) -> None:
    """Wait until the stage is in that state."""
    page.wait_for_selector(f".stage[data-state={name}]", timeout=PATIENCE)


# Resolves when nothing on the page has changed for a second.
QUIET = """() => new Promise((resolve) => {
    const settled = () => { watch.disconnect(); resolve(); };
    let timer = setTimeout(settled, 1000);
    const watch = new MutationObserver(() => {
        clearTimeout(timer);
        timer = setTimeout(settled, 1000);
    });
    watch.observe(document.body, {attributes: true, childList: true, subtree: true});
})"""


def unfold(page: Page, title: str) -> None:
    """Open what is folded away; a moment after it is seen gradio gives it its first values again.

    No visitor is as fast as that moment, but a test is.
    """
    page.get_by_role("button", name=title).click()
    page.evaluate(QUIET)


def set_number(page: Page, label: str, value: float) -> None:
    field = page.get_by_label(f"number input for {label}")
    if not field.is_visible():
        unfold(page, "Advanced")
    field.fill(str(value))
    field.press("Tab")
    expect(field).to_have_value(str(value))


def draw(page: Page, prompt: str) -> None:
    page.fill(PROMPT, prompt)
    page.press(PROMPT, "Enter")
    state(page, "done")


def prompt_of(page: Page) -> str:
    return page.input_value(PROMPT)


def long_run(page: Page) -> None:
    """Start a run of many steps and wait until it is under way."""
    set_number(page, "Steps", 50)
    set_number(page, "Count", 4)
    page.fill(PROMPT, "a red car")
    page.press(PROMPT, "Enter")
    page.wait_for_selector("text=/Step [1-9]/", timeout=PATIENCE)


def queue(page: Page, prompt: str) -> None:
    """Ask for a picture while another visitor's run goes on, and wait in line."""
    page.fill(PROMPT, prompt)
    page.press(PROMPT, "Enter")
    expect(page.get_by_text("You are next in line")).to_be_visible()


def all_given_back(app) -> bool:
    return not any(entry.leases for entry in app.registry.status().entries)


def test_type_and_enter_give_previews_and_a_picture_with_its_recipe(open_page, tmp_path):
    page = open_page()
    expect(page.locator(PROMPT)).to_be_focused()
    page.evaluate(
        """() => {
            window.seen = [];
            new MutationObserver(() => {
                const status = document.querySelector(".canvas .status")?.textContent;
                const picture = document.querySelector(".canvas .picture")?.src;
                window.seen.push([status, picture?.slice(0, 15)]);
            }).observe(document.querySelector(".show"), {subtree: true, childList: true,
                                                         attributes: true, characterData: true});
        }"""
    )
    square = page.locator(".canvas").bounding_box()
    page.keyboard.type("a red car")
    page.keyboard.press("Enter")
    state(page, "done")

    seen = page.evaluate("window.seen")
    previews = {status for status, source in seen if source == "data:image/jpeg"}
    assert {"Step 1 of 4", "Step 2 of 4", "Step 3 of 4"} <= previews
    assert page.locator(".canvas").bounding_box() == square
    assert page.locator(".strip .frame img").count() == 4
    assert page.locator(".strip figcaption").all_inner_texts()[0] == "1.00 → 0.75"
    line = page.locator(".recipe").inner_text()
    expected = r"seed (\d+) · 4 steps · CFG 4.5 · [\d.]+ s \(text [\d.]+ · denoise [\d.]+ · decode"
    seed = int(re.match(expected, line)[1])
    picture = page.locator(".canvas .picture")
    width = picture.evaluate("image => image.decode().then(() => image.naturalWidth)")
    assert width == POCKET.defaults.size

    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == f"a-red-car-{seed}.png"
    download.value.save_as(tmp_path / "car.png")
    recipe = read_recipe(tmp_path / "car.png", TextToImageRequest)
    assert (recipe.prompt, recipe.seed, recipe.steps) == ("a red car", seed, 4)

    other = open_page()
    other.locator("input[type=file]").set_input_files(tmp_path / "car.png")
    expect(other.locator(PROMPT)).to_have_value("a red car")
    expect(other.get_by_label("Seed")).to_have_value(str(seed))
    expect(other.get_by_label("Keep")).to_be_checked()


def test_a_picture_dropped_anywhere_fills_the_controls(open_page):
    page = open_page()
    set_number(page, "Steps", 8)
    set_number(page, "ΔW strength", 0.5)
    draw(page, "a green hat")
    address = page.get_by_role("link", name="Download").evaluate("link => link.href")

    other = open_page()
    other.evaluate(
        """async (address) => {
            const content = await (await fetch(address)).blob();
            const files = new DataTransfer();
            files.items.add(new File([content], "hat.png", {type: "image/png"}));
            document.querySelector(".canvas").dispatchEvent(
                new DragEvent("drop", {dataTransfer: files, bubbles: true, cancelable: true}));
        }""",
        address,
    )
    expect(other.locator(PROMPT)).to_have_value("a green hat")
    expect(other.get_by_label("number input for Steps")).to_have_value("8")
    unfold(other, "Advanced")
    expect(other.get_by_label("number input for ΔW strength")).to_have_value("0.5")


def test_what_is_no_picture_of_ours_is_refused_in_one_sentence(open_page, tmp_path):
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "plain.png")
    (tmp_path / "words.png").write_text("no picture at all")
    (tmp_path / "large.png").write_bytes(bytes(33 * 2**20))
    page = open_page()
    page.fill(PROMPT, "a blue dog")
    for name, words in (
        ("plain.png", "carries no recipe"),
        ("words.png", "no intact PNG"),
        ("large.png", "exceed the maximum"),
    ):
        page.locator("input[type=file]").set_input_files(tmp_path / name)
        expect(page.get_by_text(re.compile(words))).to_be_visible()
    assert prompt_of(page) == "a blue dog"


def test_escape_stops_between_two_steps(open_page, app):
    page = open_page()
    stop = page.get_by_role("button", name="Stop")
    expect(stop).to_be_hidden()
    long_run(page)
    expect(stop).to_be_visible()
    expect(page.get_by_role("button", name="Generate")).to_be_hidden()
    page.keyboard.press("Escape")
    state(page, "stopped")
    expect(stop).to_be_hidden()
    deadline = time.monotonic() + 20
    while not all_given_back(app) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert all_given_back(app)
    state(page, "stopped")
    expect(stop).to_be_hidden()
    assert page.locator(".history").count() == 0


def test_the_second_visitor_sees_the_place_in_line_and_can_leave_it(open_page):
    first, second = open_page(), open_page()
    long_run(first)
    queue(second, "a cat")
    second.get_by_role("button", name="Stop").click()
    state(second, "stopped")
    expect(second.locator(PROMPT)).to_be_focused()
    first.get_by_role("button", name="Stop").click()
    state(first, "stopped")
    draw(second, "a cat")


def test_a_bad_request_is_answered_by_one_sentence_and_keeps_the_inputs(open_page):
    page = open_page()
    page.press(PROMPT, "Enter")
    state(page, "failed")
    expect(page.get_by_role("alert")).to_contain_text("Prompt is empty")
    page.fill(PROMPT, "a cat")
    page.get_by_label("Seed").fill("-7")
    page.press(PROMPT, "Enter")
    expect(page.get_by_role("alert")).to_contain_text("Seed has to be a whole number from -1")
    assert prompt_of(page) == "a cat"
    assert page.input_value("input[aria-label=Seed]") == "-7"


def test_a_slip_leaves_the_pictures_where_they_are(open_page):
    page = open_page()
    draw(page, "an orange hat")
    address = page.get_by_role("link", name="Download").get_attribute("href")
    page.fill(PROMPT, "")
    page.press(PROMPT, "Enter")
    expect(page.get_by_role("alert")).to_contain_text("Prompt is empty")
    assert page.get_by_role("link", name="Download").get_attribute("href") == address
    long_run(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("alert")).to_contain_text("Stopped")
    assert page.get_by_role("link", name="Download").get_attribute("href") == address


def test_a_seed_typed_during_a_run_is_for_the_next(open_page):
    page, other = open_page(), open_page()
    long_run(other)
    queue(page, "a cat")
    page.get_by_label("Seed").fill("77")
    other.get_by_role("button", name="Stop").click()
    state(page, "done")
    assert not page.locator(".recipe:visible").inner_text().startswith("seed 77 ")
    page.get_by_label("Seed").press("Enter")
    expect(page.locator(".recipe:visible")).to_have_text(re.compile("^seed 77 "))


def test_files_of_pictures_are_among_those_that_are_deleted_in_time(open_page, app):
    page = open_page()
    before = set(app.page.upload_file_set)
    draw(page, "an orange hat")
    (file,) = set(app.page.upload_file_set) - before
    address = page.get_by_role("link", name="Download").get_attribute("href")
    assert unquote(address).endswith(file)


def test_keys(open_page):
    page = open_page()
    page.keyboard.type("a dog")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("on the car")
    assert prompt_of(page) == "a dog\non the car"
    page.get_by_label("number input for Steps").focus()
    page.keyboard.press("Control+k")
    expect(page.locator(PROMPT)).to_be_focused()


def test_an_example_runs_with_one_click_and_is_remembered(open_page):
    page = open_page()
    page.get_by_role("button", name="a bird", exact=True).click()
    state(page, "done")
    assert prompt_of(page) == "a bird"
    line = page.locator(".recipe").inner_text()
    expect(page.get_by_role("button", name="Reopen: a bird")).to_be_visible()

    page.reload()
    page.get_by_role("button", name="Reopen: a bird").click()
    state(page, "reopened")
    assert prompt_of(page) == "a bird"
    seed = page.input_value("input[aria-label=Seed]")
    assert line.startswith(f"seed {seed} ")
    expect(page.locator(PROMPT)).to_be_focused()
    page.keyboard.press("Enter")
    state(page, "done")
    assert page.locator(".recipe").inner_text().startswith(f"seed {seed} ")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".history")).to_have_count(0)


def test_a_history_cleared_during_a_run_stays_cleared(open_page):
    page, other = open_page(), open_page()
    draw(page, "a hat")
    long_run(other)
    queue(page, "a cat")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".history")).to_have_count(0)
    other.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Reopen: a cat")).to_be_visible()
    expect(page.get_by_role("button", name="Reopen: a hat")).to_have_count(0)


def test_of_several_pictures_one_can_be_picked(open_page):
    page = open_page()
    set_number(page, "Count", 3)
    draw(page, "a hat")
    picks = page.locator(".pick:visible")
    expect(picks).to_have_count(3)
    first = int(re.match(r"seed (\d+)", page.locator(".recipe:visible").inner_text())[1])
    assert picks.all_inner_texts() == [f"seed {first + i}" for i in range(3)]
    page.get_by_label("Picture 2 of 3").click()
    expect(picks).to_have_count(1)
    assert page.locator(".recipe:visible").inner_text().startswith(f"seed {first + 1} ")
    page.get_by_role("button", name="Reuse seed").click()
    expect(page.get_by_label("Seed")).to_have_value(str(first + 1))
    page.get_by_label("Picture 2 of 3").click()
    expect(picks).to_have_count(3)


def test_the_teacher_has_steps_of_its_own(open_page):
    page = open_page()
    unfold(page, "Advanced")
    page.get_by_text("Teacher", exact=True).click()
    expect(page.get_by_label("number input for Steps")).to_have_value("25")
    page.get_by_text("PeRFlow", exact=True).click()
    expect(page.get_by_label("number input for Steps")).to_have_value("4")


CONTRAST = """() => {
    const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const light = (c) => c.slice(0, 3).reduce(
        (sum, v, i) => sum + [0.2126, 0.7152, 0.0722][i] * channel(v), 0);
    const parse = (text) => {
        const v = text.match(/[\\d.]+/g).map(Number);
        return v.length < 4 ? [...v, 1] : v;
    };
    const behind = (node) => {
        for (; node; node = node.parentElement) {
            const fill = parse(getComputedStyle(node).backgroundColor);
            if (fill[3] === 1) return fill;
        }
        return [255, 255, 255];
    };
    const texts = [...document.querySelectorAll(".gradio-container *")].filter((node) =>
        node.checkVisibility({visibilityProperty: true, opacityProperty: true}) &&
        [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim()));
    return texts.map((node) => {
        const both = [light(parse(getComputedStyle(node).color)), light(behind(node))];
        const ratio = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
        return [node.textContent.trim().slice(0, 40), ratio];
    });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(open_page, scheme):
    page = open_page(color_scheme=scheme)
    assert page.evaluate("document.body.classList.contains('dark')") == (scheme == "dark")
    unfold(page, "Advanced")
    ratios = page.evaluate(CONTRAST)
    assert len(ratios) > 30
    assert [(text, ratio) for text, ratio in ratios if ratio < 4.5] == []


def test_the_theme_can_be_switched_and_stays(open_page):
    page = open_page(color_scheme="light")
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate("document.body.classList.contains('dark')")
    page.reload()
    page.wait_for_selector(".stage")
    assert page.evaluate("document.body.classList.contains('dark')")


def test_every_input_has_a_name(open_page):
    page = open_page()
    unfold(page, "Advanced")
    unfold(page, "Negative prompt")
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("input, textarea, button, a")]
            .filter((node) => node.checkVisibility())
            .filter((node) => !(node.ariaLabel || node.labels?.[0]?.textContent.trim() ||
                                node.textContent.trim()))
            .map((node) => node.outerHTML)"""
    )
    assert unnamed == []


def test_a_phone_shows_prompt_stage_actions_controls_in_one_column(open_page):
    page = open_page()
    page.set_viewport_size({"width": 390, "height": 844})
    tops = [page.locator(part).bounding_box()["y"] for part in (".ask", ".show", ".set")]
    assert tops == sorted(tops)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for part in ("#header .style", ".theme-switch", ".canvas", ".generate"):
        box = page.locator(part).first.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    canvas = page.locator(".canvas").bounding_box()
    assert canvas["width"] == pytest.approx(canvas["height"], abs=1)


def test_what_the_browser_kept_is_not_trusted(open_page, app):
    """A history written by something else leaves the page in order."""
    page = open_page()
    draw(page, "a dog")
    page.evaluate("() => { for (const key in localStorage) localStorage[key] = 'junk' }")
    page.reload()
    state(page, "empty")
    draw(page, "a cat")
    expect(page.get_by_role("button", name="Reopen: a cat")).to_be_visible()
    assert json.loads(page.evaluate("JSON.stringify(Object.keys(localStorage).length)")) > 0
