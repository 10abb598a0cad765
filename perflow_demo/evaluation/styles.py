"""Does ΔW, taken from the base, work on the styles, and do they keep their look?"""

import math
from collections.abc import Sequence

from PIL.Image import Image

from perflow_demo.evaluation.drawing import TEACHER, Studio, ddim, perflow
from perflow_demo.evaluation.judging import judge_pictures, score
from perflow_demo.evaluation.metrics import frechet_distance, look, look_distance
from perflow_demo.evaluation.prompts import Prompt
from perflow_demo.evaluation.report import Report, Row, Strips
from perflow_demo.nets.judge import Judge

SAMPLERS = (TEACHER, ddim(4), perflow(4))
SHOWN = 8


def measure(studio: Studio, judge: Judge, prompts: Sequence[Prompt], size: int) -> Report:
    """A table for each style: its teacher, its few steps with and without ΔW, and the plain base.

    The judge has seen no styled picture: hold its shares against those of the style's teacher.
    frechet: to that teacher's pictures, in the judge's features.
    look: distance to that teacher's look (see `metrics.look`), 0..1.
    style_kept: 1 - look / the base's look: 1 as the style's teacher draws, 0 as the base does.
    """
    base = studio.draw(prompts, TEACHER, size)
    report = Report()
    for style in studio.styles:
        drawn = {s.label: studio.draw(prompts, s, size, style) for s in SAMPLERS}
        drawn["base"] = base
        report.tables[f"style {style} at {size} px"] = _rows(judge, prompts, drawn)
        shown = range(0, len(prompts), math.ceil(len(prompts) / SHOWN))
        rows = [(f"{style}: {name}", [p[i] for i in shown]) for name, p in drawn.items()]
        report.strips.append(Strips([prompts[i].text for i in shown], rows))
    return report


def _rows(judge: Judge, prompts: Sequence[Prompt], drawn: dict[str, list[Image]]) -> list[Row]:
    verdicts = {name: judge_pictures(judge, pictures) for name, pictures in drawn.items()}
    own, own_look = verdicts[TEACHER.label].features, look(drawn[TEACHER.label])
    distances = {name: look_distance(look(p), own_look) for name, p in drawn.items()}
    return [
        {
            "drawn by": name,
            "pictures": len(prompts),
            **score(judge, prompts, verdict),
            "frechet": frechet_distance(verdict.features, own),
            "look": distances[name],
            "style_kept": 1 - distances[name] / distances["base"] if distances["base"] else None,
        }
        for name, verdict in verdicts.items()
    ]
