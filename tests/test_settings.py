"""Settings come from the environment; arguments win; what cannot be read is refused."""

from pathlib import Path

import pytest

from perflow_demo.errors import UserError
from perflow_demo.settings import ASSETS, Settings, parse_bytes


def test_empty_environment_gives_the_defaults():
    settings = Settings.from_environment({})
    assert settings == Settings()
    assert settings.assets == ASSETS
    assert settings.memory_budget is None


def test_every_variable_is_read_and_an_override_wins(tmp_path):
    settings = Settings.from_environment(
        {
            "PERFLOW_ASSETS": "models",
            "PERFLOW_DEVICE": "cuda:1",
            "PERFLOW_MEMORY_BUDGET": "2GB",
            "PERFLOW_MIRROR": str(tmp_path),
            "PERFLOW_OFFLINE": "1",
            "PERFLOW_HOST": "0.0.0.0",
            "PERFLOW_PORT": "8000",
            "PERFLOW_SHARE": "yes",
        },
        port=9000,
        device=None,
    )
    assert settings == Settings(
        Path("models"),
        "cuda:1",
        2 * 10**9,
        mirror=tmp_path,
        offline=True,
        host="0.0.0.0",
        port=9000,
        share=True,
    )


def test_a_space_says_where_to_listen():
    asked = {"SPACE_ID": "someone/demo", "GRADIO_SERVER_NAME": "0.0.0.0"}
    assert Settings.from_environment(asked).host == "0.0.0.0"
    assert Settings.from_environment(asked | {"PERFLOW_HOST": "::"}).host == "::"


@pytest.mark.parametrize(
    ("settings", "checked"),
    [
        (Settings(), False),
        (Settings(host="0.0.0.0"), True),
        (Settings(share=True), True),
        (Settings(space="someone/demo"), True),
        (Settings(host="0.0.0.0", safety=False), False),
        (Settings(safety=True), True),
    ],
)
def test_pictures_are_checked_where_strangers_can_ask(settings, checked):
    assert settings.checks_pictures == checked


@pytest.mark.parametrize(
    ("text", "size"),
    [("1048576", 2**20), ("2GB", 2 * 10**9), ("1.5 GiB", 3 * 2**29), ("300 mb", 3 * 10**8)],
)
def test_amounts_of_memory(text, size):
    assert parse_bytes(text) == size


@pytest.mark.parametrize(
    "environment",
    [
        {"PERFLOW_MEMORY_BUDGET": "lots"},
        {"PERFLOW_MEMORY_BUDGET": "0"},
        {"PERFLOW_MEMORY_BUDGET": "-1GB"},
        {"PERFLOW_PORT": "http"},
        {"PERFLOW_PORT": "70000"},
        {"PERFLOW_DEVICE": "quantum"},
        {"PERFLOW_DEVICE": "cuda:0,quantum"},
        {"PERFLOW_MIRROR": "no/such/folder"},
        {"PERFLOW_SHARE": "perhaps"},
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(environment):
    with pytest.raises(UserError, match="; "):
        Settings.from_environment(environment)
