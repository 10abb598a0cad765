"""The heads of people: skin and features, with the words for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perflow_demo.training.toyworld.kinds.faces import Ball
from perflow_demo.training.toyworld.kinds.hair import HAIRS, STYLES, beard, hair, hair_colour
from perflow_demo.training.toyworld.palette import BLACK, EYE_WHITE, WHITE, lighter
from perflow_demo.training.toyworld.parts import Colour, Paint, Part
from perflow_demo.training.toyworld.primitives import ellipsoid, sphere, tube

SKINS: dict[str, Colour] = {
    "pale": (0.97, 0.83, 0.74),
    "tan": (0.85, 0.63, 0.45),
    "brown": (0.55, 0.34, 0.20),
    "dark": (0.31, 0.18, 0.12),
}
IRISES: dict[str, Colour] = {
    "dark": (0.10, 0.06, 0.05),
    "brown": (0.47, 0.25, 0.09),
    "blue": (0.16, 0.46, 0.85),
    "green": (0.22, 0.60, 0.25),
}
LIPS = Paint((0.78, 0.22, 0.27))


@dataclass(frozen=True)
class Face:
    """A person's head: its parts, its words, and how far hats must clear it (1 without hair)."""

    parts: list[Part]
    details: list[str]
    skin: Paint
    eye_turn: float
    eye_lift: float
    eye_size: float
    girth: float


def face(rng: np.random.Generator, who: str, head: Ball, clothes: tuple[Paint, ...]) -> Face:
    """The head of a "man", "woman", "boy" or "girl" whose skin differs from the `clothes`."""
    skin_name = str(rng.choice([name for name in SKINS if _differs(SKINS[name], clothes)]))
    iris_name = str(rng.choice(list(IRISES)))
    hair_name = hair_colour(rng, who, skin_name)
    style = str(rng.choice(STYLES[who]))
    skin, tone = Paint(_varied(SKINS[skin_name], rng)), Paint(_varied(HAIRS[hair_name], rng))
    turn, lift, size = 23.0, rng.uniform(-4, 0), rng.uniform(0.225, 0.25)
    parts = [head.part(skin, 40), *_features(head, who, skin, lift, size)]
    parts += _eyes(head, turn, lift, size, Paint(_varied(IRISES[iris_name], rng), "glossy"), skin)
    if style not in ("long", "bob"):
        parts += head.stick(ellipsoid(0.12, 0.2, 0.15, skin, 20).turn("y", -90), 90, -8).pair()
    parts += _brows(rng, head, turn, lift, tone if style != "bald" else Paint(HAIRS["brown"]))
    details = [f"{skin_name} skin", f"{iris_name} eyes"]
    strands, words, girth = hair(rng, head, style, tone, hair_name)
    parts += strands
    details.append(words)
    if who == "man" and rng.random() < 0.6:
        whiskers, words = beard(rng, head, tone, hair_name)
        parts += whiskers
        details.append(words)
    return Face(parts, details, skin, turn, lift, size, girth)


def _differs(skin: Colour, clothes: tuple[Paint, ...]) -> bool:
    return all(np.linalg.norm(np.subtract(skin, cloth.colour)) > 0.2 for cloth in clothes)


def _varied(colour: Colour, rng: np.random.Generator) -> Colour:
    return tuple(np.clip(np.array(colour) * rng.uniform(0.95, 1.05), 0, 1))  # type: ignore[return-value]


def _features(head: Ball, who: str, skin: Paint, lift: float, size: float) -> list[Part]:
    """Nose, mouth, and what tells the sexes and ages apart: lashes, lips, rosy cheeks."""
    nose_size = 0.17 if who == "man" else 0.12
    nose = ellipsoid(nose_size, nose_size * 0.9, nose_size, lighter(skin, -0.07), 20)
    parts = [head.stick(nose, 0, -13, 1.06)]
    lips = who == "woman"
    mouth = [
        head.at(t, y, 1.0) for t, y in ((-15, -27), (-8, -32), (0, -33.5), (8, -32), (15, -27))
    ]
    red = (
        LIPS
        if lips
        else Paint((0.42, 0.14, 0.13) if sum(skin.colour) > 1.3 else (0.68, 0.20, 0.19))
    )
    parts.append(tube(mouth, [0.035, 0.07, 0.085, 0.07, 0.035] if lips else 0.05, red, 9))
    if who in ("boy", "girl"):
        blush = Paint(tuple(np.array(skin.colour) * 0.62 + np.array([0.92, 0.36, 0.36]) * 0.38))
        parts += head.stick(ellipsoid(0.19, 0.13, 0.04, blush, 18), 40, -22, 1.0).pair()
    if who in ("woman", "girl"):
        arc = [
            (-1.05, 0.45, 0.25),
            (-0.5, 1.02, 0.4),
            (0.3, 1.08, 0.42),
            (0.95, 0.62, 0.3),
            (1.35, 0.75, 0.2),
        ]
        lash = tube(
            [tuple(size * np.array(p)) for p in arc], [0.02, 0.04, 0.05, 0.05, 0.025], BLACK, 8
        )
        parts += head.stick(lash, 23, lift).pair()
    return parts


def _eyes(
    head: Ball, turn: float, lift: float, size: float, iris: Paint, skin: Paint
) -> list[Part]:
    """Whites with a large coloured iris, a pupil, a lid and a glint on the same side."""
    aim = turn * 0.75
    ahead = np.array([np.sin(np.radians(aim)), 0.0, np.cos(np.radians(aim))])
    x, y, z = head.at(turn * 0.97, lift)
    white = ellipsoid(size, size * 1.15, size * 0.5, EYE_WHITE, 20)
    lid = ellipsoid(size * 1.12, size * 1.27, size * 0.66, lighter(skin, -0.1), 18)
    lid = lid.flattened(size * 0.76)
    parts = head.stick(white, turn, lift).pair() + head.stick(lid, turn, lift).pair()
    for radius, out, paint in ((0.76, 0.25, iris), (0.4, 0.46, BLACK)):
        disc = ellipsoid(size * radius, size * radius * 1.1, size * (0.66 - out) * 0.92, paint, 16)
        parts += disc.turn("y", aim).move(x, y, z).move(*(size * out * ahead)).pair()
    for side in (-1, 1):
        gx, gy, gz = np.array([side * x, y, z]) + size * 0.58 * ahead * (side, 1, 1)
        glint = sphere(size * 0.16, WHITE, 12)
        parts.append(glint.move(gx - size * 0.24, gy + size * 0.27, gz - size * 0.02))
    return parts


def _brows(
    rng: np.random.Generator, head: Ball, turn: float, lift: float, paint: Paint
) -> list[Part]:
    high, tilt = lift + rng.uniform(22, 26), rng.uniform(-2.5, 0.5)
    places = [(turn - 11, high - tilt), (turn, high + 2.5), (turn + 12, high - 1.5)]
    return tube(
        [head.at(*p, 1.01) for p in places], [0.05, 0.065, 0.04], lighter(paint, -0.12), 8
    ).pair()
