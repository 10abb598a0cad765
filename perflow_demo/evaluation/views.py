"""Six views of things that nothing was trained on, against the truth; and of drawn pictures."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from perflow_demo.errors import BadRequest
from perflow_demo.evaluation.drawing import TEACHER, Sampler, ddim, perflow
from perflow_demo.evaluation.metrics import column_means, drawn, iou, means, psnr
from perflow_demo.evaluation.report import Report, Strips
from perflow_demo.evaluation.things import WORLD, Plan, drawings, needs_toyworld
from perflow_demo.geometry import framing
from perflow_demo.geometry.views import VIEWS
from perflow_demo.models.catalogue import FOREGROUND
from perflow_demo.registry import Registry, open_registry
from perflow_demo.settings import Settings
from perflow_demo.tasks import foreground

FRONT, SEED = VIEWS.index("front"), 42


PLUGGED = perflow(4)
WAYS = (TEACHER, ddim(4), PLUGGED, perflow(1))
FULL, QUICK = Plan(200, 200, 3), Plan(12, 12, 3)


def evaluate(settings: Settings, plan: Plan) -> Iterator[Report]:
    """Draw and measure; raises LoadError where the family is incomplete."""
    registry = open_registry(settings)
    yield rendered(registry, plan)
    yield _drawn(settings, registry, plan)


def rendered(registry: Registry, plan: Plan, ways: Sequence[Sampler] = WAYS) -> Report:
    """One row a way, means over the things: as `six_views.compare` has them."""
    needs_toyworld()
    from perflow_demo.training.toyworld.six_views import compare, six_views

    found, strips = defaultdict(list), []
    for index in range(plan.rendered):
        truth = six_views(WORLD, index, framing.SIZE)
        picture = Image.fromarray(truth.picture)
        made = {way.label: draw(registry, picture, way) for way in ways}
        for label, (normals, colours) in made.items():
            found[label].append(compare(normals, colours, truth))
        if index < plan.shown:
            made = {"truth": (truth.normals, truth.colours), **made}
            strips.append(_strips(truth.picture, made))
    rows = [
        {"way": label, "things": len(measured)} | means(measured)
        for label, measured in found.items()
    ]
    return Report({"views of rendered pictures": rows}, strips)


def _drawn(settings: Settings, registry: Registry, plan: Plan) -> Report:
    """Pictures drawn of a prompt have no truth but themselves: the front view has to be like them.

    taken: share of the pictures in which the foreground network found one whole thing.
    """
    taken, strips = [], []
    found: dict[str, dict[str, list[float]]] = {way.label: defaultdict(list) for way in WAYS}
    for _, picture in drawings(settings, registry, plan.drawn):
        try:
            cutout = foreground.cut_out(picture, registry)
        except BadRequest:
            taken.append(0.0)
            continue
        taken.append(1.0)
        framed = framing.flatten(framing.centre(cutout, framing.SIZE))
        given, made = np.asarray(framed), {way.label: draw(registry, framed, way) for way in WAYS}
        for label, (_, colours) in made.items():
            found[label]["front_psnr"].append(psnr(colours[FRONT], given))
            found[label]["front_iou"].append(iou(drawn(colours[FRONT]), drawn(given)))
        if len(strips) < plan.shown:
            strips.append(_strips(given, made))
    common = {"pictures": len(taken), "taken": float(np.mean(taken))}
    rows = [{"way": label} | common | column_means(figures) for label, figures in found.items()]
    return Report({"views of drawn pictures": rows}, strips)


def draw(registry: Registry, picture: Image.Image, way: Sampler) -> tuple[np.ndarray, np.ndarray]:
    """Normals and colours, 6×H×W×3 uint8, of a picture as `geometry.framing` makes it."""
    from perflow_demo.tasks import multiview_sampling

    family = registry.multiview_family("pocket")
    with registry.lease_multiview("pocket", way.strength) as pipeline:
        way.set_up(pipeline)
        guidance_scale = family.defaults.guidance_scale
        conditions = multiview_sampling.condition(pipeline, picture, guidance_scale)
        latents = multiview_sampling.noise(pipeline, SEED, picture.width, family.defaults.variety)
        *_, (latents, _) = multiview_sampling.denoise(pipeline, latents, conditions)
        pages = multiview_sampling.decode(pipeline, latents)
    if family.cleared:
        with registry.lease_foreground(family.foreground) as network:
            pages = foreground.cleared(pages, network, FOREGROUND[family.foreground].size)
    return tuple(np.stack([np.asarray(page) for page in pages[d]]) for d in ("normals", "colours"))


def _strips(given: np.ndarray, made: dict[str, tuple[np.ndarray, np.ndarray]]) -> Strips:
    def rows() -> Iterator[tuple[str, list[Image.Image]]]:
        for label, pages in made.items():
            for views in reversed(pages):
                yield label, [Image.fromarray(page) for page in (given, *views)]

    return Strips(["picture", *VIEWS], list(rows()))
