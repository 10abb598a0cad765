"""Verdicts are counted as the prompts say, and a judge that sees nothing scores chance."""

import pytest
import torch
from PIL import Image

from perflow_demo.errors import LoadError
from perflow_demo.evaluation.judging import judge_pictures, load_judge, score
from perflow_demo.evaluation.prompts import (
    Prompt,
    famous_prompts,
    main_prompts,
    unseen_prompts,
)
from perflow_demo.nets.judge import Verdict
from perflow_demo.settings import Settings
from tests.pocket_factory import ACCESSORIES, COLOURS, KINDS, edit_weights


@pytest.fixture(scope="module")
def judge(assets):
    return load_judge(Settings(assets=assets))


def right_verdict(prompts: list[Prompt]) -> Verdict:
    """Says of every picture what its prompt says, and nothing else."""
    kind, colour = torch.zeros(len(prompts), len(KINDS)), torch.zeros(len(prompts), len(COLOURS))
    worn = torch.full((len(prompts), len(ACCESSORIES)), -1.0)
    for row, prompt in enumerate(prompts):
        if prompt.kind:
            kind[row, KINDS.index(prompt.kind)] = 1
        if prompt.colour:
            colour[row, COLOURS.index(prompt.colour)] = 1
        for name in prompt.accessories:
            worn[row, ACCESSORIES.index(name)] = 1
    return Verdict(kind, colour, worn, torch.zeros(len(prompts), 1))


def test_a_perfect_judge_scores_one(judge):
    prompts = main_prompts(KINDS, COLOURS, ACCESSORIES)
    expected = {"category": 1.0, "colour": 1.0, "accessories": 1.0, "unasked": 0.0}
    assert score(judge, prompts, right_verdict(prompts)) == expected


def test_one_picture_for_all_prompts_scores_chance(judge):
    """Whatever the judge sees in noise: the prompts favour no kind and no colour."""
    prompts = [p for p in main_prompts(KINDS, COLOURS, ACCESSORIES) if p.colour]
    noise = Image.effect_noise((64, 64), 60).convert("RGB")
    found = score(judge, prompts, judge_pictures(judge, [noise] * len(prompts)))
    assert found["category"] == pytest.approx(1 / len(KINDS))
    assert found["colour"] == pytest.approx(1 / len(COLOURS))


def test_what_no_prompt_says_has_no_share(judge):
    prompts = [Prompt("a bird", 0, kind="bird")]
    found = score(judge, prompts, right_verdict(prompts))
    assert found["category"] == 1.0
    assert found["colour"] is None
    assert found["accessories"] is None


def test_verdicts_do_not_depend_on_the_batch(judge):
    pictures = [Image.effect_noise((64, 64), 3 * n + 9).convert("RGB") for n in range(20)]
    together = judge_pictures(judge, pictures)
    alone = judge_pictures(judge, pictures[17:18])
    assert together.kind.shape == (20, len(KINDS))
    torch.testing.assert_close(together.kind[17:18], alone.kind, rtol=1e-4, atol=1e-5)


def test_a_judge_with_a_missing_weight_is_refused(own_assets):
    path = own_assets / "pocket" / "judge" / "diffusion_pytorch_model.safetensors"
    edit_weights(path, lambda tensors: tensors.pop("kind_head.bias"))
    with pytest.raises(LoadError, match="kind_head.bias"):
        load_judge(Settings(assets=own_assets))


def test_every_prompt_has_a_text_and_a_seed_of_its_own():
    prompts = main_prompts(KINDS, COLOURS, ACCESSORIES)
    assert len({p.text for p in prompts}) == len({p.seed for p in prompts}) == len(prompts)
    texts = {p.text for p in prompts}
    assert {"a red dog", "a man with a blue shirt"} <= texts
    assert any(text.endswith("glasses") and " a " not in text for text in texts)


def test_colours_are_asked_for_evenly():
    kinds, colours = [f"kind{n}" for n in range(39)], [f"colour{n}" for n in range(12)]
    prompts = main_prompts(kinds, colours, ())
    counts = [sum(p.colour == colour for p in prompts) for colour in colours]
    assert counts == [13] * 12


def test_unseen_words_are_not_the_words_of_their_class():
    for group in (*unseen_prompts().values(), *famous_prompts().values()):
        assert len({p.seed for p in group}) == len(group) == 4
    for name, group in unseen_prompts().items():
        meant = name.split(" → ")[1]
        assert all(meant not in prompt.text.split() for prompt in group)
