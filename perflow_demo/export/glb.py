"""Meshes as files. Every format but STL carries colour; GLB carries the recipe too.

GLB: +Y up, facing +Z, as glTF has it. Its vertex colours are linear light and its texture sRGB, as
the specification wants them; OBJ and PLY keep sRGB, as their readers expect.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import trimesh
from PIL import Image
from trimesh.visual import ColorVisuals, TextureVisuals
from trimesh.visual.material import PBRMaterial, SimpleMaterial

from perflow_demo.export.recipes import KEY, MAX_CHARACTERS, R, content_of, request_of
from perflow_demo.geometry.mesh import Mesh
from perflow_demo.tasks.contract import BadRecipe, BadRequest

TEXTURED = ("glb", "obj")  # the others keep a surface and at most colours at its vertices
MAX_BYTES = 256 * 2**20
ROUGHNESS = 0.9
# trimesh writes own attributes under a name with an underscore first; renamed afterwards, since
# its own way to colours has only eight bits, too few for linear light.
COLOR = "_COLOR_0"


def encode(mesh: Mesh, extension: str, recipe: Mapping[str, Any] | None = None) -> bytes:
    """The content of a mesh file.

    extension: glb, obj, ply or stl; an OBJ with a texture is a zip of model.obj, its material and
        its texture. recipe: plain JSON data, kept by GLB only.
    Raises BadRequest for another extension or a mesh without faces.
    """
    if extension not in FORMATS:
        raise BadRequest(f"Meshes cannot be written as {extension!r}; use {', '.join(FORMATS)}.")
    if mesh.empty:
        raise BadRequest("There is no surface to write; try a lower threshold or another picture.")
    return FORMATS[extension](mesh, recipe)


def encode_result(result, extension: str) -> bytes:
    """As `encode`, of a To3DResult; formats that know no texture get the surface uncut."""
    mesh = result.mesh if extension in TEXTURED else result.surface
    return encode(mesh, extension, result.request.recipe())


def read_recipe(file: Path | str | bytes, kind: type[R]) -> R:
    """The request that the mesh of a GLB file was made by, checked like any other.

    file: a path, or the content itself; up to 256 MiB. Nothing in it is trusted. Raises BadRecipe
    for what is no GLB, too large, without a recipe, or with one that is damaged, of another task or
    of a newer program.
    """
    content = content_of(file, MAX_BYTES)
    # The header, then the length and the kind of the first chunk (glTF 2.0, section 4.4).
    length = int.from_bytes(content[12:16], "little")
    if content[:4] != b"glTF" or content[16:20] != b"JSON" or len(content) < 20 + length:
        raise BadRecipe("The file is no intact GLB mesh.")
    try:
        tree = json.loads(content[20 : 20 + min(length, MAX_CHARACTERS)])
        recipe = tree["asset"]["extras"][KEY]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadRecipe("The mesh carries no recipe; use a GLB saved by this program.") from error
    return request_of(recipe, kind)


def linear(srgb: np.ndarray) -> np.ndarray:
    """sRGB values in [0, 1] as linear light (IEC 61966-2-1)."""
    srgb = np.clip(srgb, 0, 1)
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _glb(mesh: Mesh, recipe: Mapping[str, Any] | None) -> bytes:
    shape = mesh.shape()
    picture = None if mesh.texture is None else Image.fromarray(mesh.texture)
    material = PBRMaterial(baseColorTexture=picture, metallicFactor=0.0, roughnessFactor=ROUGHNESS)
    shape.visual = TextureVisuals(uv=mesh.uv, material=material)
    if picture is None and mesh.colors is not None:
        shape.vertex_attributes[COLOR] = linear(mesh.colors).astype(np.float32)
    shape.vertex_normals = mesh.normals()

    def finish(tree: dict[str, Any]) -> None:
        for part in tree["meshes"]:
            attributes = part["primitives"][0]["attributes"]
            if COLOR in attributes:
                attributes[COLOR.lstrip("_")] = attributes.pop(COLOR)
        if recipe is not None:
            tree["asset"]["extras"] = {KEY: dict(recipe)}

    return trimesh.exchange.gltf.export_glb(
        shape.scene(), include_normals=True, tree_postprocessor=finish
    )


def _obj(mesh: Mesh, recipe: Mapping[str, Any] | None) -> bytes:
    shape = mesh.shape()
    if mesh.texture is None:
        shape.visual = _vertex_colors(mesh)
        return trimesh.exchange.obj.export_obj(shape, include_color=True).encode()
    material = SimpleMaterial(image=Image.fromarray(mesh.texture))
    material.name = "texture"
    shape.visual = TextureVisuals(uv=mesh.uv, material=material)
    text, files = trimesh.exchange.obj.export_obj(
        shape, include_texture=True, return_texture=True, mtl_name="model.mtl"
    )
    bundle = BytesIO()
    with ZipFile(bundle, "w", ZIP_DEFLATED) as archive:
        for name, content in {"model.obj": text, **files}.items():
            archive.writestr(name, content)
    return bundle.getvalue()


def _ply(mesh: Mesh, recipe: Mapping[str, Any] | None) -> bytes:
    shape = mesh.shape()
    shape.visual = _vertex_colors(mesh)
    return trimesh.exchange.ply.export_ply(shape)


def _stl(mesh: Mesh, recipe: Mapping[str, Any] | None) -> bytes:
    return trimesh.exchange.stl.export_stl(mesh.shape())


def _vertex_colors(mesh: Mesh) -> ColorVisuals:
    if mesh.colors is None:
        return ColorVisuals()
    colors = np.rint(np.clip(mesh.colors, 0, 1) * 255).astype(np.uint8)
    return ColorVisuals(vertex_colors=np.column_stack([colors, np.full(len(colors), 255)]))


FORMATS: dict[str, Callable[[Mesh, Mapping[str, Any] | None], bytes]] = {
    "glb": _glb,
    "obj": _obj,
    "ply": _ply,
    "stl": _stl,
}
