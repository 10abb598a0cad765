"""Bytes are counted as the memory holds them, and a placement is one the machine has."""

import pytest
import torch
from torch import nn

from perflow_demo.errors import UserError
from perflow_demo.registry import memory, placement


def test_parameters_and_buffers_are_counted():
    module = nn.BatchNorm1d(10).to(torch.float16)
    assert memory.module_bytes(module) == 4 * 10 * 2 + 8  # and the int64 count of batches


def test_shared_tensors_count_once():
    first, second = nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False)
    apart = memory.module_bytes(first, second)
    second.weight = first.weight
    assert apart == 2 * 8 * 8 * 4
    assert memory.module_bytes(first, second) == 8 * 8 * 4
    assert memory.module_bytes(nn.Sequential(first, second)) == 8 * 8 * 4


def test_what_is_no_module_counts_nothing():
    assert memory.module_bytes("tokenizer", None) == 0


def test_the_default_budget_is_most_of_the_memory_but_not_all():
    device = torch.device("cpu")
    total = memory.device_bytes(device)
    assert total / 2 < memory.default_budget(device) < total


def test_a_container_may_use_no_more_than_its_limit(tmp_path, monkeypatch):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "CONTAINER_LIMIT", limit)
    whole = memory.device_bytes(torch.device("cpu"))
    limit.write_text("1000000\n")
    assert memory.device_bytes(torch.device("cpu")) == 1_000_000
    limit.write_text("max\n")
    assert memory.device_bytes(torch.device("cpu")) == whole


@pytest.mark.parametrize("instructions", [{"avx512_bf16": True}, {"amx_bf16": True}, {}])
def test_bfloat16_only_where_the_cpu_has_instructions_for_it(monkeypatch, instructions):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: instructions)
    place = placement.choose("cpu")
    assert place.dtype == (torch.bfloat16 if instructions else torch.float32)
    assert str(place) == f"cpu/{place.dtype_name}"


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(UserError, match="cuda:97"):
        placement.choose("cuda:97")
