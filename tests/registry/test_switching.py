"""Switching families back and forth keeps no memory; models leave nothing behind."""

import gc
from dataclasses import replace

import psutil
import pytest
import torch

from perflow_demo.models import catalogue
from perflow_demo.models.stable_diffusion import FAMILIES
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from perflow_demo.tasks.text_to_image import TextToImageRequest, run
from tests.mirror_factory import write_delta, write_family

TENSORS = (torch.Tensor, torch.nn.Parameter)
KINDS = {
    "sd15-dreamshaper": "sd15",
    "perflow-sd15-disney": "sd15",
    "perflow-sd21-artius": "sd21",
    "perflow-sdxl-base": "sdxl",
}


@pytest.fixture
def registry(assets, tmp_path, monkeypatch):
    for family in FAMILIES:
        if family.name in KINDS:
            defaults = replace(family.defaults, size=64)
            small = replace(family, sizes=(64,), defaults=defaults, memory_bytes=0)
            monkeypatch.setitem(catalogue.CATALOGUE, family.name, small)
            variant = family.repository.variant or "fp16"
            write_family(tmp_path, family.repository.name, KINDS[family.name], variant=variant)
    write_delta(tmp_path)
    # Room for about two families at a time, so that every switch loads and drops.
    settings = Settings(assets=assets, device="cpu", mirror=tmp_path, memory_budget=15 * 10**6)
    return Registry(settings)


def tensor_bytes() -> int:
    gc.collect()
    return sum(thing.nbytes for thing in gc.get_objects() if type(thing) in TENSORS)


def test_twenty_switches_among_five_families_keep_no_memory(registry):
    tensors, whole = [], []
    for _ in range(5):
        for name in ("pocket", *KINDS):
            run(TextToImageRequest(prompt="a dog", family=name, seed=1, steps=4), registry)
            assert registry.status().bytes <= registry.status().budget
        registry.unload()
        assert registry.status().entries == ()
        tensors.append(tensor_bytes())
        whole.append(psutil.Process().memory_info().rss)
    assert tensors[-1] <= 1.03 * tensors[0]
    assert whole[-1] <= 1.03 * whole[0]
