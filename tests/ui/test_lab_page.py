"""The ΔW lab in a real browser: two pictures of a seed, bars for what changed, files to keep."""

import io
import re
import zipfile

import pytest
from playwright.sync_api import Page, expect
from safetensors.torch import load

pytestmark = pytest.mark.browser
PATIENCE = 120_000


@pytest.fixture
def page(open_page) -> Page:
    page = open_page()
    page.get_by_role("tab", name="ΔW lab").click()
    page.wait_for_selector(".lab .prompt textarea")
    return page


def test_enter_draws_both_and_shows_what_changed(page):
    prompt = page.locator(".lab .prompt textarea")
    prompt.fill("a red dog")
    prompt.press("Enter")
    page.wait_for_selector(".lab .stage[data-state=done]", timeout=PATIENCE)
    captions = page.locator(".lab figcaption").all_inner_texts()
    assert re.fullmatch(r"Base: 25 steps · [\d.]+ s", captions[0])
    assert re.fullmatch(r"Base \+ ΔW: 4 steps · [\d.]+ s", captions[1])
    assert page.locator(".lab .bar meter").count() >= 6
    expect(page.locator(".lab .merge p")).to_contain_text("weights changed, 0 kept, 0 adapted")


def test_delta_comes_out_and_the_merged_unet_can_be_taken_away(page):
    page.get_by_text("Weights", exact=True).click()
    page.get_by_role("button", name="Take ΔW out again").click()
    expect(page.get_by_text("bit for bit those of the base")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Export the merged UNet").click()
    with page.expect_download(timeout=PATIENCE) as download:
        page.locator(".lab a[download]").first.click(timeout=PATIENCE)
    with zipfile.ZipFile(io.BytesIO(open(download.value.path(), "rb").read())) as bundle:
        names = sorted(bundle.namelist())
        weights = load(bundle.read("merged-unet/diffusion_pytorch_model.safetensors"))
    assert names == ["merged-unet/config.json", "merged-unet/diffusion_pytorch_model.safetensors"]
    assert "conv_in.weight" in weights


def test_a_second_checkpoint_less_this_one_is_a_delta(page):
    page.get_by_text("Weights", exact=True).click()
    page.get_by_label("Second checkpoint").click()
    page.get_by_role("option", name="Pocket").click()
    page.get_by_role("button", name="Export the difference").click()
    with page.expect_download(timeout=PATIENCE) as download:
        page.locator(".lab a[download]").first.click(timeout=PATIENCE)
    with zipfile.ZipFile(io.BytesIO(open(download.value.path(), "rb").read())) as bundle:
        weights = load(bundle.read("delta/diffusion_pytorch_model.safetensors"))
    assert not any(weight.any() for weight in weights.values())  # a checkpoint less itself
