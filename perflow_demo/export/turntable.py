"""A mesh that turns, as an animated picture."""

from io import BytesIO

from perflow_demo.geometry.mesh import Mesh
from perflow_demo.geometry.turntable import Turntable
from perflow_demo.tasks.contract import BadRequest

FORMATS = {"webp": {"quality": 85, "method": 4}, "gif": {}}
FRAMES, MILLISECONDS, SIZE = 36, 80, 320


def encode(mesh: Mesh, extension: str, frames: int = FRAMES, size: int = SIZE) -> bytes:
    """The content of an animated file, one whole turn, looping; size: pixels along its side.

    extension: webp or gif. Raises BadRequest for another, or a mesh without faces.
    """
    if extension not in FORMATS:
        raise BadRequest(f"A turntable cannot be a {extension!r}; use {' or '.join(FORMATS)}.")
    if mesh.empty:
        raise BadRequest("There is no surface to look at.")
    first, *others = Turntable(mesh, size).turn(frames)
    file = BytesIO()
    first.save(
        file,
        extension.upper(),
        save_all=True,
        append_images=others,
        duration=MILLISECONDS,
        loop=0,
        **FORMATS[extension],
    )
    return file.getvalue()
