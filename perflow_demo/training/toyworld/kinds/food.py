"""Things to eat: apple, cake, ice cream, donut."""

from __future__ import annotations

from perflow_demo.training.toyworld.kinds.apples import apple
from perflow_demo.training.toyworld.kinds.cakes import cake
from perflow_demo.training.toyworld.kinds.donuts import donut
from perflow_demo.training.toyworld.kinds.ice_creams import ice_cream
from perflow_demo.training.toyworld.kinds.kind import Kind

KINDS = (
    Kind(
        name="apple",
        build=apple,
        nouns=("apple",),
        natural=(("red", "green"), ("green", "green"), ("yellow", "green"), ("red", "brown")),
        second_part="a {colour} leaf",
        never=("fruit",),
        finishes=("glossy", "metallic", "wooden", "striped", "dotted"),
        perches=True,
    ),
    Kind(
        name="cake",
        build=cake,
        nouns=("cake",),
        natural=(
            ("brown", "pink"),
            ("yellow", "brown"),
            ("white", "pink"),
            ("brown", "white"),
            ("pink", "white"),
        ),
        second_part="{colour} icing",
        never=("gateau", "torte"),
        finishes=("glossy", "striped", "dotted"),
        holds=True,
        colourful=True,
    ),
    Kind(
        name="ice cream",
        build=ice_cream,
        nouns=("ice cream",),
        natural=(
            ("pink", "brown"),
            ("white", "brown"),
            ("brown", "white"),
            ("white", "red"),
            ("turquoise", "brown"),
        ),
        second_part="{colour} sauce",
        never=("gelato", "sundae"),
        finishes=("glossy", "striped", "dotted"),
        colourful=True,
    ),
    Kind(
        name="donut",
        build=donut,
        nouns=("donut",),
        natural=(("pink", "brown"), ("brown", "orange"), ("white", "brown"), ("brown", "yellow")),
        second_part="{colour} dough",
        never=("doughnut", "bagel"),
        finishes=("glossy", "metallic", "striped", "dotted"),
    ),
)
