"""Tiles cover a plane, and what is put together of them shows no seams."""

import pytest
import torch

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


def seam_ratio(plane, boxes):
    """Mean gradient across the lines where a tile begins, over that across all other lines."""
    gradient = plane.diff(dim=-1).abs().mean((0, 1, 2))
    lines = torch.zeros_like(gradient, dtype=torch.bool)
    for box in boxes:
        for column in (box.left, box.left + box.width):
            if 0 < column < plane.shape[-1]:
                lines[column - 1] = True
    return (gradient[lines].mean() / gradient[~lines].mean()).item()


def test_tiles_that_disagree_are_joined_without_seams():
    torch.manual_seed(0)
    plane = torch.randn(1, 1, 128, 128).cumsum(-1) / 8
    boxes = tiling.boxes(128, 128, 64)
    offsets = torch.linspace(-2, 2, len(boxes))
    parts = [(b, b.of(plane) + offset) for b, offset in zip(boxes, offsets, strict=True)]
    pasted = torch.zeros_like(plane)
    for box, part in parts:
        box.of(pasted).copy_(part)
    assert seam_ratio(pasted, boxes) > 1.5
    assert seam_ratio(tiling.blend(parts, 128, 128, 16), boxes) <= 1.1
