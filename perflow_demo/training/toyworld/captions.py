"""The grammar: what is true of a scene → one of many sentences that say it, or part of it."""

from __future__ import annotations

import re

import numpy as np

from perflow_demo.training.toyworld.scene import SceneWords, ThingWords

PREFIXES = ("a picture of ", "a photo of ", "a 3d render of ", "an image of ", "a toy: ")
PLACES = {
    "grass": ("on the grass", "in a meadow", "on a green field", "on grass under a blue sky"),
    "beach": ("on the beach", "by the sea", "on the sand at the beach"),
    "snow": ("in the snow", "on snow", "in winter"),
    "night": ("at night", "under the stars", "in the dark night"),
    "sunset": ("at sunset", "in the evening sun", "in front of a sunset"),
    "table": ("on a wooden table", "on a table", "on a wooden floor"),
}
FINISHES = {
    "glossy": ("glossy", "shiny"),
    "metallic": ("metallic", "metal"),
    "wooden": ("wooden",),
    "striped": ("striped",),
    "dotted": ("spotted", "dotted", "polka dot"),
}
POSTURES = ("standing", "sitting", "lying")
SIZES = {"small": ("small", "little", "tiny"), "big": ("big", "large")}


def describe(scene: SceneWords, rng: np.random.Generator) -> str:
    """A caption in lower case: never untrue of the scene, seldom all that is true."""
    tags = not scene.relation and rng.random() < 0.10
    said = _tags(scene, rng) if tags else _sentence(scene, rng)
    return _before_orange(said)


def brief(scene: SceneWords) -> str:
    """The same short caption always: things, main colours and what is worn."""
    between = {"on": " on ", "next to": " next to "}.get(scene.relation, "")
    return _before_orange(between.join(map(_brief, scene.things)))


def _brief(words: ThingWords) -> str:
    colour = words.colour if not words.main_phrase else ""
    text = _article(" ".join(filter(None, (colour, words.nouns[0]))))
    main = [words.main_phrase.format(colour=words.colour)] if words.main_phrase else []
    features = main + list(words.accessories.values())
    return f"{text} with {_join(features)}" if features else text


def _sentence(scene: SceneWords, rng: np.random.Generator) -> str:
    things = [_thing(words, rng, brief=bool(scene.relation)) for words in scene.things]
    text = things[0]
    if scene.relation == "on":
        text = f"{things[0]} {_pick(rng, *_ways_on(scene.things[0]))} {things[1]}"
    elif scene.relation:
        if rng.random() < 0.3:
            text = f"{things[0]} and {things[1]}"
        else:
            if rng.random() < 0.5:
                things.reverse()
            text = f"{things[0]} {_pick(rng, 'next to', 'beside', 'near')} {things[1]}"
    text += _place(scene, rng)
    prefix = _pick(rng, *PREFIXES) if rng.random() < 0.15 else ""
    if not scene.relation and scene.things[0].framing and rng.random() < 0.6:
        prefix = f"a {scene.things[0].framing} of "
    return prefix + text


def _ways_on(words: ThingWords) -> tuple[str, ...]:
    """How this thing can be said to be on another, in keeping with its own posture."""
    posture = [f"{state} on" for state in words.states if state in POSTURES]
    return (*(posture or ("standing on", "sitting on")), "on top of", "on")


def _thing(words: ThingWords, rng: np.random.Generator, brief: bool) -> str:
    """A noun phrase with its article, as "a small red dog with black ears and a blue cap"."""
    keep = 0.45 if brief else 1.0
    text = _article(" ".join([*_adjectives(words, rng, keep), _noun(words, rng)]))
    features = _features(words, rng, keep)
    worn = [phrase for phrase in words.accessories.values() if rng.random() < 0.88]
    if worn and rng.random() < 0.5:
        clothed = f"{_pick(rng, 'wearing', 'in')} {_join(worn)}"
        return f"{text} with {_join(features)}, {clothed}" if features else f"{text} {clothed}"
    features += worn
    return f"{text} with {_join(features)}" if features else text


def _adjectives(words: ThingWords, rng: np.random.Generator, keep: float) -> list[str]:
    said = []
    if words.size and rng.random() < 0.85:
        said.append(_pick(rng, *SIZES[words.size]))
    if words.height and rng.random() < 0.85:
        said.append(words.height)
    said += [state for state in words.states if rng.random() < 0.5 * keep]
    if words.colour and not words.main_phrase and rng.random() < (0.62 if words.natural else 0.90):
        colour = words.colour
        if words.height or words.size or rng.random() < 0.8 or " " not in colour:
            said.append(colour)
        else:
            said.append(colour.replace(" ", "-"))
    if words.finish in FINISHES and rng.random() < 0.85 * keep:
        said.append(_pick(rng, *FINISHES[words.finish]))
    return said


def _features(words: ThingWords, rng: np.random.Generator, keep: float) -> list[str]:
    said = []
    if words.main_phrase and rng.random() < 0.8 * keep:
        said.append(words.main_phrase.format(colour=words.colour))
    if words.second_phrase and rng.random() < (0.35 if words.natural else 0.6) * keep:
        said.append(words.second_phrase.format(colour=words.second_colour))
    if words.finish_colour and rng.random() < 0.5 * keep:
        marks = "stripes" if words.finish == "striped" else _pick(rng, "spots", "dots")
        said.append(f"{words.finish_colour} {marks}")
    said += [detail for detail in words.details if rng.random() < 0.45 * keep]
    order = rng.permutation(len(said))
    return [said[i] for i in order]


def _place(scene: SceneWords, rng: np.random.Generator) -> str:
    if scene.place in PLACES:
        if rng.random() > 0.85:
            return ""
        return f"{_pick(rng, ' ', ', ')}{_pick(rng, *PLACES[scene.place])}"
    if rng.random() > 0.35:
        return ""
    name = scene.place.removeprefix("studio:")
    if name != "white" and rng.random() < 0.3:
        name = f"soft {name}"
    return f"{_pick(rng, ' ', ', ')}{_pick(rng, 'on a', 'against a')} {name} background"


def _tags(scene: SceneWords, rng: np.random.Generator) -> str:
    """A list of words instead of a sentence, as many people write."""
    words = scene.things[0]
    said = [_noun(words, rng), *_adjectives(words, rng, 1.0), *_features(words, rng, 1.0)]
    said += [phrase for phrase in words.accessories.values() if rng.random() < 0.8]
    if scene.place in PLACES and rng.random() < 0.8:
        said.append(scene.place)
    return ", ".join(said)


def _noun(words: ThingWords, rng: np.random.Generator) -> str:
    """The first noun half of the time, else any of them."""
    return words.nouns[0] if rng.random() < 0.5 else _pick(rng, *words.nouns)


def _before_orange(text: str) -> str:
    """Phrases are filled with their colours after their articles; of those one begins so."""
    return re.sub(r"\ba (?=orange)", "an ", text)


def _article(phrase: str) -> str:
    return f"{'an' if phrase[0] in 'aeio' else 'a'} {phrase}"


def _join(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _pick(rng: np.random.Generator, *options: str) -> str:
    return options[int(rng.integers(len(options)))]
