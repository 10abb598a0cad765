"""Where things stand: floors, walls or skies, and their light. Colours are sRGB, light linear."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from perflow_demo.training.toyworld.palette import colour
from perflow_demo.training.toyworld.parts import Colour

FLOORS = ("plain", "grass", "sand", "snow", "wood")


@dataclass(frozen=True)
class Scenery:
    """One place.

    floor, floor_kind: the ground; horizon, zenith: the wall or sky behind, low and high; haze:
    distance at which the floor has melted into the horizon; key, key_strength: colour and strength
    of the main light; ambient: strength of the light from everywhere, tinted by sky and floor;
    stars, sun, sea, hills: whether they are in the picture.
    """

    floor: Colour
    horizon: Colour
    zenith: Colour
    floor_kind: str = "plain"
    haze: float = 5.0
    key: Colour = (1.0, 0.96, 0.90)
    key_strength: float = 2.3
    ambient: float = 1.0
    stars: bool = False
    sun: bool = False
    sea: bool = False
    hills: Colour | None = None


PLACES: dict[str, Scenery] = {
    "grass": Scenery((0.42, 0.66, 0.27), (0.84, 0.93, 0.97), (0.42, 0.68, 0.93), "grass", 14.0,
                     hills=(0.50, 0.72, 0.46)),
    "beach": Scenery((0.93, 0.84, 0.64), (0.86, 0.95, 0.98), (0.38, 0.68, 0.93), "sand", 30.0,
                     key_strength=2.5, sea=True),
    "snow": Scenery((0.93, 0.95, 0.98), (0.90, 0.94, 0.98), (0.62, 0.76, 0.92), "snow", 12.0,
                    key_strength=2.0, hills=(0.80, 0.87, 0.95)),
    "night": Scenery((0.13, 0.16, 0.28), (0.12, 0.17, 0.36), (0.03, 0.05, 0.15), "plain", 9.0,
                     key=(0.80, 0.86, 1.0), key_strength=1.7, ambient=0.8, stars=True,
                     hills=(0.07, 0.10, 0.22)),
    "sunset": Scenery((0.62, 0.42, 0.36), (0.99, 0.72, 0.42), (0.55, 0.33, 0.58), "plain", 10.0,
                      key=(1.0, 0.78, 0.55), key_strength=2.3, ambient=0.9, sun=True,
                      hills=(0.42, 0.26, 0.40)),
    "table": Scenery((0.62, 0.42, 0.25), (0.87, 0.80, 0.70), (0.76, 0.68, 0.60), "wood", 7.0,
                     key=(1.0, 0.93, 0.82)),
}  # fmt: skip
STUDIOS = (
    "white",
    "gray",
    "blue",
    "green",
    "pink",
    "yellow",
    "orange",
    "purple",
    "turquoise",
    "red",
)


def studio(name: str, rng: np.random.Generator) -> Scenery:
    """A seamless paper background in a soft tone of the named colour."""
    if name == "white":
        return Scenery((0.97, 0.97, 0.97), (0.95, 0.95, 0.955), (0.985, 0.985, 0.985), ambient=1.15)
    base = np.array(colour(name, rng))
    soft = 0.33 * base + 0.67 * np.array([0.93, 0.93, 0.93])
    floor, horizon, zenith = (tuple(np.clip(soft * k, 0, 1)) for k in (1.0, 0.97, 0.86))
    return Scenery(floor, horizon, zenith)


def place(name: str, rng: np.random.Generator) -> Scenery:
    """One of PLACES with its colours a little varied."""
    base = PLACES[name]

    def vary(c: Colour) -> Colour:
        return tuple(np.clip(np.array(c) * rng.uniform(0.94, 1.05, 3), 0, 1))

    return replace(
        base, floor=vary(base.floor), horizon=vary(base.horizon), zenith=vary(base.zenith)
    )
