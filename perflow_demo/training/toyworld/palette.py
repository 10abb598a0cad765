"""Colours with names, and the looks that a thing can be given."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from perflow_demo.training.toyworld.parts import Colour, Paint

COLOURS: dict[str, Colour] = {
    "red": (0.84, 0.11, 0.12),
    "orange": (0.96, 0.52, 0.08),
    "yellow": (0.98, 0.83, 0.16),
    "green": (0.20, 0.62, 0.22),
    "turquoise": (0.16, 0.73, 0.71),
    "blue": (0.14, 0.33, 0.82),
    "purple": (0.49, 0.22, 0.70),
    "pink": (0.97, 0.55, 0.72),
    "brown": (0.47, 0.28, 0.15),
    "black": (0.09, 0.09, 0.10),
    "white": (0.95, 0.95, 0.94),
    "gray": (0.52, 0.53, 0.55),
}
SHADES = ("light", "dark")
SHADED = ("red", "green", "blue", "purple", "brown", "gray")
BRIGHT = ("red", "orange", "yellow", "green", "turquoise", "blue", "purple", "pink")


@dataclass(frozen=True)
class Look:
    """The paints that a kind's builder uses.

    main: the body; second: the part its kind names (roof, ears, lid …); third: a spare accent.
    colourful: whether repeated parts shall all differ.
    """

    main: Paint
    second: Paint
    third: Paint
    colourful: bool = False

    def accents(self, rng: np.random.Generator, count: int) -> list[Paint]:
        """`count` paints for repeated small parts: bright, varied if colourful, else `third`."""
        if not self.colourful:
            return [self.third] * count
        names = rng.permutation(BRIGHT)
        return [Paint(COLOURS[names[i % len(names)]], self.third.finish) for i in range(count)]


def colour(name: str, rng: np.random.Generator | None = None, shade: str = "") -> Colour:
    """The named colour as sRGB, a little varied by `rng`; `shade` is '', 'light' or 'dark'."""
    h, s, v = colorsys.rgb_to_hsv(*COLOURS[name])
    if shade == "light":
        s, v = s * 0.5, min(1.0, v * 1.1 + 0.25)
    elif shade == "dark":
        v *= 0.5
    if rng is not None:
        h = (h + rng.uniform(-0.012, 0.012)) % 1.0
        s = float(np.clip(s * rng.uniform(0.92, 1.06), 0, 1))
        v = float(np.clip(v * rng.uniform(0.93, 1.05), 0, 1))
    return colorsys.hsv_to_rgb(h, s, v)


def lighter(paint: Paint, amount: float = 0.35) -> Paint:
    """The same paint mixed with white (amount 0..1); with black where the amount is negative."""
    target = 1.0 if amount > 0 else 0.0
    mixed = tuple(c + (target - c) * abs(amount) for c in paint.colour)
    return Paint(mixed, paint.finish, paint.second)  # type: ignore[arg-type]


BLACK = Paint((0.06, 0.06, 0.07), "glossy")
WHITE = Paint((0.96, 0.96, 0.95))
GREY = Paint((0.55, 0.56, 0.58))
STEEL = Paint((0.75, 0.77, 0.80), "metallic")
GOLD = Paint((0.95, 0.75, 0.30), "metallic")
GLASS = Paint((0.55, 0.75, 0.88), "glass")
WOOD = Paint((0.55, 0.36, 0.20), "wooden")
RUBBER = Paint((0.10, 0.10, 0.11))
LAMP_LIGHT = Paint((1.0, 0.93, 0.70), "glowing")
LEAF = Paint((0.22, 0.58, 0.22))
EYE_WHITE = Paint((0.97, 0.97, 0.96), "glossy")
BEAK = Paint((0.97, 0.62, 0.12))
NOSE = Paint((0.12, 0.08, 0.08), "glossy")
TONGUE = Paint((0.90, 0.40, 0.45))
