"""Speed tables are complete; that they show speed is for the evaluation itself to say."""

import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.spatial import cKDTree

from perflow_demo.errors import UserError
from perflow_demo.evaluation import (
    merging,
    multiview_calls,
    page_start,
    request_times,
    surfaces,
    timing,
)
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings


@pytest.fixture(scope="module")
def registry(assets):
    return Registry(Settings(assets=assets, device="cpu"))


def test_two_things_take_turns():
    order = []
    seconds = timing.in_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert order == ["a", "b"] * 3
    assert [len(times) for times in seconds.values()] == [3, 3]


def test_ratios_are_those_of_medians():
    walls = {"first": [1.0, 2.0, 9.0], "second": [6.0, 5.0, 100.0]}
    times = {name: [timing.Seconds(w, w / 2 + 1) for w in runs] for name, runs in walls.items()}
    rows = timing.rows(times)
    assert [row["ratio"] for row in rows] == [1.0, 3.0]
    assert [row["cpu_ratio"] for row in rows] == [1.0, 2.0]
    assert (rows[1]["min_s"], rows[1]["max_s"], rows[1]["runs"]) == (5.0, 100.0, 3)


def test_the_work_of_ended_processes_counts():
    program = "n = 0\nwhile n < 3_000_000: n += 1"
    seconds = timing.timed(lambda: subprocess.run([sys.executable, "-c", program], check=True))
    assert seconds.cpu > 0.02


def test_requests_are_timed_with_and_without_previews(registry):
    tables = request_times.compare(registry, size=256, rounds=1).tables
    assert len(tables) == 2
    for rows in tables.values():
        assert [row["what"] for row in rows] == ["PeRFlow 4", "DDIM 25"]
        assert rows[1]["ratio"] > 1


def test_the_share_outside_the_networks_is_a_share(registry):
    (rows,) = request_times.overhead(registry, size=256, rounds=2).tables.values()
    assert 0 < rows[0]["outside_min"] <= rows[0]["outside"] <= rows[0]["outside_max"] < 1


def test_hooks_are_gone_after_the_measurement(registry):
    request_times.overhead(registry, size=256, rounds=1)
    with registry.lease() as pipeline:
        for module in (pipeline.unet, pipeline.vae.decoder):
            assert not module._forward_pre_hooks
            assert not module._forward_hooks


def test_a_merge_in_place_holds_less_than_the_naive_one():
    (rows,) = merging.measure(rounds=1, widths=(32, 64, 64, 64)).tables.values()
    assert [row["what"] for row in rows] == ["naive, two copies", "in place"]
    assert rows[0]["extra_of_unet"] > 0.9
    assert rows[1]["memory_ratio"] < 0.1


def test_views_at_once_give_what_a_loop_over_them_gives():
    (rows,) = multiview_calls.measure(rounds=1, widths=(32, 32, 64), side=8).tables.values()
    assert [row["what"] for row in rows] == ["view by view", "at once"]
    assert 0 < rows[0]["difference"] < 1e-4


def test_both_ways_to_a_surface_give_the_same_one(registry):
    picture = Image.new("RGB", (96, 96), "white")
    ImageDraw.Draw(picture).ellipse((20, 20, 76, 76), "teal")
    report = surfaces.measure(registry, 1, picture, resolutions=(64,))
    names = ["surface at 64³", "picture to mesh at 64³"]
    assert list(report.tables) == names
    for name, rows in report.tables.items():
        assert [row["what"] for row in rows] == list(surfaces.WAYS)
        if name.startswith("surface"):
            assert rows[0]["peak_ratio"] == (1 if rows[0]["peak_mb"] else None)
            assert all(row["peak_mb"] >= 0 for row in rows)
    with registry.lease_solid() as network:
        code = surfaces._triplane(network, registry, picture)
        vertices, faces, colours = surfaces.dense_mesh(network, code, 64)
        mesh = network.extract_mesh(code, 64, 25.0, smooth=True)
    assert len(faces) == len(mesh.faces) and colours.shape == vertices.shape
    assert cKDTree(mesh.vertices).query(vertices)[0].max() < 0.5 * 2 * network.radius / 63


def test_the_peak_is_what_an_action_holds_at_once():
    def hold():
        np.ones(40_000_000, np.uint8)
        held = np.ones(60_000_000, np.uint8)
        time.sleep(0.2)
        return held

    assert 5e7 < surfaces.peak_bytes(hold) < 1.5e8


def test_the_app_serves_its_page():
    assert "PeRFlow demo" in page_start.serve_once(page_start.COMMANDS["the app"])


def test_a_server_that_ends_is_an_error():
    with pytest.raises(UserError, match="ended before"):
        page_start.serve_once((sys.executable, "-c", "pass"))
