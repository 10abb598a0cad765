"""Refined pictures against their originals: four steps, the teacher's many, and LANCZOS."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL.Image import Image

from perflow_demo.evaluation.judging import feature_distance, load_judge
from perflow_demo.evaluation.metrics import edges_kept, psnr, seam_ratio, sharpness
from perflow_demo.evaluation.report import Report, Strips
from perflow_demo.evaluation.things import WORLD, needs_toyworld
from perflow_demo.nets.judge import Judge
from perflow_demo.registry import Registry, open_registry
from perflow_demo.settings import Settings
from perflow_demo.tasks import tiling
from perflow_demo.tasks.refine import RefineRequest, run

SIZE, LARGE = 1024, 2048
FACTORS = (2, 4)  # by which the pictures to refine are smaller
LATENT, NEARBY = 16, 128  # pixels of a latent along a side, and around a seam
SHOWN = 6
WAYS = {
    "PeRFlow 4": {"acceleration": "perflow", "steps": 4},
    "teacher, DDIM 25": {"acceleration": "teacher", "steps": 25},
}


@dataclass(frozen=True)
class Plan:
    """How many renders are refined to SIZE, and how many to LARGE, where there are seams."""

    pictures: int
    large: int


FULL, QUICK = Plan(100, 6), Plan(6, 1)


def evaluate(settings: Settings, plan: Plan) -> Iterator[Report]:
    """Refine and measure; raises LoadError where the family, its refiner or judge is incomplete."""
    judge, registry = load_judge(settings), open_registry(settings)
    originals = [render(index, SIZE) for index in range(plan.pictures)]
    yield autoencoder(registry, originals)
    for factor in FACTORS:
        yield measure(registry, judge, originals, factor)
    yield seams(registry, originals[: plan.large])


def measure(
    registry: Registry,
    judge: Judge,
    originals: Sequence[Image],
    factor: float,
    ways: Sequence[str] = tuple(WAYS),
) -> Report:
    """One row a way back from copies `factor` times smaller and worse; means over the pictures.

    ways: of WAYS; LANCZOS comes first in any case. psnr: in dB. features: distance in the judge's
    features. sharpness: over the original's, noise included. edges: see `metrics.edges_kept`.
    """
    from perflow_demo.training.toyworld.degraded import degraded

    size = originals[0].width
    copies = [
        degraded(original, factor, np.random.default_rng([WORLD, index]))
        for index, original in enumerate(originals)
    ]
    made: dict[str, list[Image]] = {"LANCZOS": [], **{name: [] for name in ways}}
    for seed, copy in enumerate(copies):
        for name in ways:
            request = RefineRequest(to=size, seed=seed, **WAYS[name])
            result = run(request, registry, picture=copy)
            made[name].append(result.picture)
        made["LANCZOS"].append(result.before)
    rows = [
        {
            "way": name,
            "pictures": len(originals),
            "psnr": _mean(psnr, pictures, originals),
            "features": feature_distance(judge, pictures, originals),
            "sharpness": _mean(lambda a, b: sharpness(a) / sharpness(b), pictures, originals),
            "edges": _mean(edges_kept, pictures, originals),
        }
        for name, pictures in made.items()
    ]
    title = f"{round(size / factor)} to {size} px"  # the sheets' letters have no arrow
    strips = Strips(
        [title] * len(originals[:SHOWN]),
        [
            (name, [_middle(picture) for picture in pictures[:SHOWN]])
            for name, pictures in (*made.items(), ("original", originals))
        ],
    )
    return Report({title: rows}, [strips])


def autoencoder(registry: Registry, originals: Sequence[Image]) -> Report:
    """How near pictures come back from their latents, in dB."""
    from perflow_demo.tasks import refine_sampling

    with registry.lease(refine=True) as pipeline:
        side = registry.refiner("pocket").tile // pipeline.vae_scale_factor
        decoded = [
            refine_sampling.decode(
                pipeline, refine_sampling.encode(pipeline, original, side)[0], side
            )
            for original in originals
        ]
    values = [psnr(*pair) for pair in zip(decoded, originals, strict=True)]
    row = {"pictures": len(values), "psnr": float(np.mean(values)), "psnr_min": min(values)}
    return Report({f"autoencoder at {originals[0].width} px": [row]})


def seams(registry: Registry, originals: Sequence[Image]) -> Report:
    """Steps across the lines where tiles begin or end, over those across like lines near them and
    over those everywhere; beside them those of LANCZOS, which knows no tiles."""
    refiner = registry.refiner("pocket")
    boxes = tiling.boxes(LARGE, LARGE, refiner.tile)
    ends = {line for box in boxes for line in (box.left, box.left + box.width)}
    lines = sorted(line for line in ends if 0 < line < LARGE)
    made: dict[str, list[np.ndarray]] = {"LANCZOS": [], "PeRFlow 4": []}
    for seed, original in enumerate(originals):
        result = run(RefineRequest(to=LARGE, seed=seed), registry, picture=original)
        for pictures, picture in zip(made.values(), (result.before, result.picture), strict=True):
            pictures.append(np.asarray(picture, np.float32))
    rows = []
    for name, pictures in made.items():
        near = [seam_ratio(pixels, lines, LATENT, NEARBY) for pixels in pictures]
        everywhere = [seam_ratio(pixels, lines) for pixels in pictures]
        rows.append(
            {
                "way": name,
                "pictures": len(near),
                "seams": float(np.mean(near)),
                "seams_max": max(near),
                "everywhere": float(np.mean(everywhere)),
            }
        )
    return Report({f"seams at {LARGE} px": rows})


def render(index: int, size: int) -> Image:
    """A picture that nothing was trained on; UserError where what renders it is not installed."""
    needs_toyworld()
    from PIL.Image import fromarray

    from perflow_demo.training.toyworld.scene import sample

    return fromarray(sample(WORLD, index).render(size).colour)


def _middle(picture: Image) -> Image:
    """What can be told apart on a sheet: the middle, a quarter of the picture along a side."""
    width, height = picture.size
    return picture.crop((3 * width // 8, 3 * height // 8, 5 * width // 8, 5 * height // 8))


def _mean(
    measure: Callable[[Image, Image], float], pictures: Sequence[Image], originals: Sequence[Image]
) -> float:
    return float(np.mean([measure(*pair) for pair in zip(pictures, originals, strict=True)]))
