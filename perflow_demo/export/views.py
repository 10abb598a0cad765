"""Six views as files: twelve pictures, a sheet of them, the cut-out, cameras, and all as a ZIP."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from perflow_demo.export import png
from perflow_demo.geometry.views import AZIMUTHS, DOMAINS, VIEWS, view_cameras
from perflow_demo.tasks.contract import Request

SHEET = "sheet.png"
LINE = 22  # pixels of a label below its picture
INK, PAPER = (40, 40, 40), "white"
CONVENTION = (
    "The world's +Y is up and its +Z towards the front camera. world_to_camera is 4×4, row by row, "
    "to a camera's axes right, up, backward (as in OpenGL). Cameras are orthographic: a point "
    "(x, y) of them is at column (x / half_height + 1) * size / 2 and row "
    "(1 - y / half_height) * size / 2 of a square picture of `size` pixels, row 0 on top. "
    "Normals are on the world's axes, -1..1 kept as 0..255, white where there is nothing. "
    "Azimuths are those the network was trained to draw, in degrees from the front to its left "
    "side, the viewer's right; drawn views follow them about."
)


def files(
    request: Request,
    picture: Image.Image,
    cutout: Image.Image,
    normals: Sequence[Image.Image],
    colours: Sequence[Image.Image],
) -> dict[str, bytes]:
    """The content of every file by its name; each PNG carries the request."""
    domains = dict(zip(DOMAINS, (normals, colours), strict=True))
    pictures = {"picture.png": picture, "cutout.png": cutout, SHEET: sheet(normals, colours)}
    for domain, pages in domains.items():
        pictures |= {f"{domain}_{view}.png": page for view, page in zip(VIEWS, pages, strict=True)}
    made = {name: png.encode(page, request) for name, page in pictures.items()}
    return made | {"cameras.json": cameras(normals[0].width).encode()}


def zipped(contents: Mapping[str, bytes]) -> bytes:
    """A ZIP of those files, equal for equal contents."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def sheet(normals: Sequence[Image.Image], colours: Sequence[Image.Image]) -> Image.Image:
    """Six columns, normals above and colours below, each with its name."""
    side = normals[0].width
    page = Image.new("RGB", (len(VIEWS) * side, len(DOMAINS) * (side + LINE)), PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(13)
    for row, (domain, pages) in enumerate(zip(DOMAINS, (normals, colours), strict=True)):
        top = row * (side + LINE)
        for column, (view, picture) in enumerate(zip(VIEWS, pages, strict=True)):
            page.paste(picture, (column * side, top))
            middle = (column * side + side // 2, top + side + LINE // 2)
            draw.text(middle, f"{label(view)}, {domain}", INK, font, anchor="mm")
    return page


def label(view: str) -> str:
    """A view's name as people read it."""
    return view.replace("_", " ")


def cameras(size: int) -> str:
    """Where each view is seen from, as JSON with its convention."""
    rows = []
    for view, azimuth, camera in zip(VIEWS, AZIMUTHS, view_cameras(), strict=True):
        shift = -camera.axes @ camera.eye
        matrix = [[*axis, moved] for axis, moved in zip(camera.axes, shift, strict=True)]
        rows.append(
            {
                "view": view,
                "azimuth": azimuth,
                "elevation": 0.0,
                "world_to_camera": [[round(float(x), 9) + 0.0 for x in row] for row in matrix]
                + [[0.0, 0.0, 0.0, 1.0]],
                "half_height": camera.half_height,
            }
        )
    content = {"convention": CONVENTION, "projection": "orthographic", "size": size, "views": rows}
    return json.dumps(content, indent=2)
