"""The registry on a device that runs out of memory: a fake one that counts bytes, on the CPU."""

import threading
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pytest
import torch
from PIL import Image, ImageChops, ImageDraw

from perflow_demo.errors import MissingFile, OutOfMemory
from perflow_demo.nets import TSR
from perflow_demo.nets.latent_tokens import LatentTokens
from perflow_demo.nets.multiview import UNetMV2DConditionModel
from perflow_demo.registry import Lanes, Registry
from perflow_demo.registry.exhaustion import in_parts
from perflow_demo.registry.memory import BUDGET_SHARE, MainMemory, module_bytes
from perflow_demo.registry.placement import Placement
from perflow_demo.settings import Settings
from perflow_demo.tasks import multiview, to_3d
from perflow_demo.tasks.text_to_image import TextToImageRequest, run


@dataclass(frozen=True)
class Fake(Placement):
    """A GPU that is none: it computes on the CPU, holds `capacity` bytes and says when it is full.

    held: the modules on it and their bytes. moves: what was moved, in order.
    """

    device: torch.device = torch.device("cpu")
    dtype: torch.dtype = torch.float32
    capacity: int = 10**12
    held: dict = field(default_factory=dict)
    moves: list = field(default_factory=list)

    parks = True

    def put(self, module):
        self.held[id(module)] = module_bytes(module)
        self.moves.append(("put", type(module).__name__))
        if sum(self.held.values()) > self.capacity:
            del self.held[id(module)]
            raise torch.OutOfMemoryError("fake device out of memory")
        return module

    def park(self, module):
        del self.held[id(module)]
        self.moves.append(("park", type(module).__name__))


def on_fake(assets, capacity=10**12, budget=10**12, dtype=torch.float32, offline=False):
    class OnFake(Registry):
        @cached_property
        def placement(self):
            return Fake(capacity=capacity, dtype=dtype)

    settings = Settings(assets=assets, device="cpu", memory_budget=budget, offline=offline)
    return OnFake(settings)


@pytest.fixture(scope="module")
def sizes(assets):
    """Bytes of a UNet, and of a whole pipeline."""
    with on_fake(assets).lease() as pipeline:
        modules = pipeline.unet, pipeline.vae, pipeline.text_encoder
        return module_bytes(modules[0]), module_bytes(*modules)


def ask(**values):
    return TextToImageRequest(prompt="a red dog", seed=3, **values)


