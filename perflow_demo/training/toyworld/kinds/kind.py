"""What a kind of thing is: its builder and the words and looks that suit it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from perflow_demo.training.toyworld.palette import Look
from perflow_demo.training.toyworld.parts import Model

Builder = Callable[[np.random.Generator, Look], Model]


@dataclass(frozen=True)
class Kind:
    """One kind of thing.

    name: its canonical word and its class for the judge; build: rng and Look → Model;
    nouns: the words captions use for it (the first most often); never: words of like meaning that
    captions never use, kept for measuring what the semantic embeddings give;
    natural: (main, second) colour names it has when nobody says otherwise;
    second_part: how a caption names what `second` paints, with `{colour}` in its place
    ("a {colour} roof"), '' where it cannot be told;
    finishes: the finishes that suit it, besides matte; stretchable: "tall" and "short" make sense;
    wears: may wear accessories (its Model has a Head); holds: another thing may stand on it;
    perches: small enough to stand on something; colourful: its accents show when it is "colorful".
    """

    name: str
    build: Builder
    nouns: tuple[str, ...]
    natural: tuple[tuple[str, str], ...]
    second_part: str = ""
    never: tuple[str, ...] = ()
    finishes: tuple[str, ...] = ("glossy",)
    stretchable: bool = False
    wears: bool = False
    holds: bool = False
    perches: bool = False
    colourful: bool = False
