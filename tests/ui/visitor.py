"""What a visitor of the page does, and what a test of the Image tab waits for."""

from playwright.sync_api import Page, expect

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
