"""Captions say nothing that the words of their scene do not license."""

import re
from collections.abc import Iterator

import numpy as np
import pytest

from perflow_demo.training.toyworld.captions import describe
from perflow_demo.training.toyworld.kinds import KINDS
from perflow_demo.training.toyworld.scene import SceneWords, ThingWords

PREFIX = re.compile(r"^(a picture of|a photo of|a 3d render of|an image of|a toy:|a portrait of) ")
GLUE = {"a", "an", "with", "and", "in", "wearing"}
PLACE_WORDS = {
    "grass": [
        "on the grass", "in a meadow", "on a green field", "on grass under a blue sky", "grass",
    ],
    "beach": ["on the beach", "by the sea", "on the sand at the beach", "beach"],
    "snow": ["in the snow", "on snow", "in winter", "snow"],
    "night": ["at night", "under the stars", "in the dark night", "night"],
    "sunset": ["at sunset", "in the evening sun", "in front of a sunset", "sunset"],
    "table": ["on a wooden table", "on a table", "on a wooden floor", "table"],
}  # fmt: skip
FINISH_WORDS = {
    "glossy": ["glossy", "shiny"],
    "metallic": ["metallic", "metal"],
    "wooden": ["wooden"],
    "striped": ["striped"],
    "dotted": ["spotted", "dotted", "polka dot"],
}
SIZE_WORDS = {"small": ["small", "little", "tiny"], "big": ["big", "large"]}
SIDE_WORDS = ["next to", "beside", "near", "and"]


@pytest.fixture(scope="module")
def told(scenes) -> list[tuple[SceneWords, str]]:
    """Scenes with many captions of each."""
    rng = np.random.default_rng(3)
    return [(scene.words, describe(scene.words, rng)) for scene in scenes for _ in range(25)]


def true_of_thing(words: ThingWords) -> Iterator[str]:
    """All that may be said of a thing, phrase by phrase."""
    yield from words.nouns
    yield from (words.colour, words.colour.replace(" ", "-"))
    yield from SIZE_WORDS.get(words.size, [])
    yield from FINISH_WORDS.get(words.finish, [])
    yield from (words.height, *words.states, *words.details, *words.accessories.values())
    yield words.main_phrase.format(colour=words.colour)
    yield words.second_phrase.format(colour=words.second_colour)
    marks = {"striped": ["stripes"], "dotted": ["spots", "dots"]}.get(words.finish, [])
    yield from (f"{words.finish_colour} {mark}" for mark in marks)


def true_of_scene(words: SceneWords) -> Iterator[str]:
    for thing in words.things:
        yield from true_of_thing(thing)
    yield from PLACE_WORDS.get(words.place, [])
    if words.place.startswith("studio:"):
        name = words.place.removeprefix("studio:")
        yield from (f"{on} a {name} background" for on in ("on", "against"))
        yield from (f"{on} a soft {name} background" for on in ("on", "against"))
    if words.relation == "on":
        postures = [state for state in words.things[0].states if state in POSTURES]
        yield from (f"{posture} on" for posture in postures or ["standing", "sitting"])
        yield from ("on top of", "on")
    elif words.relation:
        yield from SIDE_WORDS


POSTURES = ("standing", "sitting", "lying")


def unlicensed(words: SceneWords, caption: str) -> set[str]:
    """Words of a caption that are left when all that is true of its scene is taken away."""
    rest = PREFIX.sub("", caption).replace("an orange", "a orange")
    for phrase in sorted(filter(None, true_of_scene(words)), key=len, reverse=True):
        rest = re.sub(rf"(?<![\w-]){re.escape(phrase)}(?![\w-])", "|", rest)
    return set(re.findall(r"[\w-]+", rest)) - GLUE


def test_captions_say_only_what_is_true(told):
    false = [(caption, rest) for words, caption in told if (rest := unlicensed(words, caption))]
    assert false == []


@pytest.mark.parametrize(
    "caption",
    ["a red cat with a green cap", "a blue cat", "a red dog", "a red cat at night", "a tiny cat"],
)
def test_a_false_caption_is_found(caption):
    cat = ThingWords("cat", ("cat",), colour="red", accessories={"cap": "a blue cap"})
    words = SceneWords((cat,), "", "studio:white")
    assert unlicensed(words, "a red cat with a blue cap on a white background") == set()
    assert unlicensed(words, caption) != set()


def test_every_thing_is_named(told):
    for words, caption in told:
        for thing in words.things:
            assert any(noun in caption for noun in thing.nouns), caption


def test_who_stands_on_whom_keeps_its_order(told):
    for words, caption in told:
        if words.relation == "on":
            first, second = re.split(r" on top of | on ", PREFIX.sub("", caption), maxsplit=1)
            assert any(noun in first for noun in words.things[0].nouns), caption
            assert any(noun in second for noun in words.things[1].nouns), caption


def test_portraits_are_said_of_portraits_alone(told):
    for words, caption in told:
        if caption.startswith("a portrait of"):
            assert words.things[0].framing == "portrait"


def test_words_kept_for_measuring_never_occur(told):
    kept = {word for kind in KINDS.values() for word in kind.never} | {
        "crimson", "azure", "spectacles", "colourful",
    }  # fmt: skip
    said = re.compile(rf"\b({'|'.join(map(re.escape, sorted(kept)))})\b")
    assert [caption for _, caption in told if said.search(caption)] == []


def test_all_that_is_true_is_said_sometimes(scenes):
    rng = np.random.default_rng(0)
    for scene in scenes[:30]:
        text = " | ".join(describe(scene.words, rng) for _ in range(80))
        text = text.replace("an orange", "a orange")
        for thing in scene.words.things:
            phrases = (*thing.accessories.values(), *thing.states, *thing.details)
            assert [phrase for phrase in phrases if phrase not in text] == []


def test_captions_vary_and_repeat_by_their_seed(scenes):
    words = scenes[0].words
    captions = [describe(words, np.random.default_rng(seed)) for seed in range(20)]
    assert len(set(captions)) > 5
    assert captions == [describe(words, np.random.default_rng(seed)) for seed in range(20)]


def test_captions_are_plain_sentences(told):
    for _, caption in told:
        assert caption == caption.lower().strip()
        assert "  " not in caption and "{" not in caption
        assert not re.search(r"\ba [aeio]", caption), caption