def test_idle_modules_wait_in_main_memory_and_come_back(assets, sizes):
    unet, whole = sizes
    registry = on_fake(assets, budget=whole + unet // 2)
    with registry.lease() as first:
        kept = first.unet
    with registry.lease(style="cel"):
        assert sum(registry.placement.held.values()) == registry.status().bytes <= whole
    parked = [entry.key.style for entry in registry.status().entries if entry.parked]
    assert parked == [None]
    with registry.lease() as again:
        assert again.unet is kept
    assert registry.placement.moves.count(("put", "UNet2DConditionModel")) == 3
    assert registry.placement.moves.count(("park", "UNet2DConditionModel")) == 2


def test_what_reads_the_prompt_makes_room_for_what_draws(assets, sizes):
    """As with SDXL on a card of 8 GB, where the two do not fit beside each other."""
    unet, whole = sizes
    with on_fake(assets).lease() as pipeline:
        words = module_bytes(pipeline.text_encoder)
    roomy, small = on_fake(assets), on_fake(assets, budget=whole - words // 2)
    expected, found = run(ask(), roomy), run(ask(), small)
    assert not ImageChops.difference(expected.pictures[0], found.pictures[0]).getbbox()
    assert small.placement.moves[-1] == ("put", "UNet2DConditionModel")
    parked = [entry.key.part for entry in small.status().entries if entry.parked]
    assert parked == ["text_encoder"]
    assert not any(entry.parked for entry in roomy.status().entries)
    again = run(ask(), small)
    assert not ImageChops.difference(again.pictures[0], found.pictures[0]).getbbox()


def test_sdxl_is_not_refused_by_a_card_of_8_gb(assets):
    """Whose budget is what it is by default; beyond the check its files would be fetched."""
    card = 8 * 2**30
    registry = on_fake(assets, budget=int(BUDGET_SHARE * card), dtype=torch.float16, offline=True)
    request = TextToImageRequest(prompt="a dog", family="perflow-sdxl-base", size=1024)
    with pytest.raises(MissingFile, match="PERFLOW_OFFLINE"):
        run(request, registry)
    with pytest.raises(OutOfMemory, match="takes about 7"), registry.lease(request.family):
        pytest.fail("lent all of it at once")


@pytest.mark.parametrize(
    ("lease", "told"),
    [
        (
            lambda r: r.lease("sd15-dreamshaper", refine=True),
            "with ControlNet-tile takes about 2.8",
        ),
        (lambda r: r.lease_multiview("wonder3d"), "Wonder3D takes about 2.6"),
        (lambda r: r.lease_solid("triposr"), "TripoSR takes about 0.8"),
    ],
)
def test_whatever_does_not_fit_is_refused_before_it_is_fetched(assets, lease, told):
    budget = 2_200_000_000 if "Control" in told else 800_000_000
    registry = on_fake(assets, budget=budget, dtype=torch.float16, offline=True)
    with pytest.raises(OutOfMemory, match=told), lease(registry):
        pytest.fail("lent what does not fit")


def test_a_run_that_fills_the_device_leaves_room_for_a_second_try(assets, sizes):
    registry = on_fake(assets, budget=3 * sum(sizes))
    with registry.lease(style="cel"):
        pass
    with pytest.raises(OutOfMemory, match="try once more"), registry.lease():
        assert len(registry.placement.held) == 4  # two UNets, and what they share
        raise torch.OutOfMemoryError("activations")
    assert not registry.placement.held


def test_a_full_device_is_cleared_and_the_load_tried_again(assets, sizes):
    """Its own count says there is room, as when another program uses the device."""
    unet, whole = sizes
    registry = on_fake(assets, capacity=whole + unet // 2)
    with registry.lease():
        pass
    with registry.lease(style="cel"):
        held = registry.placement.held.values()
        assert sum(held) == whole
    too_much = pytest.raises(OutOfMemory, match="smaller pictures")
    with registry.lease(), too_much, registry.lease(style="cel"):
        pytest.fail("lent more than the device holds")
    assert all(entry.leases == 0 for entry in registry.status().entries)


def test_a_batch_that_does_not_fit_is_halved_and_draws_the_same(assets, monkeypatch):
    """The network takes two rows at most; guidance makes two of each picture."""
    registry = on_fake(assets)
    expected = run(ask(count=4), registry).pictures
    rows = []
    with registry.lease() as pipeline:
        forward = type(pipeline.unet).forward

        def limited(self, latents, *arguments, **options):
            rows.append(len(latents))
            if len(latents) > 2:
                raise torch.OutOfMemoryError("fake device out of memory")
            return forward(self, latents, *arguments, **options)

        monkeypatch.setattr(type(pipeline.unet), "forward", limited)
    found = run(ask(count=4), registry).pictures
    assert rows[:3] == [8, 8, 4] and rows.count(2) == 4 * 4
    for one, other in zip(expected, found, strict=True):
        extrema = ImageChops.difference(one, other).getextrema()
        assert max(high for _, high in extrema) <= 1


def views(registry):
    request = multiview.MultiviewRequest(seed=7, guidance_scale=2)
    result = multiview.run(request, registry, picture=disc())
    return [np.asarray(picture) for picture in (*result.normals, *result.colours)]


def surface(registry):
    request = to_3d.To3DRequest(resolution=40, texture=False)
    return [to_3d.run(request, registry, picture=disc()).mesh.vertices]


def disc():
    drawn = Image.new("RGBA", (96, 96), (0, 0, 0, 0))
    ImageDraw.Draw(drawn).ellipse((20, 20, 76, 76), "teal")
    return drawn


@pytest.mark.parametrize(
    ("made", "network", "method"),
    [
        (views, UNetMV2DConditionModel, "forward"),
        (views, LatentTokens, "forward"),
        (surface, TSR, "scene_codes"),
    ],
)
def test_a_network_that_idle_models_leave_no_room_is_called_again_without_them(
    assets, monkeypatch, made, network, method
):
    expected = made(on_fake(assets))
    registry, calls = on_fake(assets), []
    with registry.lease(style="cel"):
        pass
    work = getattr(network, method)

    def crowded(self, *arguments, **options):
        entries = registry.status().entries
        calls.append(any(e.bytes and not (e.leases or e.parked) for e in entries))
        if calls[-1]:
            raise torch.OutOfMemoryError("fake device out of memory")
        return work(self, *arguments, **options)

    monkeypatch.setattr(network, method, crowded)
    found = made(registry)
    assert calls[:2] == [True, False]
    assert all(map(np.array_equal, found, expected))


def test_memory_is_freed_once_before_anything_is_halved():
    freed, calls = [], []

    def call(rows):
        calls.append(len(rows))
        if len(rows) > 1 and not freed:
            raise torch.OutOfMemoryError
        return 2 * rows

    rows = torch.arange(4)
    assert torch.equal(in_parts(lambda: freed.append(True), call, rows), 2 * rows)
    assert calls == [4, 4] and len(freed) == 1


def test_a_single_row_falls_back_to_the_last_resort():
    def never(rows):
        raise torch.OutOfMemoryError

    rows = torch.arange(3)
    found = in_parts(lambda: None, never, rows, last=lambda row: row + 10)
    assert found.tolist() == [10, 11, 12]
    with pytest.raises(torch.OutOfMemoryError):
        in_parts(lambda: None, never, rows)


def test_other_faults_are_not_tried_again():
    calls = []

    def broken(rows):
        calls.append(rows)
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        in_parts(lambda: None, broken, torch.zeros(4))
    assert len(calls) == 1


def test_devices_share_the_memory_that_idle_modules_wait_in(assets, sizes, monkeypatch):
    monkeypatch.setattr("perflow_demo.registry.placement.choose", lambda device: Fake())
    rooms = []
    original = MainMemory.room

    def room(memory):
        rooms.append(original(memory))
        return rooms[-1]

    monkeypatch.setattr(MainMemory, "room", room)
    unet, whole = sizes
    for devices, kind in (("cpu", Registry), ("cpu,cpu,cpu,cpu", Lanes)):
        registry = kind(Settings(assets=assets, device=devices, memory_budget=whole + unet // 2))
        for style in (None, "cel"):  # of which the first has to wait elsewhere
            with registry.lease(style=style):
                pass
    assert rooms and min(rooms) == pytest.approx(max(rooms) / 4)


def test_runs_at_the_same_time_use_different_devices(assets):
    lanes = Lanes(Settings(assets=assets, device="cpu,cpu,cpu"))
    chosen, together = [], threading.Barrier(3)

    def go():
        with lanes.lane() as registry, registry.lease() as pipeline:
            together.wait(60)
            chosen.append((registry, id(pipeline.unet)))

    threads = [threading.Thread(target=go) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len({registry for registry, _ in chosen}) == 3
    assert len({unet for _, unet in chosen}) == 3
    held = lanes.status().bytes
    assert held == 3 * Registry.status(lanes).bytes
    assert lanes.unload() == held
    assert lanes.status().bytes == 0
