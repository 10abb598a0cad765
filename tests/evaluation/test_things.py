"""The figures of views and solids are complete and what they say they are."""

import numpy as np
import pytest
from PIL import Image

from perflow_demo.errors import BadRequest
from perflow_demo.evaluation import solids, views
from perflow_demo.evaluation.things import drawings
from perflow_demo.geometry.mesh import Mesh
from perflow_demo.geometry.turntable import Turntable
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from tests.evaluation.whole import whole


@pytest.fixture(scope="module")
def settings(assets):
    return Settings(assets=assets, device="cpu")


def test_the_figures_of_solids_are_complete(settings):
    """To the network of these tests everything is a ball."""
    report = whole(solids.evaluate(settings, solids.Plan(rendered=2, drawn=2, shown=1)))
    (rendered,) = report.tables["meshes of rendered pictures"]
    assert rendered["things"] == 2 and rendered["watertight"] == 1
    assert 0.02 < rendered["iou"] < 0.7 and 0 < rendered["f_score"] < 0.7
    (made,) = report.tables["meshes of drawn pictures"]
    assert made["pictures"] == 2 and 0 <= made["made"] <= 1
    rows = report.tables["meshes named by the judge"]
    assert [row["colours"] for row in rows] == [*solids.COLOURED]
    assert [len(row) for _, row in report.strips[0].rows] == [1] * 5


def test_pictures_that_never_become_a_mesh_are_told_too(settings, monkeypatch):
    def refuse(*_, **__):
        raise BadRequest("No object was found.")

    monkeypatch.setattr(solids.to_3d, "run", refuse)
    report = whole(solids.evaluate(settings, solids.Plan(rendered=1, drawn=1, shown=1)))
    assert report.tables["meshes of drawn pictures"] == [{"pictures": 1, "made": 0.0}]


def test_the_figures_of_views_are_complete(settings):
    report = whole(views.evaluate(settings, views.Plan(rendered=1, drawn=1, shown=1)))
    rows = report.tables["views of rendered pictures"]
    assert [row["way"] for row in rows] == [way.label for way in views.WAYS]
    for row in rows:
        assert np.isfinite([row["psnr"], row["iou"], row["degrees"]]).all()
        assert row["degrees"] > 30  # the networks here know nothing
    drawn = report.tables["views of drawn pictures"]
    assert [row["way"] for row in drawn] == [way.label for way in views.WAYS]
    assert {row["pictures"] for row in drawn} == {1}
    labels = [label for label, _ in report.strips[0].rows]
    assert labels == ["truth", "truth", *(way.label for way in views.WAYS for _ in range(2))]


def test_few_drawings_are_of_many_kinds(settings):
    prompts, pictures = zip(*drawings(settings, Registry(settings), 3), strict=True)
    assert len({prompt.kind for prompt in prompts}) == 3
    assert not np.array_equal(pictures[0], pictures[1])


def test_a_mesh_is_compared_by_its_outline_wherever_it_stands():
    corners = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], float)
    square = Mesh(corners, np.array([[0, 1, 2], [0, 2, 3]]), colors=np.zeros((4, 3)))
    front = np.asarray(solids._sides(Turntable(square))[0])
    cutout = Image.new("RGBA", (100, 100))
    cutout.paste((255, 0, 0, 255), (5, 5, 45, 45))
    outline = solids._framed((front != solids.PAPER).any(-1))
    assert solids.iou(outline, solids._framed(solids._alpha(cutout))) > 0.95
