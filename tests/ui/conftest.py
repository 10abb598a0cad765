"""The app on a debug-size family, and pages of a real browser that must not leave the machine."""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import gradio as gr
import pytest

from perflow_demo import ui
from perflow_demo.models.catalogue import POCKET_VIEWS, REFINERS
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class App:
    """A running app: its page and where it is, and what it keeps resident."""

    page: gr.Blocks
    url: str
    registry: Registry


@contextmanager
def serving(assets: Path) -> Iterator[App]:
    """The app on a family's folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = Settings(assets=assets, device="cpu", port=port)
    registry = Registry(settings)
    page: gr.Blocks = ui.build(registry)
    ui.launch(page, settings, prevent_thread_lock=True, quiet=True)
    yield App(page, f"http://127.0.0.1:{port}", registry)
    page.close(verbose=False)


@pytest.fixture(scope="session")
def app(assets) -> Iterator[App]:
    with serving(assets) as app:
        yield app


@pytest.fixture(scope="session")
def browser():
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        reason = f"no browser on this machine: install one of {', '.join(BROWSERS)}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import expect, sync_playwright

    # A busy machine may be slow; nothing here is about time.
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def bare_app(own_assets) -> Iterator[App]:
    """The app where only the 3D tab takes pictures of others."""
    for part in (REFINERS["pocket"].controlnet, POCKET_VIEWS.unet):
        (own_assets / "pocket" / part.weights).unlink()
    with serving(own_assets) as app:
        yield app


@pytest.fixture
def open_page(app, browser):
    """Opens the page as a new visitor; at the end of the test none has asked another host."""
    contexts, requests, faults = [], [], []

    def visit(url=app.url, ready=True, **options):
        context = browser.new_context(viewport={"width": 1280, "height": 860}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(url)
        if ready:
            page.wait_for_selector(".stage[data-state=empty]")
        return page

    yield visit
    for context in contexts:
        context.close()
    hosts = {urlsplit(url).hostname for url in requests if url.startswith("http")}
    assert hosts == {"127.0.0.1"}
    assert faults == []
