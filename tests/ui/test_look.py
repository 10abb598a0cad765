"""How the page looks in a real browser, and to those who do not see it or use no mouse."""

import pytest

from tests.ui.visitor import PROMPT, draw, state, unfold

pytestmark = pytest.mark.browser

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


def unreadable(page) -> list[tuple[str, float]]:
    ratios = page.evaluate(CONTRAST)
    assert len(ratios) > 30
    return [(text, ratio) for text, ratio in ratios if ratio < 4.5]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(open_page, scheme):
    page = open_page(color_scheme=scheme)
    assert page.evaluate("document.body.classList.contains('dark')") == (scheme == "dark")
    unfold(page, "Advanced")
    assert unreadable(page) == []
    page.press(PROMPT, "Enter")
    state(page, "failed")
    assert unreadable(page) == []
    draw(page, "a hat")
    assert unreadable(page) == []


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


def middle(page, part: str) -> float:
    box = page.locator(part).first.bounding_box()
    return box["y"] + box["height"] / 2


def test_a_phone_shows_prompt_stage_actions_controls_in_one_column(open_page):
    page = open_page()
    page.set_viewport_size({"width": 390, "height": 844})
    tops = [page.locator(part).bounding_box()["y"] for part in (".ask", ".show", ".set")]
    assert tops == sorted(tops)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for part in ("#header .style", ".theme-switch", ".canvas", ".generate"):
        box = page.locator(part).first.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    middles = [middle(page, part) for part in (".brand", ".chip", ".theme-switch")]
    assert middles == pytest.approx([middles[0]] * 3, abs=4)
    canvas = page.locator(".canvas").bounding_box()
    assert canvas["width"] == pytest.approx(canvas["height"], abs=1)
    page.get_by_role("tab", name="Refine").click()
    compared = page.locator(".compare").bounding_box()
    assert compared["width"] == pytest.approx(compared["height"], abs=1)


def test_a_phone_shows_a_mesh_in_its_whole_width(open_page):
    """The viewer's camera fits a mesh into the height alone."""
    page = open_page()
    page.get_by_role("tab", name="3D").click()
    page.set_viewport_size({"width": 390, "height": 844})
    viewer = page.locator(".viewer").bounding_box()
    assert viewer["height"] <= viewer["width"] + 1 <= 391
