"""A donut that stands on its edge: a ring or a heart, whole or bitten."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.surfaces import TURN, drips, skin
from perflow_demo.training.toyworld.kinds.toppings import mixed, sprinkle
from perflow_demo.training.toyworld.palette import Look, lighter
from perflow_demo.training.toyworld.parts import Model, Paint, Part
from perflow_demo.training.toyworld.primitives import sphere, tube


def donut(rng: np.random.Generator, look: Look) -> Model:
    """A donut that stands on its edge: a ring or a heart, perhaps bitten; icing with drips."""
    heart = rng.random() < 0.25
    bitten = not heart and rng.random() < 0.3
    thick, puff = rng.uniform(0.42, 0.56), rng.uniform(0.85, 1.1)
    start, stop = 0.0, TURN
    if bitten:
        middle, half = rng.choice([-1, 1]) * rng.uniform(0.5, 1.2), rng.uniform(0.36, 0.46)
        start, stop = middle + half, middle - half + TURN
    ring = _Ring(heart, thick, puff, start, stop)
    parts = [ring.dough(look.second), ring.icing(rng, look.main)]
    if bitten:
        parts += [ring.crumb(end, lighter(look.second, 0.55)) for end in (0, 1)]
    details = []
    style = rng.choice(["sprinkles", "drizzle", "balls", "plain"], p=[0.52, 0.24, 0.14, 0.1])
    sweets, adjective = mixed(rng, look)
    if style == "sprinkles":
        parts += ring.sprinkles(rng, sweets, 40)
        details.append(adjective + "sprinkles")
    elif style == "balls":
        parts += ring.balls(rng, sweets, 18)
        details.append(adjective + "candy balls")
    elif style == "drizzle":
        parts.append(ring.drizzle(rng, look.third))
        details.append("a drizzle")
    lean = -rng.uniform(4, 16)
    noun = "heart-shaped donut" if heart else None
    return Model(
        [p.turn("x", lean) for p in parts],
        noun=noun,
        details=tuple(details),
        states=("bitten",) if bitten else (),
    )


class _Ring:
    """A tube along a closed curve in the XY plane, from `start` to `stop` of a turn."""

    def __init__(self, heart: bool, thick: float, puff: float, start: float, stop: float) -> None:
        self.heart, self.thick, self.puff = heart, thick, puff
        self.start, self.stop = start, stop
        self.whole = stop - start > TURN - 1e-6

    def curve(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The tube's middle and outward direction at turn `t` (0 at the top, clockwise): …×3."""

        def at(t: np.ndarray) -> np.ndarray:
            y = np.cos(t)
            if self.heart:
                y = 0.78 * y + 0.42 * np.sqrt(np.sin(t) ** 2 + 0.03)
            return np.stack([np.sin(t), y, 0 * t], -1)

        tangent = at(t + 1e-3) - at(t - 1e-3)
        tangent /= np.linalg.norm(tangent, axis=-1, keepdims=True)
        return at(t), np.stack([-tangent[..., 1], tangent[..., 0], tangent[..., 2]], -1)

    def point(
        self, t: np.ndarray, around: np.ndarray, scale: np.ndarray | float = 1.0
    ) -> np.ndarray:
        """The tube's surface; `around` is 0 in front and grows outward; `scale` of its radius."""
        t, around, scale = np.broadcast_arrays(t, around, scale)
        if not self.whole:
            across = scale * np.sin(around)
            teeth = 0.17 * across**2 + 0.035 * np.cos(3 * np.pi * across)
            near, far = (
                np.clip(1 - np.abs(t - end) / 0.6, 0, 1) for end in (self.start, self.stop)
            )
            t = t + teeth * (far - near)
        middle, outward = self.curve(t)
        r = (self.thick * scale)[..., None]
        front = np.array([0.0, 0.0, self.puff])
        return middle + r * (
            np.sin(around)[..., None] * outward + np.cos(around)[..., None] * front
        )

    def _steps(self, count: int) -> np.ndarray:
        return np.linspace(self.start, self.stop, count, endpoint=not self.whole)[:, None]

    def dough(self, paint: Paint) -> Part:
        around = TURN * np.arange(32) / 32
        rings = self.point(self._steps(72), around)
        if not self.whole:
            inner = np.linspace(0.02, 0.9, 8)[:, None]
            ends = self.point(self.start, around, inner), self.point(self.stop, around, inner[::-1])
            rings = np.concatenate([ends[0], rings, ends[1]])
        return skin(rings, paint, wrap=self.whole)

    def icing(self, rng: np.random.Generator, paint: Paint) -> Part:
        """A coat over the front whose two edges run in waves."""
        steps = self._steps(96)
        outer = 1.0 + drips(rng, int(rng.integers(8, 12)), 0.0, 0.55, 96)[:, None]
        inner = -0.85 - drips(rng, int(rng.integers(5, 8)), 0.0, 0.55, 96)[:, None]
        share = np.linspace(-1, 1, 20)
        middle, half = (outer + inner) / 2, (outer - inner) / 2
        coat = self.point(steps, middle + half * share, 0.99 + 0.11 * (1 - share**6) ** 0.5)
        under = self.point(steps, middle + half * 0.9 * share[::-3], 0.85)
        rings = np.concatenate([coat, under], 1)
        if self.whole:
            return skin(rings, paint, wrap=True)
        around = np.concatenate([middle + half * share, middle + half * 0.9 * share[::-3]], 1)
        ends = (self.point(steps[[i]] + t, around[[i]], 0.8) for i, t in ((0, 0.12), (-1, -0.12)))
        first, last = ends
        return skin(np.concatenate([first, rings, last]), paint)

    def crumb(self, end: int, paint: Paint) -> Part:
        """The inside that shows where a bite ends the tube; a thin sheet on the cut."""
        around = TURN * np.arange(32) / 32
        t, sign = ((self.start, -1), (self.stop, 1))[end]
        front = np.linspace(0.02, 0.9, 8)
        scale = np.concatenate([front, 0.93 * front[::-1]])[:, None]
        out = np.where(np.arange(16) < 7, 0.02, -0.06)[:, None]
        rings = self.point(t + sign * out, around, scale)
        return skin(rings if end == 0 else rings[:, ::-1], paint)

    def sprinkles(self, rng: np.random.Generator, look: Look, count: int) -> list[Part]:
        t = self._spread(rng, count)
        around = rng.uniform(-0.75, 0.9, count)
        at = self.point(t, around, 1.11)
        one, other = self.point(t + 0.05, around, 1.1) - at, self.point(t, around + 0.1, 1.11) - at
        mix = rng.uniform(0, TURN, count)[:, None]
        along = np.cos(mix) * one + np.sin(mix) * other
        return [sprinkle(*place) for place in zip(at, along, look.accents(rng, count), strict=True)]

    def balls(self, rng: np.random.Generator, look: Look, count: int) -> list[Part]:
        t = self._spread(rng, count)
        at = self.point(t, 0.15 + 0.55 * (-1.0) ** np.arange(count), 1.12)
        paints = look.accents(rng, count)
        return [
            sphere(0.085, paint, 14).move(*place) for paint, place in zip(paints, at, strict=True)
        ]

    def drizzle(self, rng: np.random.Generator, paint: Paint) -> Part:
        """A thin line of icing in zigzag."""
        waves = int(rng.integers(8, 12))
        t = np.linspace(self.start + 0.03, self.stop - 0.03, 6 * waves)
        path = self.point(
            t, 0.05 + 0.75 * np.sin(waves * TURN * (t - self.start) / (self.stop - self.start)), 1.1
        )
        return tube([tuple(p) for p in path], 0.055, paint, 8)

    def _spread(self, rng: np.random.Generator, count: int) -> np.ndarray:
        margin = 0.0 if self.whole else 0.06
        share = (np.arange(count) + rng.uniform(0.2, 0.8, count)) / count
        return self.start + margin + share * (self.stop - self.start - 2 * margin)
