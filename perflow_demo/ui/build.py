"""The page: the header, one tab for each task, and how all of it is served."""

from functools import partial
from importlib import import_module

import gradio as gr

from perflow_demo.export.png import MAX_BYTES
from perflow_demo.models.catalogue import SAFETY
from perflow_demo.settings import Settings
from perflow_demo.tasks.table import TASKS
from perflow_demo.ui import caption, controls, header, lent_gpu, theme
from perflow_demo.ui.events import AT_ONCE

# Seconds: files handed to browsers are looked at every hour and deleted after a day.
DELETE_FILES = (3600, 86400)
CHECKED = (
    "Pictures of published families are checked, and withheld where they seem unfit; "
    f"PERFLOW_SAFETY=0 turns that off. {SAFETY.title}: {header.cost(SAFETY)}"
)


def build(registry) -> gr.Blocks:
    """The page, not yet served; loads no model.

    registry: a `perflow_demo.registry.Registry`, handed through to the tasks.
    """
    page = gr.Blocks(title="PeRFlow demo", analytics_enabled=False, delete_cache=DELETE_FILES)
    with page:
        shared = header.build(registry)
        with gr.Tabs(elem_id="tasks"):
            for task in filter(lambda task: task.ready(registry), TASKS.values()):
                with gr.Tab(task.title, id=task.name):
                    tab = import_module(f"perflow_demo.ui.tabs.{task.name}")
                    tab.build(lent_gpu.wrap(task, registry), shared, page)
        if any(map(registry.checks, registry.families())):
            controls.markup(caption.said(CHECKED, "note"), elem_classes="checked")
        page.load(partial(header.prepared, registry), None, shared.chip, **AT_ONCE)
    return page


def launch(page: gr.Blocks, settings: Settings, **options) -> tuple:
    """Serve the page; options and result as in gradio's `launch`."""
    page.queue(default_concurrency_limit=len(settings.devices))
    return page.launch(
        server_name=settings.host,
        server_port=settings.port,
        share=settings.share,
        theme=theme.THEME,
        head=theme.head(),
        footer_links=["api"],
        max_file_size=MAX_BYTES,
        run_history=False,
        ssr_mode=False,
        **options,
    )
