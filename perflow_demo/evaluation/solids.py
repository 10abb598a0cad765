"""Meshes of things that nothing was trained on, against the truth; and of drawn pictures."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from PIL import Image

from perflow_demo.errors import BadRequest
from perflow_demo.evaluation.judging import judge_pictures, load_judge, score
from perflow_demo.evaluation.metrics import column_means, iou, means
from perflow_demo.evaluation.report import Report, Strips
from perflow_demo.evaluation.things import WORLD, Plan, drawings, needs_toyworld
from perflow_demo.geometry.mesh import upright
from perflow_demo.geometry.turntable import PAPER, Turntable
from perflow_demo.nets.tsr_input import frame_object
from perflow_demo.registry import Registry, open_registry
from perflow_demo.registry.stock import solid_model
from perflow_demo.settings import Settings
from perflow_demo.tasks import to_3d

SIDES = {"front": 0, "left": 90, "back": 180, "right": 270}
ASIDE = 45
BLANK = Image.new("RGB", (256, 256), "white")
DETAILED = "the picture's details"
COLOURED = {"the network's": False, DETAILED: True}

FULL, QUICK = Plan(200, 200, 8), Plan(12, 12, 6)


def evaluate(settings: Settings, plan: Plan) -> Iterator[Report]:
    """Rebuild and measure; raises LoadError where the family is incomplete."""
    registry = open_registry(settings)
    yield rendered(registry, plan)
    yield _drawn(settings, registry, plan)


def rendered(registry: Registry, plan: Plan) -> Report:
    """Means over the things, as `rebuilt.compare` has them."""
    needs_toyworld()
    from perflow_demo.training.toyworld.rebuilt import compare, surface, triplane
    from perflow_demo.training.toyworld.solid_shards import describe, measured_skin, single

    found, shown = [], []
    resolution = solid_model("pocket").resolution
    with registry.lease_solid("pocket") as network:
        for index in range(plan.rendered):
            rng = np.random.default_rng([WORLD, index])
            scene = single(WORLD, index)
            row = describe(scene, rng, network.image_size)
            found.append(compare(network, row, measured_skin(scene, rng), resolution))
            if index < plan.shown:
                code = triplane(network, row["views"][0])
                mesh = upright(surface(network, code, resolution))
                sides = [BLANK] * len(SIDES) if mesh.empty else _sides(Turntable(mesh))
                shown.append([Image.fromarray(row["views"][0]), *sides])
    table = [{"things": len(found)} | means(found)]
    return Report({"meshes of rendered pictures": table}, [_strips(shown)])


def _drawn(settings: Settings, registry: Registry, plan: Plan) -> Report:
    """Pictures drawn of a prompt have no truth but themselves: the mesh has to cover the same, and
    to show the kind of thing that was asked for.

    made: share of the pictures that became a mesh. front_iou: of the mesh's outline from the front
    with the cut-out's, both framed alike. front, aside: share of the meshes whose kind the judge
    names from there, the second ASIDE degrees around.
    """
    judge = load_judge(settings)
    figures, named, shown = defaultdict(list), {way: defaultdict(list) for way in COLOURED}, []
    for prompt, picture in drawings(settings, registry, plan.drawn):
        try:
            results = {way: _made(registry, picture, COLOURED[way]) for way in COLOURED}
        except BadRequest:
            figures["made"].append(0.0)
            continue
        tables = {way: Turntable(result.mesh) for way, result in results.items()}
        for way, table in tables.items():
            for name, azimuth in (("front", 0), ("aside", ASIDE)):
                verdict = judge_pictures(judge, [table.view(azimuth)])
                named[way][name].append(score(judge, [prompt], verdict)["category"])
        result, sides = results[DETAILED], _sides(tables[DETAILED])
        outline = (np.asarray(sides[0]) != PAPER).any(-1)
        figures["made"].append(1.0)
        figures["watertight"].append(float(result.surface.watertight))
        figures["front_iou"].append(iou(_framed(outline), _framed(_alpha(result.cutout))))
        if len(shown) < plan.shown:
            shown.append([picture, *sides])
    found = {
        "meshes of drawn pictures": [{"pictures": len(figures["made"])} | column_means(figures)],
        "meshes named by the judge": [
            {"colours": way} | column_means(named[way]) for way in COLOURED
        ],
    }
    return Report(found, [_strips(shown)])


def _made(registry: Registry, picture: Image.Image, details: bool) -> to_3d.To3DResult:
    request = to_3d.To3DRequest(texture=False, details=details)
    return to_3d.run(request, registry, picture=picture)


def _sides(table: Turntable) -> list[Image.Image]:
    return [table.view(azimuth, elevation=0) for azimuth in SIDES.values()]


def _alpha(cutout: Image.Image) -> np.ndarray:
    return np.asarray(cutout.getchannel("A")) > 127


def _framed(mask: np.ndarray, size: int = 128) -> np.ndarray:
    """What a mask H×W covers, in the middle of a square and as large as it fits."""
    cutout = np.dstack([mask.astype(np.uint8) * 255] * 4)
    square = Image.fromarray(frame_object(cutout)).resize((size, size))
    return _alpha(square)


def _strips(shown: list[list[Image.Image]]) -> Strips:
    """A column a thing: its picture, and below it the mesh from all sides."""
    labels = ("picture", *SIDES)
    rows = [(label, [column[row] for column in shown]) for row, label in enumerate(labels)]
    return Strips([""] * len(shown), rows)
