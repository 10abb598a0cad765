"""A plane worked on in overlapping squares, whose results are blended so that no seam is seen."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

OVERLAP = 4  # tiles share at least one part in so many of their side with the next


@dataclass(frozen=True)
class Box:
    """Part of a plane: rows from `top`, columns from `left`."""

    top: int
    left: int
    height: int
    width: int

    def of(self, plane: Tensor, scale: int = 1) -> Tensor:
        """That part of B C H·scale W·scale."""
        rows, columns = (
            slice(start * scale, (start + length) * scale)
            for start, length in ((self.top, self.height), (self.left, self.width))
        )
        return plane[..., rows, columns]


def boxes(height: int, width: int, side: int) -> list[Box]:
    """Squares of `side` that cover the plane, evenly spread; narrower where the plane is."""
    rows, columns = min(side, height), min(side, width)
    return [
        Box(top, left, rows, columns)
        for top in _starts(height, rows, side // OVERLAP)
        for left in _starts(width, columns, side // OVERLAP)
    ]


def blend(
    parts: Iterable[tuple[Box, Tensor]], height: int, width: int, overlap: int, scale: int = 1
) -> Tensor:
    """The plane of these parts, B C height·scale width·scale: where they overlap, a weighted mean.

    A part weighs less towards its edges, over `overlap` places; boxes count in places, of which
    each is `scale` pixels of a part along a side. Every place has to be in a box.
    """
    total = weights = None
    for box, part in parts:
        if total is None:
            total = part.new_zeros(*part.shape[:2], height * scale, width * scale)
            weights = torch.zeros_like(total[:1, :1])
        rows, columns = (_ramp(length, overlap * scale).to(part) for length in part.shape[-2:])
        weight = rows.unsqueeze(1) * columns
        box.of(total, scale).add_(part * weight)
        box.of(weights, scale).add_(weight)
    return total.div_(weights)


def _starts(length: int, side: int, overlap: int) -> list[int]:
    if length <= side:
        return [0]
    gaps = ceil((length - side) / (side - overlap))
    return [round(i * (length - side) / gaps) for i in range(gaps + 1)]


def _ramp(length: int, overlap: int) -> Tensor:
    """Rises from an edge over `overlap` places to 1 and falls again, above 0 everywhere."""
    places = torch.arange(length) + 0.5
    return torch.minimum(places, length - places).clamp(max=overlap) / overlap
