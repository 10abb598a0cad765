"""The catalogue offers only what is there, and its rows agree with themselves."""

import pytest

from perflow_demo.models.catalogue import CATALOGUE, POCKET, available
from perflow_demo.models.sources import Folder
from tests.pocket_factory import write_pocket


def test_a_style_is_offered_only_where_its_weights_are(tmp_path):
    pocket = write_pocket(tmp_path, styles=("pencil",))
    family = available(POCKET, Folder(pocket))
    assert [style.name for style in family.styles] == ["pencil"]
    assert family.style("cel") is None


@pytest.mark.parametrize("family", CATALOGUE.values(), ids=lambda family: family.name)
def test_rows_are_consistent(family):
    assert family.name in CATALOGUE
    assert family.defaults.size in family.sizes
    assert family.defaults.steps >= family.num_time_windows
    assert len({style.name for style in family.styles}) == len(family.styles)
