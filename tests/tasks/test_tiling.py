"""Tiles cover a plane, and what is put together of them shows no seams."""

import pytest
import torch

from perflow_demo.evaluation.metrics import seam_ratio
from perflow_demo.tasks import tiling


@pytest.mark.parametrize(
    ("height", "width", "count"),
    [(48, 48, 1), (64, 64, 1), (64, 65, 2), (96, 96, 4), (128, 128, 9), (30, 200, 4)],
)
def test_tiles_of_one_size_cover_the_plane_and_overlap(height, width, count):
    boxes = tiling.boxes(height, width, 64)
    assert len(boxes) == count
    assert {(box.height, box.width) for box in boxes} == {(min(64, height), min(64, width))}
    covered = torch.zeros(1, 1, height, width)
    for box in boxes:
        box.of(covered).add_(1)
    assert covered.min() >= 1
    lefts = sorted({box.left for box in boxes})
    assert all(right - left <= 48 for left, right in zip(lefts, lefts[1:], strict=False))


@pytest.mark.parametrize("scale", [1, 4])
def test_what_is_the_same_in_every_tile_comes_back_unchanged(scale):
    plane = torch.randn(1, 3, 100 * scale, 130 * scale)
    parts = ((box, box.of(plane, scale)) for box in tiling.boxes(100, 130, 64))
    assert torch.allclose(tiling.blend(parts, 100, 130, 16, scale), plane, atol=1e-5)


def test_tiles_that_disagree_are_joined_without_seams():
    torch.manual_seed(0)
    plane = torch.randn(1, 1, 128, 128).cumsum(-1).cumsum(-2) / 32
    boxes = tiling.boxes(128, 128, 64)
    offsets = torch.linspace(-2, 2, len(boxes))
    parts = [(b, b.of(plane) + offset) for b, offset in zip(boxes, offsets, strict=True)]
    pasted = torch.zeros_like(plane)
    for box, part in parts:
        box.of(pasted).copy_(part)
    lines = [line for box in boxes for line in (box.left, box.left + box.width)]
    assert seam_ratio(pasted[0].movedim(0, -1).numpy(), lines) > 1.5
    blended = tiling.blend(parts, 128, 128, 16)[0].movedim(0, -1).numpy()
    assert seam_ratio(blended, lines) <= 1.1
