"""The text encoder is asked for what is true of each thing, and learns to say it."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from perflow_demo.training.objectives.text import TextObjective, facts
from perflow_demo.training.text import build_text_encoder
from perflow_demo.training.toyworld.scene import SceneWords, ThingWords
from perflow_demo.training.toyworld.shards import rendered

CAT = ThingWords("cat", ("cat",), colour="dark red", accessories={"cap": "a blue cap"})
MUSHROOM = ThingWords("mushroom", ("mushroom",), colour="blue", second_colour="white")
PAIR = SceneWords((CAT, MUSHROOM), "next to", "beach")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return rendered(tmp_path_factory.mktemp("world"), 0, 24, 32)


def test_facts_bind_colours_and_accessories_to_their_thing():
    swapped = (replace(CAT, colour="blue"), replace(MUSHROOM, colour="dark red"))
    true, other = set(facts(PAIR)), set(facts(replace(PAIR, things=swapped)))
    assert true - other == {"cat: red", "mushroom: blue"}
    assert other - true == {"cat: blue", "mushroom: red"}
    assert {"cat: cap", "has: a blue cap", "mushroom: second white"} <= true


def test_facts_tell_the_scene_and_leave_out_what_is_not_said():
    true = set(facts(PAIR))
    assert {"things: next to", "place: beach", "cat", "mushroom"} <= true
    assert not any(fact.endswith(": ") for fact in facts(SceneWords((CAT,), "", "beach")))


def test_training_lowers_the_loss_and_leaves_word_meanings_alone(pictures, minilm):
    torch.manual_seed(0)
    objective = TextObjective(build_text_encoder(64, 1, semantic=False), pictures, held_out=4)
    net = objective.net
    meanings = net.text_encoder.embeddings.word_embeddings.weight.clone()
    batch = objective.batch(np.random.default_rng(0), 16)
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, 3e-3)
    losses = []
    for _ in range(20):
        loss, _ = objective.loss(net, batch, torch.Generator())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
    assert torch.equal(net.text_encoder.embeddings.word_embeddings.weight, meanings)


def test_what_is_published_tells_the_words_of_the_captions(pictures, minilm, tmp_path):
    encoder = build_text_encoder(64, 1, semantic=False)
    objective = TextObjective(encoder, pictures, held_out=4, lends=False)
    objective.publish(objective.net, tmp_path)
    words = (tmp_path / "tokenizer" / "words.txt").read_text().split()
    assert words == sorted(words)
    told = {scene.things[0].nouns[0] for scene in objective.scenes if len(scene.things) == 1}
    assert len(told) > 5
    assert all(set(re.findall("[a-z]+", noun)) & set(words) for noun in told), told
