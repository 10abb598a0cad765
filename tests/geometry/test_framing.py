"""Input pictures of multiview: the object in the middle, at its size, with nothing bleeding in."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from perflow_demo.geometry.framing import centre, flatten

GOLDEN = load_file(Path(__file__).parents[1] / "golden" / "d_preprocess.safetensors")


def channels(picture):
    return np.asarray(picture, np.float32).reshape(*picture.size[::-1], -1).transpose(2, 0, 1) / 255


def test_golden_preparation():
    square = centre(Image.fromarray(GOLDEN["rgba"]), size=64, fill=0.75)
    alpha = channels(square.getchannel("A"))
    np.testing.assert_allclose(alpha, GOLDEN["alpha_64_crop48_white"], rtol=0, atol=2 / 255)
    white = channels(flatten(square))
    np.testing.assert_allclose(white, GOLDEN["cropped_64_crop48_white"], rtol=0, atol=2 / 255)


def test_golden_picture_without_cropping():
    grey = channels(flatten(Image.fromarray(GOLDEN["rgba"]).resize((80, 80)), (128, 128, 128)))
    np.testing.assert_allclose(grey, GOLDEN["uncropped_80_gray"], rtol=0, atol=2 / 255)


def box(size, at, behind=(0, 0, 0, 0)):
    """A green rectangle (left, top, right, bottom) on a transparent picture."""
    picture = Image.new("RGBA", size, behind)
    picture.paste((0, 255, 0, 255), at)
    return picture


@pytest.mark.parametrize("at", [(3, 5, 23, 45), (0, 0, 120, 80), (70, 10, 90, 50)])
def test_the_object_stands_in_the_middle_at_its_size(at):
    left, top, right, bottom = centre(box((120, 80), at)).getchannel("A").getbbox()
    assert max(right - left, bottom - top) == int(256 * 0.8)
    assert abs(left + right - 256) <= 1
    assert abs(top + bottom - 256) <= 1


def test_nothing_of_the_background_bleeds_in():
    cutout = box((64, 64), (20, 20, 44, 44), behind=(255, 0, 0, 0))
    red, green, blue = channels(flatten(centre(cutout)))
    np.testing.assert_allclose(red, blue, rtol=0, atol=1 / 255)
    assert green.min() > 0.99


def test_an_object_of_one_pixel_is_still_one():
    assert flatten(centre(box((9, 9), (4, 4, 5, 5)))).getpixel((128, 128)) == (0, 255, 0)


def test_an_empty_cutout_is_refused():
    with pytest.raises(ValueError, match="empty"):
        centre(Image.new("RGBA", (8, 8)))
