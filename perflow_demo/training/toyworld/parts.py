"""A Toy World thing: closed, painted parts, plus the places where other things attach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

Colour = tuple[float, float, float]
Point = tuple[float, float, float]

FINISHES = ("matte", "glossy", "metallic", "wooden", "striped", "dotted", "glass", "glowing")


@dataclass(frozen=True)
class Paint:
    """What a surface looks like: sRGB colours in [0, 1] and one of FINISHES.

    `second` is the colour of the stripes or dots of a striped or dotted finish.
    """

    colour: Colour
    finish: str = "matte"
    second: Colour = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Part:
    """One closed triangle mesh in one paint.

    vertices V×3 and unit normals V×3 (float32; +Y up, facing +Z), faces F×3 (int32,
    counter-clockwise seen from outside). A crisp edge has its vertices twice, once for each side's
    normal.
    """

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    paint: Paint

    def transform(self, matrix: np.ndarray, offset: np.ndarray | float = 0.0) -> Part:
        """The part under x ↦ matrix·x + offset (3×3, invertible; mirrors keep faces outward)."""
        matrix = np.asarray(matrix, np.float32)
        normals = self.normals @ np.linalg.inv(matrix)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        faces = self.faces if np.linalg.det(matrix) > 0 else self.faces[:, ::-1]
        vertices = self.vertices @ matrix.T + np.asarray(offset, np.float32)
        return replace(
            self,
            vertices=vertices.astype(np.float32),
            normals=normals.astype(np.float32),
            faces=faces,
        )

    def move(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Part:
        return replace(self, vertices=self.vertices + np.array([x, y, z], np.float32))

    def stretch(self, x: float = 1.0, y: float = 1.0, z: float = 1.0) -> Part:
        return self.transform(np.diag([x, y, z]))

    def turn(self, axis: str, degrees: float) -> Part:
        """Rotated about the origin: 'x' tips forward, 'y' turns left, 'z' rolls anticlockwise."""
        return self.transform(rotation(axis, degrees))

    def mirror(self) -> Part:
        """The other one of a left and right pair (x ↦ −x)."""
        return self.stretch(x=-1.0)

    def pair(self) -> list[Part]:
        """This part and its mirror image: two ears, two wings, two wheels."""
        return [self, self.mirror()]

    def warp(self, bend: Callable[[np.ndarray], np.ndarray]) -> Part:
        """Vertices moved by `bend` (V×3 → V×3); smooth normals are computed anew."""
        vertices = bend(self.vertices.copy()).astype(np.float32)
        return replace(self, vertices=vertices, normals=smooth_normals(vertices, self.faces))

    def flattened(self, low: float) -> Part:
        """All below y = `low` pressed up to it: a flat foot, or the upper half of a ball."""
        return self.warp(lambda v: np.maximum(v, (-np.inf, low, -np.inf)))

    def painted(self, paint: Paint) -> Part:
        return replace(self, paint=paint)


@dataclass(frozen=True)
class Head:
    """Where accessories sit. The head is about an ellipsoid with `centre` and `radii`, facing +Z.

    `eyes`: centre of the right-hand-side eye at x > 0 (the other one is mirrored about `centre`'s
    x); `eye_radius`; `neck`: centre and radius of the ring on which a scarf lies; `back`: where a
    backpack hangs, None where there is no place for one.
    """

    centre: Point
    radii: Point
    eyes: Point
    eye_radius: float
    neck: Point
    neck_radius: float
    back: Point | None = None


@dataclass(frozen=True)
class Model:
    """One built thing: parts in any unit and place; `normalised` brings it into the unit sphere.

    noun: what it is called where a sub-type has a name of its own ("vintage car"), else None;
    details: short true phrases a caption may add after "with" ("floppy ears", "a long neck");
    states: adjectives or participles that are true of this very one ("sitting", "striped");
    perch: a place on top where another thing can stand, None where there is none;
    extra_words: "main_part", "second_part" (instead of its kind's) and "framing" where they differ.
    """

    parts: list[Part]
    noun: str | None = None
    details: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    head: Head | None = None
    perch: Point | None = None
    extra_words: dict[str, str] = field(default_factory=dict)

    def normalised(self) -> Model:
        """Centred on its bounding box and scaled into the unit sphere (anchors are dropped)."""
        points = np.concatenate([part.vertices for part in self.parts])
        centre = (points.min(0) + points.max(0)) / 2
        scale = 1.0 / np.linalg.norm(points - centre, axis=1).max()
        matrix = np.eye(3, dtype=np.float32) * scale
        parts = [part.transform(matrix, -centre * scale) for part in self.parts]
        return replace(self, parts=parts, head=None, perch=None)


def rotation(axis: str, degrees: float) -> np.ndarray:
    """3×3 rotation about 'x', 'y' or 'z' by the right-hand rule."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    rows = {
        "x": [[1, 0, 0], [0, c, -s], [0, s, c]],
        "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
        "z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    }
    return np.array(rows[axis], np.float32)


def smooth_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted vertex normals, V×3."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    face_normals = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices)
    for i in range(3):
        np.add.at(normals, faces[:, i], face_normals)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return (normals / np.maximum(length, 1e-12)).astype(np.float32)
