"""The kinds of Toy World: one file a group, one builder a kind, all in one table."""

from itertools import chain

from perflow_demo.training.toyworld.kinds import (
    animals,
    birds,
    buildings,
    cars,
    food,
    people,
    plants,
    rail,
    sea,
    sky_sea,
    things,
    vehicles,
)
from perflow_demo.training.toyworld.kinds.kind import Kind

GROUPS = (
    animals,
    birds,
    sea,
    people,
    cars,
    vehicles,
    rail,
    sky_sea,
    buildings,
    plants,
    food,
    things,
)
KINDS: dict[str, Kind] = {
    kind.name: kind for kind in chain.from_iterable(group.KINDS for group in GROUPS)
}
