"""The page in a real browser: what a visitor sees and does."""

import json
import re
import time
from urllib.parse import unquote

import pytest
from playwright.sync_api import expect

from perflow_demo.export.png import read_recipe
from perflow_demo.models.catalogue import POCKET
from perflow_demo.tasks.text_to_image import TextToImageRequest
from tests.ui.visitor import (
    PROMPT,
    draw,
    long_run,
    prompt_of,
    queue,
    set_number,
    state,
    unfold,
)

pytestmark = pytest.mark.browser


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
    state(other, "reopened")
    expect(other.locator(".recipe")).to_have_text(f"seed {seed} · 4 steps · CFG 4.5")


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


def test_a_seed_that_is_cleared_is_not_kept(open_page):
    page = open_page()
    page.get_by_label("Seed").fill("77")
    expect(page.get_by_label("Keep")).to_be_checked()
    page.get_by_label("Seed").fill("")
    expect(page.get_by_label("Keep")).not_to_be_checked()
    page.get_by_role("button", name="Throw a seed").click()
    expect(page.get_by_label("Keep")).to_be_checked()


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


def test_enter_draws_from_the_negative_prompt_too(open_page):
    page = open_page()
    page.fill(PROMPT, "a dog")
    unfold(page, "Negative prompt")
    page.keyboard.press("Tab")
    page.keyboard.type("blur")
    expect(page.locator("textarea:focus")).to_have_value("blur")
    page.keyboard.press("Enter")
    state(page, "done")


def test_examples_wait_for_the_end_of_a_run(open_page):
    page = open_page()
    long_run(page)
    page.get_by_role("button", name="a bird", exact=True).press("Enter")
    page.keyboard.press("Escape")
    state(page, "stopped")
    assert prompt_of(page) == "a red car"


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


def test_two_tabs_of_a_browser_keep_one_history(open_page):
    page = open_page()
    other = page.context.new_page()
    other.goto(page.url)
    state(other, "empty")
    draw(page, "a hat")
    draw(other, "a cat")
    for name in ("a hat", "a cat"):
        expect(other.get_by_role("button", name=f"Reopen: {name}")).to_be_visible()
    expect(page.get_by_role("button", name="Reopen: a cat")).to_have_count(0)
    page.get_by_role("button", name="Reopen: a hat").click()  # it is the second of all by now
    state(page, "reopened")
    assert prompt_of(page) == "a hat"
    page.reload()
    expect(page.get_by_role("button", name=re.compile("^Reopen: "))).to_have_count(2)


def test_of_several_pictures_one_can_be_picked(open_page):
    page = open_page()
    set_number(page, "Count", 3)
    draw(page, "a hat")
    picks = page.locator(".pick:visible")
    expect(picks).to_have_count(3)
    line = page.locator(".recipe:visible").inner_text()
    first = int(re.match(r"3 pictures · seeds (\d+) to \d+ · 4 steps", line)[1])
    expect(page.get_by_text("Pick one to go on with it.")).to_be_visible()
    expect(page.get_by_role("link", name="Download")).to_have_count(0)
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


def test_a_browser_that_keeps_nothing_has_the_whole_page(open_page, app):
    page = open_page("about:blank", ready=False)
    page.add_init_script(
        """Object.defineProperty(window, "localStorage", {
            configurable: true,
            get() { throw new DOMException("denied", "SecurityError") }})"""
    )
    page.goto(app.url)
    state(page, "empty")
    page.keyboard.press("Control+k")
    expect(page.locator(PROMPT)).to_be_focused()
    draw(page, "a cat")
    expect(page.get_by_role("button", name="Reopen: a cat")).to_be_visible()
    page.get_by_role("button", name="Switch between light and dark").click()
