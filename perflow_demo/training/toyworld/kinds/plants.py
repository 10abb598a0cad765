"""What grows: tree, cactus, flower, mushroom."""

from perflow_demo.training.toyworld.kinds.cacti import cactus
from perflow_demo.training.toyworld.kinds.flowers import flower
from perflow_demo.training.toyworld.kinds.kind import Kind
from perflow_demo.training.toyworld.kinds.mushrooms import mushroom
from perflow_demo.training.toyworld.kinds.trees import tree

KINDS = (
    Kind(
        name="tree",
        build=tree,
        nouns=("tree",),
        natural=(("green", "brown"), ("green", "brown"), ("orange", "brown"), ("green", "gray")),
        second_part="a {colour} trunk",
        never=("oak", "bush", "fir", "conifer"),
        stretchable=True,
        holds=True,
        colourful=True,
    ),
    Kind(
        name="cactus",
        build=cactus,
        nouns=("cactus",),
        natural=(
            ("green", "orange"),
            ("green", "brown"),
            ("green", "white"),
            ("turquoise", "orange"),
        ),
        second_part="a {colour} pot",
        never=("succulent", "saguaro"),
        stretchable=True,
    ),
    Kind(
        name="flower",
        build=flower,
        nouns=("flower",),
        natural=(
            ("red", "brown"),
            ("yellow", "orange"),
            ("pink", "white"),
            ("purple", "brown"),
            ("white", "blue"),
        ),
        second_part="a {colour} pot",
        never=("blossom", "rose", "bloom"),
        stretchable=True,
        colourful=True,
    ),
    Kind(
        name="mushroom",
        build=mushroom,
        nouns=("mushroom", "toadstool"),
        natural=(("red", "white"), ("brown", "white"), ("orange", "white")),
        second_part="a {colour} stem",
        never=("fungus",),
        finishes=("glossy", "striped"),
        stretchable=True,
        holds=True,
    ),
)
