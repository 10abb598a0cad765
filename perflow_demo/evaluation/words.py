"""What becomes of the prompts people know PeRFlow by, and of words that training never used."""

from collections.abc import Mapping

from PIL.Image import Image

from perflow_demo.evaluation.drawing import TEACHER, Studio, perflow
from perflow_demo.evaluation.judging import judge_pictures, score
from perflow_demo.evaluation.prompts import Prompt, famous_prompts, unseen_prompts
from perflow_demo.evaluation.report import Report, Row, Strips
from perflow_demo.nets.judge import Judge

SAMPLERS = {"teacher": TEACHER, "perflow": perflow(4)}
ALL = "all of them"


def measure(studio: Studio, judge: Judge, per_word: int, size: int) -> Report:
    """Two tables, one row a prompt or word: the share of its pictures judged as it should be.

    per_word: pictures of each, 1..4.
    A picture with several things to get right (a kind, two accessories) counts the mean of them.
    """
    report = Report()
    for title, groups in (
        ("famous prompts", famous_prompts()),
        ("unseen words", unseen_prompts()),
    ):
        fewer = {text: group[:per_word] for text, group in groups.items()}
        rows, strips = _measure_groups(studio, judge, fewer, size)
        report.tables[f"{title} at {size} px"] = rows
        report.strips.append(strips)
    return report


def _measure_groups(
    studio: Studio, judge: Judge, groups: Mapping[str, list[Prompt]], size: int
) -> tuple[list[Row], Strips]:
    prompts = [prompt for group in groups.values() for prompt in group]
    drawn = {name: studio.draw(prompts, sampler, size) for name, sampler in SAMPLERS.items()}
    right = {
        name: [_share(judge, *pair) for pair in zip(prompts, pictures, strict=True)]
        for name, pictures in drawn.items()
    }
    each = len(prompts) // len(groups)
    firsts = range(0, len(prompts), each)
    rows: list[Row] = [
        {"prompt": text, "pictures": each}
        | {name: _mean(shares[first : first + each]) for name, shares in right.items()}
        for text, first in zip(groups, firsts, strict=True)
    ]
    totals = {name: _mean(shares) for name, shares in right.items()}
    rows.append({"prompt": ALL, "pictures": len(prompts), **totals})
    strips = [(SAMPLERS[name].label, [p[i] for i in firsts]) for name, p in drawn.items()]
    return rows, Strips([prompts[i].text for i in firsts], strips)


def _share(judge: Judge, prompt: Prompt, picture: Image) -> float:
    found = score(judge, [prompt], judge_pictures(judge, [picture]))
    asked = [found[name] for name in ("category", "colour", "accessories")]
    return _mean([share for share in asked if share is not None])


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
