"""Animated turntables: one turn, looping, in either format."""

from io import BytesIO

import numpy as np
import pytest
import trimesh
from PIL import Image

from perflow_demo.errors import BadRequest
from perflow_demo.export import turntable
from perflow_demo.geometry.mesh import Mesh

BOX = trimesh.creation.box((2.0, 0.5, 0.5))
MESH = Mesh(np.array(BOX.vertices), np.array(BOX.faces))


@pytest.mark.parametrize("extension", list(turntable.FORMATS))
def test_a_turn_is_as_many_pictures_that_differ(extension):
    content = turntable.encode(MESH, extension, frames=4, size=48)
    with Image.open(BytesIO(content)) as turn:
        assert (turn.format.lower(), turn.n_frames, turn.size) == (extension, 4, (48, 48))
        assert turn.info["loop"] == 0
        frames = []
        for index in range(4):
            turn.seek(index)
            frames.append(np.asarray(turn.convert("L"), int))
    assert np.abs(frames[0] - frames[1]).mean() > 5  # broad side, narrow side
    assert np.abs(frames[0] - frames[2]).mean() < 5


def test_another_format_and_an_empty_mesh_are_refused():
    with pytest.raises(BadRequest, match="webp or gif"):
        turntable.encode(MESH, "mp4")
    with pytest.raises(BadRequest, match="no surface"):
        turntable.encode(Mesh(np.empty((0, 3)), np.empty((0, 3), np.int32)), "gif")
