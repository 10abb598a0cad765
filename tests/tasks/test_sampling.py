"""Words are read alike however many read at once, since the tokenizer they share has state."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from perflow_demo.tasks import sampling


@pytest.fixture
def eager_switching():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_many_threads_read_the_same_words(assets, eager_switching):
    with Registry(Settings(assets=assets, device="cpu")).lease() as pipeline:

        def read(_) -> torch.Tensor:
            (embeds, _), _ = sampling.encode(pipeline, ("a red dog", ""), 1, True)
            return embeds

        alone = read(None)
        with ThreadPoolExecutor(8) as threads:
            together = list(threads.map(read, range(80)))
    assert alone.shape == (1, 48, 32)
    assert all(torch.equal(embeds, alone) for embeds in together)
