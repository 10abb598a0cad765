"""Meshes and their care. Finished meshes stand as glTF wants them: +Y up, facing +Z.

Colours are sRGB here, as pictures and the field have them; what a file format wants otherwise is
its exporter's matter.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

import fast_simplification
import numpy as np
import trimesh
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

# Rows: where glTF's X, Y and Z lie in a TSR world, whose +Z is up and +X the front.
GLTF_FROM_TSR = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], np.float64)
CRUMB = 0.1  # of the largest part's length, diagonally through its box: what is shorter goes
CHUNK = 2**16  # faces measured at a time
APART = 0.01  # of the way to the middle of the faces around them, vertices of sheets are parted


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh; faces turn counter-clockwise seen from outside.

    vertices: N×3. faces: M×3 indices. colors: sRGB N×3 in [0, 1], or None.
    uv: N×2 in [0, 1], (0, 0) the texture's lower left corner, with texture: H×W×3 uint8 sRGB; both
    or neither.
    """

    vertices: np.ndarray
    faces: np.ndarray
    colors: np.ndarray | None = None
    uv: np.ndarray | None = None
    texture: np.ndarray | None = None

    @property
    def empty(self) -> bool:
        """Whether there is no surface at all."""
        return len(self.faces) == 0

    @property
    def watertight(self) -> bool:
        """Whether the surface is closed: every edge in two faces. A textured mesh is cut at seams,
        so ask before unwrapping."""
        return not self.empty and self.shape().is_watertight

    def shape(self) -> trimesh.Trimesh:
        """The bare surface in trimesh, for its measures; vertices stay as they are."""
        return trimesh.Trimesh(self.vertices, self.faces, process=False)

    def normals(self) -> np.ndarray:
        """Of the vertices, N×3 and of unit length; those in one place, as at seams, have one.

        Where all faces at a vertex have no area: up.
        """
        places, place = np.unique(self.vertices, axis=0, return_inverse=True)
        place = place.ravel()
        whole = trimesh.Trimesh(places, place[self.faces], process=False)
        normals = np.array(whole.vertex_normals)[place]
        lengths = np.linalg.norm(normals, axis=1, keepdims=True)
        return np.where(lengths > 0.5, normals / np.maximum(lengths, 1e-12), (0.0, 1.0, 0.0))


def upright(mesh: Mesh) -> Mesh:
    """A mesh of a TSR world in glTF's axes."""
    return replace(mesh, vertices=mesh.vertices @ GLTF_FROM_TSR.T)


def tsr_points(points: np.ndarray) -> np.ndarray:
    """Points N×3 in glTF's axes, in those of a TSR world."""
    return points @ GLTF_FROM_TSR


def finished(mesh: Mesh, faces: int | None = None, parts: int | None = None) -> Mesh:
    """The mesh as people get it: without crumbs, and closed where that can be.

    faces: about how many it may have; None for all of them. parts: as `count` in `keep_largest`.
    """
    mesh = keep_largest(mesh, parts)
    if faces is not None and faces < len(mesh.faces):
        mesh = keep_largest(simplify(mesh, faces), parts)
    return mesh if mesh.watertight else fill_holes(mesh)


def keep_largest(mesh: Mesh, count: int | None = None) -> Mesh:
    """The mesh without its smaller parts.

    count: parts to keep, the largest by area; None keeps all but crumbs, whose bounding box is
    less than a tenth as long as that of the largest.
    """
    if mesh.empty:
        return mesh
    number, part = _parts(mesh)
    if number == 1:
        return mesh
    of_faces = part[mesh.faces[:, 0]]
    ranked = np.argsort(-np.bincount(of_faces, _areas(mesh), number), kind="stable")
    if count is not None:
        kept = ranked[:count]
    else:
        order = np.argsort(part, kind="stable")
        starts = np.searchsorted(part[order], np.arange(number))
        low, high = (
            side.reduceat(mesh.vertices[order], starts) for side in (np.minimum, np.maximum)
        )
        lengths = np.linalg.norm(high - low, axis=1)
        kept = np.flatnonzero(lengths >= CRUMB * lengths[ranked[0]])
    return _only(mesh, mesh.faces[np.isin(of_faces, kept)])


def fill_holes(mesh: Mesh) -> Mesh:
    """The mesh with each hole closed by a fan around the middle of its rim; `watertight` tells
    whether that was all.
    """
    if mesh.empty:
        return mesh
    vertices, faces, colors = [mesh.vertices], [mesh.faces], [mesh.colors]
    count = len(mesh.vertices)
    for rim in _rims(mesh):
        # Rim edges run as their face has them, so the new face runs against them.
        follower = np.roll(rim, -1)
        middle = np.full(len(rim), count)
        vertices.append(mesh.vertices[rim].mean(0, keepdims=True))
        faces.append(np.column_stack([follower, rim, middle]))
        if mesh.colors is not None:
            colors.append(mesh.colors[rim].mean(0, keepdims=True))
        count += 1
    return Mesh(
        np.concatenate(vertices),
        np.concatenate(faces),
        None if mesh.colors is None else np.concatenate(colors),
    )


