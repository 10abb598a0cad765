"""Which families can be chosen, and what is said of one before it is used."""

import gradio as gr
import pytest

from perflow_demo.errors import BadRequest
from perflow_demo.models.catalogue import POCKET
from perflow_demo.models.stable_diffusion import FAMILIES
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from perflow_demo.tasks.text_to_image import TextToImageRequest
from perflow_demo.ui import events
from perflow_demo.ui.form import offered
from perflow_demo.ui.header import cost


def test_a_family_from_the_hub_says_what_it_takes():
    said = cost(FAMILIES[0])
    assert said.startswith(FAMILIES[0].licence)
    assert "3.9 GB fetched when first used" in said and "GB in memory" in said


def test_what_ships_is_not_fetched():
    assert "fetched" not in cost(POCKET) and cost(POCKET).startswith("Apache-2.0")


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
