"""At full size everything resident takes at most 0.6 of what separate pipelines would."""

import pytest

from perflow_demo.evaluation import memory
from perflow_demo.models.catalogue import REFINERS, SOLIDS, WONDER3D
from perflow_demo.models.stable_diffusion import SD15
from perflow_demo.settings import Settings
from tests.evaluation.whole import whole


def test_one_copy_of_everything_saves_memory(assets):
    tables = whole(memory.evaluate(Settings(assets=assets, device="cpu"))).tables
    sizes = {row["network"]: row["mb"] for row in tables["one copy each"]}
    # From the published numbers of parameters, two bytes each.
    assert sizes["UNet with ΔW"] == pytest.approx(2 * 859.520964)
    assert sizes["multiview UNet with ΔW"] == pytest.approx(2 * 910.785284)
    assert sizes["3D network"] == pytest.approx(2 * 419.275628, rel=2e-3)
    (resident,) = tables["resident"]
    assert resident["shared_mb"] == pytest.approx(sum(sizes.values()))
    assert resident["share"] <= 0.6
    prompt, _ = tables["Pocket's text to image and multiview"]
    assert prompt["share"] <= 0.75
    told = {
        memory.PICTURES: SD15,
        ("ControlNet",): REFINERS["tile"],
        memory.SEPARATE["multiview"]: WONDER3D,
        ("3D network",): SOLIDS["triposr"],
    }
    for names, model in told.items():
        known = 1e6 * sum(sizes[name] for name in names)
        assert model.memory_bytes == pytest.approx(known, rel=0.05), model.name
