"""Flowers in a pot: daisies and tulips."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.pots import pot
from perflow_demo.training.toyworld.palette import LEAF, Look, lighter
from perflow_demo.training.toyworld.parts import Model, Paint, Part
from perflow_demo.training.toyworld.primitives import ellipsoid, tube


def flower(rng: np.random.Generator, look: Look) -> Model:
    """One big bloom in a pot: a daisy with round or pointed petals that faces ahead, or a tulip."""
    parts = [part.stretch(0.86, 0.86, 0.86) for part in pot(rng, look.second)]
    foot, tall, sway = 0.7, rng.uniform(1.35, 1.7), rng.uniform(-0.2, 0.2)
    green = (
        LEAF
        if np.linalg.norm(np.subtract(look.main.colour, LEAF.colour)) > 0.3
        else lighter(LEAF, -0.45)
    )
    top = foot + tall
    parts.append(tube([(0, foot, 0), (sway, foot + tall * 0.5, 0.02), (0, top, 0)], 0.11, green))
    for side in (1, -1):
        leaf = _leaf(green, rng.uniform(0.95, 1.15))
        parts.append(leaf.stretch(x=side).move(0, foot + tall * rng.uniform(0.1, 0.25), 0.05))
    if rng.random() < 0.35:
        return Model([*parts, *_tulip(rng, look, top)], noun="tulip", details=("green leaves",))
    warm = look.main.colour[0] > 0.8 and look.main.colour[2] < 0.4
    centre = Paint((0.36, 0.2, 0.1) if warm else (0.98, 0.80, 0.16))
    pointed = rng.random() < 0.4
    head = _daisy(rng, look, centre, pointed)
    parts += [part.turn("x", -22).move(0, top + 0.05, 0.1) for part in head]
    petals = "pointed petals" if pointed else "round petals"
    return Model(
        parts, details=(petals, "a brown center" if warm else "a yellow center", "green leaves")
    )


def _leaf(paint: Paint, length: float) -> Part:
    """A pointed leaf that rises towards x > 0 and bends over."""
    blade = tube([(0, 0, 0), (0.5 * length, 0, 0), (length, 0, 0)], [0.06, 0.3, 0.03], paint, 20)

    def arch(v: np.ndarray) -> np.ndarray:
        t = np.clip(v[:, 0] / length, 0, 1.1)
        height = 0.25 * v[:, 1] + length * (1.05 * t - 0.75 * t**2) + 0.35 * np.abs(v[:, 2])
        return np.stack([v[:, 0] * 0.9, height, v[:, 2] + 0.25 * t], -1)

    return blade.warp(arch)


def _daisy(rng: np.random.Generator, look: Look, centre: Paint, pointed: bool) -> list[Part]:
    """A bloom around the origin that looks to +Z: one ring of petals, or two of two tones."""
    count = int(rng.integers(11, 15)) if pointed else int(rng.integers(6, 9))
    reach = rng.uniform(1.1, 1.25)
    petals = look.accents(rng, count) if look.colourful else [look.main] * count
    wide = reach * np.sin(np.pi / count) * (0.72 if pointed else 0.68)
    if pointed:
        petal = tube(
            [(0, 0.3, 0), (0, reach * 0.6, 0.06), (0, reach, 0)],
            [wide, wide * 1.15, 0.05],
            look.main,
            12,
        )
        petal = petal.stretch(z=0.4)
    else:
        petal = (
            ellipsoid(wide, reach * 0.38, 0.15, look.main, 22)
            .turn("x", 8)
            .move(0, reach * 0.66, 0.05)
        )
    parts = [petal.painted(petals[i]).turn("z", 360 * i / count) for i in range(count)]
    if rng.random() < 0.5:
        inner = petal.stretch(0.82, 0.76, 0.9).painted(lighter(look.main, 0.22)).move(0, 0, 0.1)
        parts += [inner.turn("z", 360 * (i + 0.5) / count) for i in range(count)]
    disc = ellipsoid(reach * 0.36, reach * 0.36, 0.22, centre, 32).move(0, 0, 0.08)
    back = ellipsoid(0.3, 0.3, 0.2, lighter(LEAF, -0.2), 24).move(0, 0, -0.08)
    return [*parts, disc, back]


def _tulip(rng: np.random.Generator, look: Look, top: float) -> list[Part]:
    """A closed cup of six petals standing on the stem."""
    tones = look.accents(rng, 6) if look.colourful else [look.main, lighter(look.main, -0.12)] * 3
    parts = []
    for i, tone in enumerate(tones):
        path = [(0, 0.0, 0.15), (0, 0.5, 0.52), (0, 1.0, 0.46), (0, 1.45, 0.34 if i % 2 else 0.5)]
        petal = tube(path, [0.24, 0.5, 0.42, 0.06], tone, 22)
        squeeze = np.array([0.0, 0.0, 0.42])
        petal = petal.move(*-squeeze).stretch(z=0.45).move(*squeeze)
        parts.append(petal.turn("y", 60 * i).move(0, top + 0.05, 0))
    return [*parts, ellipsoid(0.4, 0.3, 0.4, look.main, 24).move(0, top + 0.2, 0)]
