"""The hair and beards of people, with the words for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from perflow_demo.training.toyworld.kinds.faces import Ball
from perflow_demo.training.toyworld.parts import Colour, Paint, Part
from perflow_demo.training.toyworld.primitives import ellipsoid, sphere, torus, tube

HAIRS: dict[str, Colour] = {
    "black": (0.07, 0.06, 0.07),
    "brown": (0.33, 0.18, 0.09),
    "blond": (0.95, 0.77, 0.36),
    "red": (0.76, 0.27, 0.07),
    "gray": (0.60, 0.60, 0.62),
    "white": (0.94, 0.93, 0.91),
}
STYLES = {
    "man": ("short", "curly", "parted", "bald", "spiky", "long"),
    "boy": ("short", "curly", "parted", "spiky"),
    "woman": ("long", "curly", "bun", "ponytail", "bob"),
    "girl": ("long", "curly", "pigtails", "ponytail", "bob"),
}


def hair_colour(rng: np.random.Generator, who: str, skin: str) -> str:
    """Mostly what goes with the skin; nothing too like it; children are not gray."""
    chances = np.array([0.20, 0.22, 0.22, 0.18, 0.10, 0.08])
    if skin in ("brown", "dark"):
        chances = np.array([0.42, 0.20, 0.10, 0.10, 0.12, 0.06])
    if skin == "dark":
        chances[1] = 0.0
    if who in ("boy", "girl"):
        chances[4:] = 0.0
    return str(rng.choice(list(HAIRS), p=chances / chances.sum()))


def hair(
    rng: np.random.Generator, head: Ball, style: str, paint: Paint, colour: str
) -> tuple[list[Part], str, float]:
    """Parts, words, and the girth of the head with this hair on."""
    if style == "bald":
        return [], "a bald head", 1.0
    fringe = rng.uniform(38, 46)
    if style == "curly":
        return _curls(rng, head, paint, fringe), f"curly {colour} hair", 1.16
    if style == "spiky":
        return _spikes(rng, head, paint, fringe), f"spiky {colour} hair", 1.1
    if style in ("long", "bob"):
        length = rng.uniform(160, 178) if style == "long" else 134
        reach = _hairline((0, fringe), (42, fringe + 12), (62, 92), (75, length), (180, length + 6))
        words = f"long {colour} hair" if style == "long" else f"{colour} hair"
        return [_shell(head, reach, 1.13, paint, fall=True)], words, 1.12
    parted = style in ("parted", "ponytail", "bun")
    line = ((0, fringe + 4), (45, fringe + 10), (66, 78), (84, 94), (105, 118), (180, 132))
    if style == "parted":
        line = (
            (-180, 132),
            (-105, 118),
            (-84, 100),
            (-66, 82),
            (-30, 58),
            (28, 28),
            (50, 44),
            *line[2:],
        )
    parts = [_shell(head, _hairline(*line), 1.1 if parted else 1.08, paint)]
    if style == "bun":
        parts.append(sphere(0.46, paint, 30).move(*head.at(180, 52, 1.3)))
        return parts, f"{colour} hair in a bun", 1.1
    if style in ("ponytail", "pigtails"):
        words = "a ponytail" if style == "ponytail" else "pigtails"
        return parts + _tails(rng, head, paint, style), f"{colour} hair in {words}", 1.1
    return parts, f"short {colour} hair", 1.09


def _hairline(*points: tuple[float, float]) -> Callable[[np.ndarray], np.ndarray]:
    """Degrees from the crown to the hair's edge, by turn; points of one side serve both."""
    turns, edges = zip(*points, strict=True)
    if min(turns) < 0:
        return lambda turn: np.interp(turn, turns, edges)
    return lambda turn: np.interp(np.abs(turn), turns, edges)


def _shell(
    head: Ball,
    reach: Callable[[np.ndarray], np.ndarray],
    out: float,
    paint: Paint,
    tip: float = 0.0,
    fall: bool = False,
) -> Part:
    """A thick closed cap over the head, from a pole to `reach(turn)` degrees away from it.

    out: its radius, the head's being 1; tip: degrees by which the pole is turned forward from the
    crown; fall: below the head's widest place it hangs straight down instead of hugging the head.
    """

    def bend(v: np.ndarray) -> np.ndarray:
        polar = np.arccos(np.clip(v[:, 1], -1, 1)) / np.pi
        yaw = np.arctan2(v[:, 0], v[:, 2])
        angle = reach(np.degrees(yaw)) * np.minimum(polar / 0.8, 1.0)
        radius = out * np.clip((1 - polar) / 0.2, 0.0, 1.0)
        hug = np.radians(np.minimum(angle, 100.0) if fall else angle)
        drop = np.radians(np.maximum(angle - 100.0, 0.0)) * fall
        strands = 1 + 0.02 * np.cos(16 * yaw) * np.clip(angle / 60 - 0.5, 0, 1) * fall
        flat = np.sin(hug) * (1 - 0.08 * drop**2) * strands
        ball = np.stack([flat * np.sin(yaw), np.cos(hug) - drop, flat * np.cos(yaw)], -1)
        return ball * radius[:, None]

    unit = ellipsoid(1, 1, 1, paint, 44).warp(bend)
    return unit.turn("x", tip).stretch(*head.radii).move(*head.centre)


