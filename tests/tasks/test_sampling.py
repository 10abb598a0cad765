"""Words are read alike however many read at once; pictures are decoded in whatever parts fit."""

import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional

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


class Decoder:
    """Enlarges latents eight times, and runs out of memory above `most` of them on a side."""

    dtype = torch.float32
    config = SimpleNamespace(scaling_factor=0.5, block_out_channels=(1, 1, 1, 1))

    def __init__(self, most: int):
        self.most, self.sides = most, []

    def decode(self, latents):
        self.sides.append(max(latents.shape[-2:]))
        if self.sides[-1] > self.most:
            raise torch.OutOfMemoryError("fake device out of memory")
        return SimpleNamespace(sample=functional.interpolate(latents[:, :3], scale_factor=8))


@pytest.mark.parametrize("most", [64, 40, 32, 16])
def test_a_picture_too_large_to_decode_at_once_is_put_together_of_tiles(assets, most):
    registry = Registry(Settings(assets=assets, device="cpu"))
    latents = torch.rand(2, 4, 64, 48, generator=torch.Generator().manual_seed(0))
    decoder = Decoder(most)
    found = sampling.decoded(decoder, latents, registry.in_parts)
    expected = functional.interpolate(2 * latents[:, :3], scale_factor=8)
    torch.testing.assert_close(found, expected)
    assert min(decoder.sides) > most // 2


def test_what_fits_in_no_part_is_told(assets):
    registry = Registry(Settings(assets=assets, device="cpu"))
    with pytest.raises(torch.OutOfMemoryError):
        sampling.decoded(Decoder(8), torch.zeros(1, 4, 64, 64), registry.in_parts)
