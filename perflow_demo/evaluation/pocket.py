"""All figures of the embedded family, in one report."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from perflow_demo.evaluation import quality, straightness, styles, words
from perflow_demo.evaluation.drawing import Studio
from perflow_demo.evaluation.judging import load_judge
from perflow_demo.evaluation.prompts import main_prompts
from perflow_demo.evaluation.report import Report
from perflow_demo.registry import open_registry
from perflow_demo.settings import Settings


@dataclass(frozen=True)
class Plan:
    """How much to draw.

    every: one main prompt of so many is drawn; styled: the same for styles; straight: for
    straightness. per_word: pictures of each famous prompt and unseen word, 1..4.
    size: of all figures; repeated: whether PeRFlow is compared with the teacher again at the size
    people use, where that is another.
    """

    every: int
    styled: int
    straight: int
    per_word: int
    size: int = 256
    repeated: bool = False


# Strides without a common divisor with the four colours of a kind, so that all colours take part.
FULL = Plan(every=1, styled=3, straight=7, per_word=4, repeated=True)
QUICK = Plan(every=9, styled=25, straight=47, per_word=1)


def evaluate(settings: Settings, plan: Plan) -> Iterator[Report]:
    """Draw, judge and measure; raises LoadError where the family or the judge is incomplete."""
    judge, registry = load_judge(settings), open_registry(settings)
    studio = Studio(registry)
    config = judge.config
    prompts = main_prompts(config.kinds, config.colours, config.accessories)
    place = registry.placement
    facts = {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "device": str(place.device),
        "dtype": place.dtype_name,
        "guidance": studio.guidance_scale,
    }
    yield Report({"run": [facts]})
    chosen = prompts[:: plan.every]
    yield quality.measure(studio, judge, chosen, plan.size)
    if plan.repeated and studio.size != plan.size:
        yield quality.measure(studio, judge, chosen, studio.size, quality.MAIN_COMPARISON)
    yield straightness.measure(studio, prompts[:: plan.straight], plan.size)
    yield styles.measure(studio, judge, prompts[:: plan.styled], plan.size)
    yield words.measure(studio, judge, plan.per_word, plan.size)
