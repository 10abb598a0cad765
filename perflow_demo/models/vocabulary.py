"""Words of a prompt that a small family never learnt: people are told what it cannot draw."""

import re

from perflow_demo.models.sources import Source

# They draw nothing, so nobody misses them.
PLAIN = {"are", "but", "for", "from", "has", "her", "his", "into", "not", "please", "very", "who"}
LETTERS = 3  # of a word that says something


def words_of(text: str) -> list[str]:
    """The words of a text in small letters, as often as they are there."""
    return re.findall(r"[^\W\d_]+", text.lower())


def unlearnt(text: str, source: Source, file: str) -> tuple[str, ...]:
    """The words of a text, once each, that are not in the source's `file`, which has one a line.

    None are where there is no such file. A word is known that is another's plural.
    """
    if not source.has(file):
        return ()
    known = PLAIN.union(source.file(file).read_text(encoding="utf-8").split())
    return tuple(
        word
        for word in dict.fromkeys(words_of(text))
        if len(word) >= LETTERS and not known & {word, word.removesuffix("s")}
    )