def simplify(mesh: Mesh, faces: int) -> Mesh:
    """The mesh with about `faces` faces, by quadric edge collapses; fewer already: unchanged.

    Vertex colours are those of the nearest vertex before (Garland and Heckbert 1997 for the
    collapses, through fast-simplification). Where they fold sheets onto each other or put
    vertices in one place, these are parted again; at worst a slit is left, which `fill_holes`
    closes.
    """
    if len(mesh.faces) <= faces:
        return mesh
    points, triangles = fast_simplification.simplify(
        mesh.vertices, np.asarray(mesh.faces, np.int32), target_count=faces
    )
    colors = mesh.colors
    if colors is not None:
        colors = colors[cKDTree(mesh.vertices).query(points)[1]]
    return _parted(_only(Mesh(points, triangles, colors), _unfolded(triangles)))


def _unfolded(faces: np.ndarray) -> np.ndarray:
    """The faces without those that lie on another: both sides of a fold go."""
    corners = np.sort(faces, 1)
    _, index, count = np.unique(corners, axis=0, return_inverse=True, return_counts=True)
    return faces[count[index.ravel()] == 1]


def _parted(mesh: Mesh) -> Mesh:
    """The mesh with a vertex of its own for every sheet, where several meet in one.

    Faces are of one sheet at a vertex if they can be walked around it over edges of two faces.
    The vertices move apart a little: some formats join what stands in one place.
    """
    count = len(mesh.faces)
    corners = np.arange(3 * count).reshape(count, 3)
    vertices = mesh.faces.ravel()
    ends = np.stack([corners, np.roll(corners, -1, 1)], -1).reshape(-1, 2)
    # From the lower vertex to the higher: in this order equal edges have equal ends.
    turned = np.take_along_axis(ends, np.argsort(vertices[ends], 1), 1)
    _, edge, faces = np.unique(vertices[turned], axis=0, return_inverse=True, return_counts=True)
    edge = edge.ravel()
    order = np.argsort(edge, kind="stable")
    pairs = turned[order[faces[edge[order]] == 2]].reshape(-1, 2, 2)
    links = coo_array(
        (np.ones(2 * len(pairs)), pairs.transpose(1, 0, 2).reshape(2, -1)),
        shape=(3 * count, 3 * count),
    )
    number, sheet = connected_components(links, directed=False)
    source = np.empty(number, np.int64)
    source[sheet] = vertices
    colors = None if mesh.colors is None else mesh.colors[source]
    parted = sheet.reshape(count, 3)
    return Mesh(_moved(mesh, source, parted), parted, colors)


def _moved(mesh: Mesh, source: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Vertices of `source`; several in one place go towards the middle of their own faces."""
    vertices = np.array(mesh.vertices[source], np.float64)
    around = np.zeros_like(vertices)
    np.add.at(around, faces, vertices[faces].mean(1, keepdims=True))
    middles = around / np.bincount(faces.ravel(), minlength=len(source))[:, None]
    _, place, count = np.unique(
        vertices.astype(np.float32), axis=0, return_inverse=True, return_counts=True
    )
    several = count[place.ravel()] > 1
    vertices[several] += APART * (middles - vertices)[several]
    return vertices


def _rims(mesh: Mesh) -> list[np.ndarray]:
    """Simple loops of the edges that only one face has, each as its vertices in order."""
    edges = mesh.shape().edges
    _, index, count = np.unique(np.sort(edges, 1), axis=0, return_index=True, return_counts=True)
    onward = defaultdict(list)
    for start, end in edges[index[count == 1]].tolist():
        onward[start].append(end)
    loops = []
    for start in list(onward):
        path = [start]
        while path and onward[path[-1]]:
            end = onward[path[-1]].pop()
            if end in path:  # a loop is closed; rims that touch are cut apart here
                loops.append(np.array(path[path.index(end) :]))
                path = path[: path.index(end)]
            path.append(end)
    return loops


def _parts(mesh: Mesh) -> tuple[int, np.ndarray]:
    """How many parts there are that hang together, and which of them each vertex is in."""
    first, *others = mesh.faces.T
    count = len(mesh.vertices)
    links = coo_array(
        (np.ones(2 * len(first), np.int8), (np.tile(first, 2), np.concatenate(others))),
        shape=(count, count),
    )
    return connected_components(links, directed=False)


def _areas(mesh: Mesh) -> np.ndarray:
    """Of the faces, M; few of their corners are held at a time."""
    parts = np.array_split(mesh.faces, len(mesh.faces) // CHUNK + 1)
    return np.concatenate([trimesh.triangles.area(mesh.vertices[part]) for part in parts])


def _only(mesh: Mesh, faces: np.ndarray) -> Mesh:
    """These faces and the vertices they use."""
    used = np.zeros(len(mesh.vertices), bool)
    used[faces] = True
    number = np.cumsum(used, dtype=np.int32) - 1
    take = [None if a is None else a[used] for a in (mesh.colors, mesh.uv)]
    return Mesh(mesh.vertices[used], number[faces], take[0], take[1], mesh.texture)
