"""Do pictures show what the prompt says: few PeRFlow steps, few DDIM steps, the teacher's many."""

import math
from collections.abc import Sequence

from PIL.Image import Image

from perflow_demo.evaluation.drawing import TEACHER, Sampler, Studio, ddim, perflow
from perflow_demo.evaluation.judging import judge_pictures, score
from perflow_demo.evaluation.metrics import frechet_distance, psnr
from perflow_demo.evaluation.prompts import Prompt
from perflow_demo.evaluation.report import Report, Row, Strips
from perflow_demo.nets.judge import Judge

# The teacher first: the others are held against it.
FEW_CALLS = (*map(ddim, (8, 4, 2, 1)), *map(perflow, (8, 4, 2, 1)))
EVERY_SAMPLER = (TEACHER, *FEW_CALLS)
MAIN_COMPARISON = (TEACHER, perflow(4))
SHOWN = 8


def measure(
    studio: Studio,
    judge: Judge,
    prompts: Sequence[Prompt],
    size: int,
    samplers: Sequence[Sampler] = EVERY_SAMPLER,
) -> Report:
    """One row a sampler: the judge's shares, and how near it is to the teacher from equal noise.

    frechet: to the teacher's pictures, in the judge's features (so not the customary FID).
    psnr: mean over the pictures, in dB, to the teacher's of the same noise; None for itself.
    """
    pictures = {sampler: studio.draw(prompts, sampler, size) for sampler in samplers}
    verdicts = {sampler: judge_pictures(judge, pictures[sampler]) for sampler in samplers}
    teacher = samplers[0]
    rows: list[Row] = [
        {
            "sampler": sampler.label,
            "pictures": len(prompts),
            **score(judge, prompts, verdicts[sampler]),
            "frechet": frechet_distance(verdicts[sampler].features, verdicts[teacher].features),
            "psnr": _mean_psnr(pictures[sampler], pictures[teacher]),
        }
        for sampler in samplers
    ]
    shown = range(0, len(prompts), math.ceil(len(prompts) / SHOWN))
    strips = Strips(
        [prompts[index].text for index in shown],
        [(s.label, [pictures[s][index] for index in shown]) for s in samplers],
    )
    return Report({f"quality at {size} px": rows}, [strips])


def _mean_psnr(pictures: list[Image], references: list[Image]) -> float | None:
    mean = sum(map(psnr, pictures, references)) / len(pictures)
    return None if math.isinf(mean) else mean
