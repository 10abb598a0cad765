"""Words that no caption uses, read as the nearest of those that captions do.

A network knows the few hundred words it was trained on. Meanings place "puppy" near "dog", not on
it, and what a network makes of the way between is chance; so the word is given the other's place.
Sentence models tell colours apart badly: to MiniLM "crimson" is a purple and "azure" is steam.
Those are looked up where people named what they saw, in the survey of xkcd.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.colors import XKCD_COLORS, to_rgb
from skimage.color import deltaE_ciede2000, rgb2lab
from tokenizers import AddedToken
from torch.nn import functional
from transformers import ElectraModel, PreTrainedTokenizerFast

from perflow_demo.models.vocabulary import LETTERS, words_of
from perflow_demo.training.text import embedded
from perflow_demo.training.toyworld.palette import COLOURS

PHRASE = "the {}"  # in which words are compared; a word alone could be any part of speech
NEAR = 0.5  # cosine, above which no neighbour of fifty words was a wrong one
COMMON = 5  # a word that captions use less often is not known
NEW = 60  # names of colours that become pieces where they are none: teal, magenta, khaki
LIGHTNESS = 2.0  # by so much less it counts than hue: maroon is a red before it is a black


class Vocabulary(NamedTuple):
    """words: of one piece, that captions use often, by the alphabet. pieces: all that they use,
    those of longer words too. said: all words, of however many pieces."""

    words: list[str]
    pieces: set[str]
    said: set[str]


def vocabulary(captions: list[str], tokenizer: PreTrainedTokenizerFast) -> Vocabulary:
    """What captions are written in."""
    pieces, words = set(), Counter()
    for ids in tokenizer(captions, add_special_tokens=False).input_ids:
        tokens = tokenizer.convert_ids_to_tokens(ids)
        pieces.update(tokens)
        following = (*tokens[1:], "")
        words.update(a for a, b in zip(tokens, following, strict=True) if not b.startswith("##"))
    common = (word for word, count in words.items() if count >= COMMON and _says_much(word))
    return Vocabulary(sorted(common), pieces, set(words_of(" ".join(captions))))


def synonyms(known: Vocabulary, pieces: Iterable[str]) -> dict[str, str]:
    """Words that captions lack, each with the one of theirs that it is read as.

    They are among the word pieces and the commonest colour names; not all have a near one.
    """
    colours = colour_names()
    pieces = {*pieces, *list(colours)[-NEW:]}
    others = sorted(filter(_says_much, pieces - known.pieces))
    rows = embedded([PHRASE.format(word) for word in (*known.words, *others)])
    count = len(known.words)
    rows = functional.normalize(rows - rows[:count].mean(0))
    known_meanings, meanings = rows[:count], rows[count:]
    likeness, index = (meanings @ known_meanings.T).max(1)
    near = {
        word: known.words[i]
        for word, i, like in zip(others, index.tolist(), likeness.tolist(), strict=True)
        if like >= NEAR
    }
    return {word: colours[word] for word in others if word in colours} | near


def colour_names() -> dict[str, str]:
    """The survey's names of one word, the commonest last, each with Toy World's colour that looks
    most like it."""
    seen = {name.removeprefix("xkcd:"): to_rgb(code) for name, code in XKCD_COLORS.items()}
    seen = {name: colour for name, colour in seen.items() if name.isalpha()}
    looks, own = (rgb2lab(np.array([*colours.values()])) for colours in (seen, COLOURS))
    apart = deltaE_ciede2000(looks[:, None], own[None], kL=LIGHTNESS)
    names = list(COLOURS)
    return {name: names[index] for name, index in zip(seen, apart.argmin(1), strict=True)}


def _says_much(word: str) -> bool:
    return word.isascii() and word.isalpha() and len(word) >= LETTERS


@torch.no_grad()
def lend_meanings(
    encoder: ElectraModel, tokenizer: PreTrainedTokenizerFast, found: dict[str, str]
) -> None:
    """Give words the meanings of those that they are read as; several pieces become one."""
    new = sorted(found.keys() - tokenizer.get_vocab().keys())
    tokenizer.add_tokens([AddedToken(word, single_word=True) for word in new])
    encoder.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    table = encoder.embeddings.word_embeddings.weight
    takers, lenders = (
        tokenizer.convert_tokens_to_ids(list(words)) for words in (found.keys(), found.values())
    )
    table[takers] = table[lenders]
