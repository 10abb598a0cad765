"""Things about the house, and one above it: mug, teapot, chair, gift, lamp, balloon."""

from __future__ import annotations

from perflow_demo.training.toyworld.kinds.balloons import balloon
from perflow_demo.training.toyworld.kinds.chairs import chair
from perflow_demo.training.toyworld.kinds.crockery import mug, teapot
from perflow_demo.training.toyworld.kinds.gifts import gift
from perflow_demo.training.toyworld.kinds.kind import Kind
from perflow_demo.training.toyworld.kinds.lamps import lamp

KINDS = (
    Kind(
        name="mug",
        build=mug,
        nouns=("mug",),
        natural=(("white", "blue"), ("red", "white"), ("yellow", "orange"), ("turquoise", "white")),
        second_part="a {colour} band",
        never=("beaker", "tankard"),
        finishes=("glossy", "metallic", "striped", "dotted"),
        stretchable=True,
    ),
    Kind(
        name="teapot",
        build=teapot,
        nouns=("teapot",),
        natural=(("white", "blue"), ("brown", "black"), ("turquoise", "white"), ("red", "yellow")),
        second_part="a {colour} lid",
        never=("kettle",),
        finishes=("glossy", "metallic", "striped", "dotted"),
    ),
    Kind(
        name="chair",
        build=chair,
        nouns=("chair",),
        natural=(("brown", "red"), ("white", "blue"), ("brown", "green"), ("red", "yellow")),
        second_part="a {colour} cushion",
        never=("seat",),
        finishes=("wooden", "glossy", "striped", "dotted"),
        holds=True,
    ),
    Kind(
        name="gift",
        build=gift,
        nouns=("gift box", "gift", "present"),
        natural=(("red", "yellow"), ("blue", "white"), ("green", "red"), ("pink", "purple")),
        second_part="a {colour} ribbon",
        never=("parcel", "package"),
        finishes=("glossy", "metallic", "striped", "dotted"),
        holds=True,
    ),
    Kind(
        name="lamp",
        build=lamp,
        nouns=("lamp",),
        natural=(("yellow", "brown"), ("white", "blue"), ("red", "black"), ("green", "brown")),
        second_part="a {colour} base",
        never=("lantern",),
        finishes=("glossy", "metallic", "striped", "dotted"),
    ),
    Kind(
        name="balloon",
        build=balloon,
        nouns=("hot-air balloon", "balloon"),
        natural=(("red", "yellow"), ("blue", "white"), ("orange", "purple"), ("green", "yellow")),
        second_part="{colour} stripes",
        never=("airship", "blimp"),
        finishes=("glossy", "dotted"),
        colourful=True,
    ),
)
