"""Pictures that somebody chose: whole ones are opened, all others refused in a sentence."""

import numpy as np
import pytest
from PIL import Image

from perflow_demo.errors import BadRequest
from perflow_demo.tasks import picture
from perflow_demo.tasks.picture import open_picture


@pytest.mark.parametrize(
    ("name", "mode", "opened"),
    [
        ("a.png", "RGB", "RGB"),
        ("a.png", "RGBA", "RGBA"),
        ("a.png", "L", "RGB"),
        ("a.jpg", "RGB", "RGB"),
        ("a.webp", "RGBA", "RGBA"),
    ],
)
def test_formats_and_modes(tmp_path, name, mode, opened):
    made = Image.new(mode, (8, 6), 128 if mode == "L" else (200, 40, 40, 90)[: len(mode)])
    made.save(tmp_path / name)
    found = open_picture(tmp_path / name)
    assert (found.mode, found.size) == (opened, (8, 6))
    if name.endswith("png"):
        assert np.array_equal(np.asarray(found), np.asarray(made.convert(opened)))


def test_what_is_no_picture_is_refused(tmp_path, monkeypatch):
    whole = tmp_path / "whole.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(whole)
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:2000])
    (tmp_path / "text.png").write_text("a dog")
    Image.new("RGB", (8, 8)).save(tmp_path / "a.gif")
    for name in ("cut.png", "text.png", "a.gif"):
        with pytest.raises(BadRequest, match=f"{name} is no intact PNG, JPEG or WebP"):
            open_picture(tmp_path / name)
    with pytest.raises(BadRequest, match="There is no file"):
        open_picture(tmp_path / "nothing.png")
    monkeypatch.setattr(picture, "MAX_PIXELS", 64 * 63)
    with pytest.raises(BadRequest, match="million pixels"):
        open_picture(whole)
