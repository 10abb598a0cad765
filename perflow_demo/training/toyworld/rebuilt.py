"""Where a thing stands in TSR's world, and how well a network rebuilds it.

That world is upright and turned to the viewer: the picture's camera stands at azimuth 0, which is
+X, whatever its elevation. So the network never has to guess which side of a thing is its front,
and a mesh faces whoever looks at it. Nor does it have to guess how large the thing is and where:
the middle of what the picture shows is the world's, and the thing is as wide or as high in the
world's box as in the framed picture, unless it is so deep that it would not fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from perflow_demo.evaluation.metrics import f_score, iou
from perflow_demo.geometry.mesh import Mesh, finished, tsr_points
from perflow_demo.nets import TSR
from perflow_demo.nets.tsr_input import FOREGROUND_RATIO
from perflow_demo.training.toyworld.parts import rotation
from perflow_demo.training.toyworld.solid_shards import POINTS

LEVEL = 25.0  # of density_act at the surface, as `TSR.extract_mesh` has it
FIT = 0.96  # of the world's box, at most
NEAR = 0.02  # of the longest side of a thing's box
FACES = 10_000  # at most, as under a texture


@dataclass(frozen=True)
class Stand:
    """Where canonical points lie in the world of a picture: turned (3×3, from the right), centred
    (3, once turned), scaled."""

    turn: np.ndarray
    centre: np.ndarray
    scale: float

    @classmethod
    def seen(cls, skin: np.ndarray, camera: np.ndarray, radius: float) -> Stand:
        """That of a thing whose surface runs through `skin` P×3, in the picture of a `camera`
        (azimuth, elevation in degrees), for a world's box of ±radius."""
        azimuth, elevation = map(float, camera)
        turn = tsr_points(rotation("y", -azimuth).astype(np.float64).T)
        turned, tilt = skin.astype(np.float64) @ turn, np.radians(elevation)
        upward = turned[:, 2] * np.cos(tilt) - turned[:, 0] * np.sin(tilt)  # in the picture
        shown = max(np.ptp(turned[:, 1]), np.ptp(upward))
        centre = _middle(turned)
        centre[2] = (_middle(upward) + centre[0] * np.sin(tilt)) / np.cos(tilt)
        reach = np.abs(turned - centre).max()
        scale = radius * min(2 * FOREGROUND_RATIO / shown, FIT / reach)
        return cls(turn, centre, scale)

    def place(self, points: np.ndarray) -> np.ndarray:
        """Canonical points N×3 → the world's, N×3 float64."""
        return (points.astype(np.float64) @ self.turn - self.centre) * self.scale


def _middle(points: np.ndarray) -> np.ndarray:
    return (points.min(0) + points.max(0)) / 2


@torch.no_grad()
def triplane(network: TSR, picture: np.ndarray) -> Tensor:
    """The scene code, 3×C×H×W, of a picture S×S×3 uint8 that is cut out and on grey."""
    codes = network.scene_codes(torch.from_numpy(picture[None].astype(np.float32)) / 255)
    return codes[0].float()


def surface(network: TSR, code: Tensor, resolution: int) -> Mesh:
    """What is extracted of a scene code, as people get it, in the network's world."""
    return network.extract_mesh(code, resolution, LEVEL, closed=True, smooth=True)


@torch.no_grad()
def compare(
    network: TSR, row: Mapping[str, np.ndarray], skin: np.ndarray, resolution: int = 128
) -> dict[str, float]:
    """A row of `Solids` against what the network makes of its first picture.

    skin: N×3, points on the thing's outside, as `solid_shards.measured_skin` has them.
    iou: of the volumes. f_score: at NEAR. watertight: 1 or 0, on the FACES that people get.
    """
    code = triplane(network, row["views"][0])
    stand = Stand.seen(row["skin"], row["cameras"][0], network.radius)
    places = stand.place(row["points"][POINTS:])
    answers = network.query(code, torch.from_numpy(places.astype(np.float32)))
    within = (np.abs(places) <= network.radius).all(1)  # nothing is extracted beyond
    found = within & (answers["density_act"][:, 0] > LEVEL).numpy()
    mesh = finished(surface(network, code, resolution), FACES)
    skin = stand.place(skin)
    made = [] if mesh.empty else mesh.shape().sample(len(skin), seed=0)
    return {
        "iou": iou(found, row["inside"][POINTS:]),
        "f_score": f_score(made, skin, NEAR * np.ptp(skin, axis=0).max()),
        "watertight": float(mesh.watertight),
    }
