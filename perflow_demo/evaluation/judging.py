"""The published judge looks at pictures, and its verdicts are held against the prompts."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor
from torch.nn.functional import normalize

from perflow_demo.evaluation.prompts import Prompt
from perflow_demo.models.catalogue import CATALOGUE, POCKET_JUDGE
from perflow_demo.models.loaders import load_network
from perflow_demo.models.sources import source_of
from perflow_demo.nets.judge import PICTURE, Judge, Verdict
from perflow_demo.settings import Settings

BATCH = 16


def load_judge(settings: Settings) -> Judge:
    """The judge of the pocket family, in float32 on the CPU; raises LoadError like any network."""
    source = source_of(CATALOGUE["pocket"], settings)
    return load_network(POCKET_JUDGE, source, torch.float32)


@torch.inference_mode()
def judge_pictures(judge: Judge, pictures: Sequence[Image]) -> Verdict:
    """What the judge says of square RGB pictures of one size, at least one."""
    verdicts = []
    for start in range(0, len(pictures), BATCH):
        pixels = np.stack([np.asarray(p, np.float32) for p in pictures[start : start + BATCH]])
        verdicts.append(judge(torch.from_numpy(pixels).permute(0, 3, 1, 2) / 127.5 - 1))
    parts = zip(*(vars(verdict).values() for verdict in verdicts), strict=True)
    return Verdict(*(torch.cat(part) for part in parts))


@torch.inference_mode()
def feature_distance(judge: Judge, pictures: Sequence[Image], references: Sequence[Image]) -> float:
    """How far pictures are from others of their size in what the judge's layers see of details.

    Both are cut into squares of the judge's own size, nothing is made smaller; sides of 128 or
    more. Of each layer's activations, scaled to length 1 at every place, the mean squared distance
    (after LPIPS, arXiv 1801.03924, equation 1, with all weights 1).
    """
    total = 0.0
    for pair in zip(pictures, references, strict=True):
        first, second = map(_squares, pair)
        for layer in judge.body:
            first, second = layer(first), layer(second)
            apart = normalize(first, dim=1) - normalize(second, dim=1)
            total += apart.square().sum(1).mean().item()
    return total / len(pictures)


def _squares(picture: Image) -> Tensor:
    """N 3 128 128 in [−1, 1], side by side, what is left over at the right and below cut off."""
    pixels = torch.from_numpy(np.asarray(picture, np.float32)) / 127.5 - 1
    rows = pixels.unfold(0, PICTURE, PICTURE).unfold(1, PICTURE, PICTURE)
    return rows.flatten(0, 1)


def score(judge: Judge, prompts: Sequence[Prompt], verdict: Verdict) -> dict[str, float | None]:
    """Shares judged as the prompts say, one verdict row a prompt; None where no prompt says.

    category, colour: right ones among the prompts that name a kind, a main colour.
    accessories: found among those asked for. unasked: found among those not asked for.
    """
    config = judge.config
    kinds, colours = verdict.kind.argmax(1).tolist(), verdict.colour.argmax(1).tolist()
    worn = (verdict.accessories > 0).tolist()
    hits: dict[str, list[bool]] = {"category": [], "colour": [], "accessories": [], "unasked": []}
    for prompt, kind, colour, wears in zip(prompts, kinds, colours, worn, strict=True):
        if prompt.kind:
            hits["category"].append(config.kinds.index(prompt.kind) == kind)
        if prompt.colour:
            hits["colour"].append(config.colours.index(prompt.colour) == colour)
        for name, there in zip(config.accessories, wears, strict=True):
            hits["accessories" if name in prompt.accessories else "unasked"].append(there)
    return {name: sum(found) / len(found) if found else None for name, found in hits.items()}
