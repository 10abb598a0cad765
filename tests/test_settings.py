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


def test_every_variable_is_read_and_an_override_wins():
    settings = Settings.from_environment(
        {
            "PERFLOW_ASSETS": "models",
            "PERFLOW_DEVICE": "cuda:1",
            "PERFLOW_MEMORY_BUDGET": "2GB",
            "PERFLOW_HOST": "0.0.0.0",
            "PERFLOW_PORT": "8000",
            "PERFLOW_SHARE": "yes",
        },
        port=9000,
        device=None,
    )
    assert settings == Settings(Path("models"), "cuda:1", 2 * 10**9, "0.0.0.0", 9000, True)


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
        {"PERFLOW_SHARE": "perhaps"},
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(environment):
    with pytest.raises(UserError, match="; "):
        Settings.from_environment(environment)
