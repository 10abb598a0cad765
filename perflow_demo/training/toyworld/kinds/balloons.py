"""A hot-air balloon: a striped envelope, ropes and a basket."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.surfaces import TURN, skin
from perflow_demo.training.toyworld.palette import Look, lighter
from perflow_demo.training.toyworld.parts import Model, Paint, Part
from perflow_demo.training.toyworld.primitives import box, ellipsoid, lathe, sphere, torus, tube

WICKER = Paint((0.66, 0.44, 0.24), "wooden")
ROPE = Paint((0.45, 0.34, 0.22))
FIRE = Paint((1.0, 0.62, 0.18), "glowing")
SAND = Paint((0.80, 0.68, 0.45))


def balloon(rng: np.random.Generator, look: Look) -> Model:
    """A hot-air balloon with upright, level or zigzag stripes; perhaps a row of beads."""
    envelope = _Envelope(rng)
    parts = [envelope.body(look.main)]
    style = rng.choice(["upright", "level", "zigzag"], p=[0.5, 0.25, 0.25])
    if look.colourful or style == "upright":
        step = 2 if envelope.gores < 16 or look.colourful else int(rng.choice([2, 4]))
        places = range(0, envelope.gores, step)
        bright = look.accents(rng, len(places))
        stripes = bright if look.colourful else [look.second] * len(places)
        parts += [envelope.gore(i, paint) for i, paint in zip(places, stripes, strict=True)]
    elif style == "level":
        for low, high in rng.choice(
            [[(0.26, 0.34), (0.44, 0.54), (0.64, 0.71)], [(0.34, 0.42), (0.52, 0.6), (0.69, 0.75)]]
        ):
            parts.append(envelope.band(low, high, 0.0, look.second))
    else:
        wave = rng.uniform(0.035, 0.05)
        parts += [envelope.band(s, s + 0.1, wave, look.second) for s in (0.33, 0.55)]
    parts.append(ellipsoid(0.3, 0.07, 0.3, look.second, 24).move(y=envelope.point(0.0)[1] - 0.02))
    basket, words = _basket(rng, look, envelope)
    details = [words] if words else []
    if rng.random() < 0.3:
        parts += envelope.beads(rng, look)
        details.append("a row of beads")
    return Model([*parts, *basket], details=tuple(details))


class _Envelope:
    """The bag: a drop about Y, puffed between its seams; share 0 is its top, 1 its mouth."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.gores = int(rng.choice([8, 12, 12, 16]))
        self.puff = rng.uniform(0.02, 0.05)
        self.tall = rng.uniform(0.95, 1.2)
        self.point_at = rng.uniform(0.42, 0.75)

    def point(self, share: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """Radius and height at a share of the way down."""
        polar = np.pi * 0.91 * np.asarray(share, float)
        down = np.clip((polar - np.pi / 2) / (np.pi / 2), 0, 1)
        radius = np.sin(polar) * (1 - 0.1 * down) + 0.02 * down
        return radius, self.tall * (np.cos(polar) - self.point_at * down**2 * 0.8)

    def surface(self, share: np.ndarray, turn: np.ndarray, lift: float = 1.0) -> np.ndarray:
        """Points at shares and turns (broadcast) …×3; `lift` of the radius."""
        share, turn = np.broadcast_arrays(share, turn)
        radius, height = self.point(share)
        seam = np.abs(np.sin(self.gores / 2 * turn)) ** 0.8
        radius = lift * radius * (1 - self.puff + self.puff * seam)
        return np.stack([radius * np.sin(turn), height, radius * np.cos(turn)], -1)

    def body(self, paint: Paint) -> Part:
        turn = TURN * np.arange(96) / 96
        return skin(self.surface(np.linspace(0.012, 1, 31)[:, None], turn), paint)

    def gore(self, index: int, paint: Paint) -> Part:
        """An upright stripe on the gore of that number, a little narrower than the gore."""
        turn = TURN / self.gores * (index + 0.5 + 0.78 * np.linspace(-0.5, 0.5, 9))
        share = np.linspace(0.03, 0.985, 28)[:, None]
        outside, inside = self.surface(share, turn, 1.012), self.surface(share, turn[::-1], 0.97)
        return skin(np.concatenate([outside, inside], 1), paint)

    def band(self, low: float, high: float, wave: float, paint: Paint) -> Part:
        """A stripe all the way round, from share `low` to `high`, in zigzag by `wave`."""
        turn = TURN * np.arange(96) / 96
        tooth = wave * (2 * np.abs((self.gores / 2 * turn / np.pi) % 2 - 1) - 1)
        share = np.linspace(low, high, 8)[:, None] + tooth
        outside, inside = self.surface(share, turn, 1.012), self.surface(share[::-1], turn, 0.97)
        return skin(np.concatenate([outside, inside]), paint, wrap=True)

    def beads(self, rng: np.random.Generator, look: Look) -> list[Part]:
        """Little balls along the widest line."""
        count = self.gores
        at = self.surface(np.full(count, 0.56), TURN * (np.arange(count) + 0.5) / count, 1.02)
        return [
            sphere(0.07, p, 14).move(*xyz)
            for p, xyz in zip(look.accents(rng, count), at, strict=True)
        ]


def _basket(rng: np.random.Generator, look: Look, envelope: _Envelope) -> tuple[list[Part], str]:
    """Skirt, flame, ropes and a wicker basket, square or round; and words for what hangs on it."""
    mouth, bottom = (float(v) for v in envelope.point(1.0))
    drop, size, tall = rng.uniform(0.34, 0.5), rng.uniform(0.24, 0.3), rng.uniform(0.32, 0.4)
    top, rim = bottom - drop, lighter(WICKER, -0.35)
    skirt = lathe([(mouth * 0.82, bottom - 0.13), (mouth * 1.04, bottom + 0.04)], look.second)
    parts = [skirt, ellipsoid(0.06, 0.13, 0.06, FIRE, 14).move(y=top + drop * 0.5)]
    square = rng.random() < 0.55
    if square:
        parts.append(box(2 * size, tall, 2 * size, WICKER, 0.06).move(y=top - tall / 2))
        edge = [(s, e) for s in (-1, 1) for e in (-1, 1)]
        parts.append(box(2.25 * size, 0.075, 2.25 * size, rim, 0.035).move(y=top))
        parts.append(box(2.12 * size, 0.06, 2.12 * size, rim, 0.025).move(y=top - 0.55 * tall))
    else:
        wall = [(size * 0.8, -tall), (size * 1.02, -tall * 0.6), (size * 1.08, 0.0)]
        parts.append(lathe(wall, WICKER, 40).move(y=top))
        parts += [
            torus(size * r, 0.042, rim, 28).move(y=top - y)
            for r, y in ((1.08, 0), (1.0, 0.6 * tall))
        ]
        edge = [(s * 0.75, e * 0.75) for s in (-1, 1) for e in (-1, 1)]
    for s, e in edge:
        end = (s * mouth * 0.62, bottom - 0.08, e * mouth * 0.62)
        parts.append(tube([(s * size * 0.95, top - 0.05, e * size * 0.95), end], 0.022, ROPE, 8))
    if rng.random() < 0.4:
        bag = ellipsoid(0.075, 0.1, 0.075, SAND, 14)
        reach = size * (1.06 if square else 1.08)
        parts += [
            bag.move(x, top - 0.18, reach).turn("y", a)
            for a in (0, 90, 180, 270)
            for x in (-0.11, 0.11)
        ]
        return parts, "sandbags"
    return parts, ""
