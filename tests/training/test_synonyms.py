"""Words that no caption uses are read as near ones that captions do use."""

import pytest
import torch

from perflow_demo.training.synonyms import (
    Vocabulary,
    colour_names,
    lend_meanings,
    synonyms,
    vocabulary,
)
from perflow_demo.training.text import build_text_encoder, build_tokenizer
from perflow_demo.training.toyworld.palette import COLOURS

pytestmark = pytest.mark.usefixtures("minilm")


@pytest.fixture
def tokenizer():
    return build_tokenizer()


@pytest.mark.parametrize(
    ("name", "colour"),
    [("maroon", "red"), ("lavender", "purple"), ("emerald", "green"), ("navy", "blue"),
     ("amber", "yellow"), ("charcoal", "black"), ("ivory", "white"), ("chocolate", "brown")],
)  # fmt: skip
def test_colours_are_told_by_their_looks(name, colour):
    assert colour_names()[name] == colour


def test_things_are_told_by_their_meaning():
    words = ["bird", "dog", "fish", "house", "sails", *COLOURS]
    known = Vocabulary(words, {*words, "sail", "##boat"}, {*words, "sailboat"})
    words = ["sparrow", "hound", "salmon", "home", "lavender", "sail", "of", "because"]
    found = synonyms(known, words)
    things = {"sparrow": "bird", "hound": "dog", "salmon": "fish", "home": "house"}
    assert {word: found.get(word) for word in words} == {
        **things, "lavender": "purple", "sail": None, "of": None, "because": None
    }  # fmt: skip
    assert (found["teal"], found["magenta"]) == ("turquoise", "pink")


def test_a_piece_of_a_longer_word_is_no_word(tokenizer):
    assert tokenizer.tokenize("sailboat") == ["sail", "##boat"]
    known = vocabulary(["a sailboat on the sea"] * 5 + ["a kite"], tokenizer)
    assert known.words == ["sea", "the"]
    assert known.pieces == {"a", "sail", "##boat", "on", "the", "sea", "kite"}
    assert known.said == {"a", "sailboat", "on", "the", "sea", "kite"}


def test_words_are_given_the_meanings_of_others(tokenizer):
    encoder = build_text_encoder(64, 1, semantic=False)
    before = encoder.embeddings.word_embeddings.weight.clone()
    puppy, dog, cat = tokenizer.convert_tokens_to_ids(["puppy", "dog", "cat"])
    lend_meanings(encoder, tokenizer, {"puppy": "dog", "teal": "cat"})
    assert tokenizer.tokenize("A Teal teapot") == ["a", "teal", "tea", "##pot"]
    table = encoder.embeddings.word_embeddings.weight
    (teal,) = tokenizer.convert_tokens_to_ids(["teal"])
    assert torch.equal(table[[puppy, teal]], before[[dog, cat]])
    assert torch.equal(table[: len(before)][[dog, cat]], before[[dog, cat]])