def _curls(rng: np.random.Generator, head: Ball, paint: Paint, fringe: float) -> list[Part]:
    """Balls all over the scalp on a spiral, over a thin cap that closes the gaps."""
    reach = _hairline((0, fringe + 2), (45, fringe + 10), (65, 74), (90, 100), (180, 125))
    parts = [_shell(head, reach, 1.05, paint)]
    for i in range(62):
        lift = np.degrees(np.arcsin(1 - 2 * (i + 0.5) / 62))
        turn = (i * 137.508 + 180) % 360 - 180
        if 90 - lift < reach(np.array(turn)) + 2:
            size = rng.uniform(0.26, 0.33)
            parts.append(sphere(size, paint, 11).move(*head.at(turn, float(lift), 1.05)))
    return parts


def _spikes(rng: np.random.Generator, head: Ball, paint: Paint, fringe: float) -> list[Part]:
    """A short cap with tufts that point up and outward."""
    line = _hairline((0, fringe), (45, fringe + 8), (66, 76), (84, 92), (105, 115), (180, 128))
    parts = [_shell(head, line, 1.07, paint)]
    for lift, count in ((84, 1), (60, 6), (36, 7)):
        for i in range(count):
            turn = (360 * (i + 0.5 * (count == 6)) / count + rng.uniform(-9, 9) + 180) % 360 - 180
            if lift == 36 and abs(turn) < 50:
                continue
            foot, bend = head.at(turn, lift, 0.98), head.at(turn, lift + 4, 1.14)
            tuft = [
                foot,
                bend,
                head.at(turn * 0.92, lift + rng.uniform(8, 16), rng.uniform(1.34, 1.48)),
            ]
            parts.append(tube(tuft, [0.31, 0.21, 0.03], paint, 9))
    return parts


def _tails(rng: np.random.Generator, head: Ball, paint: Paint, style: str) -> list[Part]:
    """A ponytail behind, or a pigtail on each side, with a bright band."""
    band = Paint((0.93, 0.25, 0.35) if rng.random() < 0.5 else (0.2, 0.6, 0.85))
    if style == "ponytail":
        x, y, z = head.at(150, 38, 1.06)
        path = [
            (x, y, z),
            (x + 0.3, y + 0.2, z - 0.25),
            (x + 0.62, y - 0.45, z - 0.2),
            (x + 0.5, y - 1.35, z + 0.1),
        ]
        hair = [tube(path, [0.2, 0.31, 0.35, 0.09], paint)]
        hair.append(
            torus(0.2, 0.09, band, 20)
            .turn("x", -60)
            .turn("y", -30)
            .move(x + 0.1, y + 0.08, z - 0.08)
        )
        return hair if rng.random() < 0.5 else [part.mirror() for part in hair]
    x, y, z = head.at(100, 12, 1.06)
    lock = tube(
        [(x, y, z), (x + 0.34, y + 0.1, z), (x + 0.52, y - 0.45, z), (x + 0.4, y - 1.05, z + 0.05)],
        [0.17, 0.3, 0.33, 0.1],
        paint,
    )
    return (
        lock.pair() + torus(0.18, 0.09, band, 20).turn("z", 80).move(x + 0.13, y + 0.05, z).pair()
    )


def beard(
    rng: np.random.Generator, head: Ball, paint: Paint, colour: str
) -> tuple[list[Part], str]:
    """A full, a long or a chin beard, each with a moustache, or a moustache alone."""
    kind = str(rng.choice(["full", "long", "moustache"], p=[0.5, 0.25, 0.25]))
    half = [(0.0, 0.0, 0.0), (0.16, -0.03, -0.01), (0.33, -0.15, -0.08)]
    x, y, z = head.at(0, -22, 1.04)
    side = tube(half, [0.11, 0.12, 0.03], paint, 10).stretch(z=0.8).move(x, y, z)
    parts = side.pair()
    if kind == "moustache":
        return parts, f"a {colour} moustache" if rng.random() < 0.4 else "a moustache"
    edge = _hairline(
        (0, 38), (40, 56), (75, 72), (90, 84), (108, 70), (128, 44), (146, 36), (180, 24)
    )
    beard = _shell(head, edge, 1.1, paint, tip=150)
    if kind == "long":
        low = head.centre[1] - 0.45 * head.radii[1]

        def grow(v: np.ndarray) -> np.ndarray:
            depth = np.maximum(low - v[:, 1], 0.0) * np.clip(v[:, 2] - head.centre[2] + 0.3, 0, 1)
            v[:, 1] -= 1.15 * depth
            v[:, 0] *= 1 - 0.3 * np.minimum(depth, 1.0)
            return v

        beard = beard.warp(grow)
    name = "a long beard" if kind == "long" else "a beard"
    if rng.random() < 0.35:
        name = name.replace("beard", f"{colour} beard")
    return [*parts, beard], name
