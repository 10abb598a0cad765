"""Sheets of pictures, whatever their number."""

import pytest
import torch

from perflow_demo.training.objectives.autoencoder import grid


@pytest.mark.parametrize(("count", "size"), [(4, (8, 2)), (6, (12, 2)), (11, (12, 4))])
def test_rows_are_filled_with_white(count, size):
    sheet = grid(-torch.ones(count, 3, 2, 2), columns=6)
    assert sheet.size == size
    black = sum(pixel == (0, 0, 0) for pixel in sheet.get_flattened_data())
    assert black == 4 * count
