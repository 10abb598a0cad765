"""Where a thing stands in TSR's world, and how well a network rebuilds it.

That world is upright and turned to the viewer: the picture's camera stands at azimuth 0, which is
+X, whatever its elevation. So the network never has to guess which side of a thing is its front,
and a mesh faces whoever looks at it. The unit sphere around a thing becomes FIT of the box.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from perflow_demo.evaluation.metrics import f_score, iou
from perflow_demo.geometry.mesh import finished, tsr_points
from perflow_demo.nets import TSR
from perflow_demo.training.toyworld.parts import rotation
from perflow_demo.training.toyworld.solid_shards import POINTS

LEVEL = 25.0  # of density_act at the surface, as `TSR.extract_mesh` has it
FIT = 0.96
NEAR = 0.02  # of the longest side of a thing's box
FACES = 10_000  # at most, as under a texture


def to_world(radius: float, azimuth: float) -> np.ndarray:
    """3×3, to be multiplied from the right: canonical points N×3 → the world of a picture."""
    turned = rotation("y", -float(azimuth)).astype(np.float64).T
    return FIT * radius * tsr_points(turned)


@torch.no_grad()
def triplane(network: TSR, picture: np.ndarray) -> Tensor:
    """The scene code, 3×C×H×W, of a picture S×S×3 uint8 that is cut out and on grey."""
    return network.scene_codes(torch.from_numpy(picture[None].astype(np.float32)) / 255)[0].float()


@torch.no_grad()
def compare(network: TSR, row: Mapping[str, np.ndarray], resolution: int = 128) -> dict[str, float]:
    """A row of `Solids` against what the network makes of its first picture.

    iou: of the volumes. f_score: at NEAR. watertight: 1 or 0, on the FACES that people get.
    """
    code, turn = triplane(network, row["views"][0]), to_world(network.radius, row["azimuths"][0])
    places = row["points"][POINTS:].astype(np.float64) @ turn
    answers = network.query(code, torch.from_numpy(places.astype(np.float32)))
    found = (answers["density_act"][:, 0] > LEVEL).numpy()
    mesh = finished(network.extract_mesh(code, resolution, LEVEL, closed=True), FACES)
    skin = row["skin"].astype(np.float64) @ turn
    made = [] if mesh.empty else mesh.shape().sample(POINTS, seed=0)
    return {
        "iou": iou(found, row["inside"][POINTS:]),
        "f_score": f_score(made, skin, NEAR * np.ptp(skin, axis=0).max()),
        "watertight": float(mesh.watertight),
    }
