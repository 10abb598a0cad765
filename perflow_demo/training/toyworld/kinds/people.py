"""Those who stand upright: person (whole or head and shoulders), robot, snowman."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perflow_demo.training.toyworld.kinds.faces import Ball
from perflow_demo.training.toyworld.kinds.heads import face
from perflow_demo.training.toyworld.kinds.kind import Kind
from perflow_demo.training.toyworld.kinds.robots import robot
from perflow_demo.training.toyworld.palette import (
    BEAK,
    BLACK,
    WHITE,
    WOOD,
    Look,
    lighter,
)
from perflow_demo.training.toyworld.parts import Head, Model, Paint, Part, Point
from perflow_demo.training.toyworld.primitives import (
    capsule,
    cone,
    ellipsoid,
    lathe,
    sphere,
    torus,
    tube,
)

SHOES = Paint((0.22, 0.17, 0.15), "glossy")
PORTRAITS = 0.35


@dataclass(frozen=True)
class Build:
    """Heights of hips and shoulders, half the width of the shoulders, and what covers the legs."""

    hips: float
    shoulders: float
    half: float
    legwear: str


def person(rng: np.random.Generator, look: Look) -> Model:
    who = str(rng.choice(["man", "woman", "boy", "girl"], p=[0.4, 0.3, 0.15, 0.15]))
    portrait = rng.random() < PORTRAITS
    build = _build(rng, who)
    neck = build.shoulders + 0.1
    head = Ball((0.0, neck + 0.92, 0.06), (0.97, 1.02 if who in ("man", "woman") else 0.97, 0.93))
    looks = face(rng, who, head, (look.main, look.second))
    parts = [*looks.parts, *_shirt(rng, look, build, looks.skin, portrait)]
    states: tuple[str, ...] = ()
    extra = {"main_part": "a {colour} shirt", "second_part": "{colour} trousers"}
    if build.legwear != "trousers":
        extra["second_part"] = "a {colour} skirt"
    if portrait:
        extra |= {"framing": "portrait", "second_part": ""}
    else:
        pose = str(rng.choice(["standing", "waving"], p=[0.65, 0.35]))
        states = (pose,)
        long = rng.random() < 0.5
        parts += _arm(look.main, looks.skin, build, long, raised=False)
        parts += [
            p.mirror() for p in _arm(look.main, looks.skin, build, long, raised=pose == "waving")
        ]
        parts += _legs(look, looks.skin, build)
        if build.legwear == "dress":
            extra |= {"main_part": "a {colour} dress", "second_part": "{colour} shoes"}
    grown = tuple(np.array(head.radii) * looks.girth)
    eye = head.at(looks.eye_turn, looks.eye_lift)
    back = None if portrait else (0.0, build.shoulders - 0.65, -0.5)
    anchors = Head(head.centre, grown, eye, looks.eye_size, (0.0, neck - 0.12, 0.0), 0.5, back)
    return Model(parts, who, tuple(looks.details), states, anchors, extra_words=extra)


def _build(rng: np.random.Generator, who: str) -> Build:
    wide = rng.uniform(0.94, 1.08)
    if who in ("boy", "girl"):
        hips, torso, half = rng.uniform(0.75, 0.95), 0.95, 0.58 * wide
    else:
        hips, torso, half = rng.uniform(1.15, 1.35), 1.3, (0.76 if who == "man" else 0.64) * wide
    legwear = "trousers"
    if who in ("woman", "girl"):
        legwear = str(rng.choice(["trousers", "skirt", "dress"]))
    return Build(hips, hips + torso, half, legwear)


def _shirt(
    rng: np.random.Generator, look: Look, build: Build, skin: Paint, portrait: bool
) -> list[Part]:
    """Neck, chest and collar; a portrait ends in a flat cut below the chest, with stubs of arms."""
    top, half = build.shoulders, build.half
    low = top - 1.3 if portrait else build.hips + 0.12
    shape = [(0, low + 0.08, 0), (0, (low + top) / 2, 0), (0, top - 0.3, 0)]
    chest = tube(shape, [half * 0.92, half * 0.88, half * 0.9], look.main, 28).stretch(z=0.78)
    chest = _cut(chest, low)
    yoke = tube(
        [(-half * 0.9, top - 0.26, 0), (0, top - 0.14, 0), (half * 0.9, top - 0.26, 0)],
        [0.27, 0.34, 0.27],
        look.main,
        22,
    )
    body = [chest, yoke]
    if portrait:
        sleeve = capsule(
            (half * 0.95, top - 0.28, 0), (half * 1.24, top - 1.45, 0.02), 0.29, look.main
        )
        body = [_cut(part, top - 1.06) for part in (*body, *sleeve.pair())]
    neck = capsule((0, top - 0.15, 0), (0, top + 0.25, 0.02), 0.3, skin)
    pale = sum(look.main.colour) > 2.2
    trim = lighter(look.main, -0.3 if pale else 0.5)
    parts = [*body, neck, torus(0.36, 0.09, trim, 24).turn("x", 8).move(0, top + 0.02, 0.02)]
    front = half * 0.9 * 0.76
    if rng.random() < 0.5:
        parts += [sphere(0.085, trim, 14).move(0, top - y, front * 0.99) for y in (0.36, 0.62)]
    return parts


def _cut(part: Part, low: float) -> Part:
    """The part flattened below the height `low`."""

    def flat(v: np.ndarray) -> np.ndarray:
        v[:, 1] = np.maximum(v[:, 1], low)
        return v

    return part.warp(flat)


def _arm(cloth: Paint, skin: Paint, build: Build, long: bool, raised: bool) -> list[Part]:
    """The arm at x > 0, hanging or waving."""
    x, y = build.half * 0.95, build.shoulders - 0.27
    reach = (build.shoulders - build.hips) * 0.5
    path: list[Point] = [(x, y, 0), (x + 0.3, y - reach, 0.04), (x + 0.34, y - 2.0 * reach, 0.2)]
    if raised:
        path = [(x, y, 0), (x + 0.52, y - 0.25, 0.1), (x + 0.78, y + 0.5, 0.2)]
    cuff = np.array(path[1]) * 0.3 + np.array(path[2]) * 0.7
    arm = tube(path, [0.22, 0.19, 0.17], skin, 14)
    sleeve = tube([path[0], path[1], tuple(cuff)], [0.28, 0.25, 0.24], cloth, 16)
    if not long:
        half_way = np.array(path[0]) * 0.35 + np.array(path[1]) * 0.65
        sleeve = tube([path[0], tuple(half_way)], [0.28, 0.27], cloth)
    along = np.array(path[2]) - np.array(path[1])
    hand = sphere(0.24, skin, 18).move(*(np.array(path[2]) + 0.1 * along))
    return [arm, sleeve, hand]


def _legs(look: Look, skin: Paint, build: Build) -> list[Part]:
    """Trousers, or a skirt or the lower half of a dress over bare legs; shoes."""
    hips, half = build.hips, build.half
    x = half * 0.46
    covered = build.legwear == "trousers"
    leg = capsule(
        (x, hips, 0),
        (x * 1.1, 0.3, 0),
        0.31 if covered else 0.2,
        look.second if covered else skin,
        0.28 if covered else 0.18,
    )
    shoes = look.second if build.legwear == "dress" else SHOES
    parts = leg.pair() + ellipsoid(0.27, 0.2, 0.42, shoes, 20).move(x * 1.12, 0.19, 0.12).pair()
    if covered:
        waist = ellipsoid(half * 0.87, 0.42, half * 0.66, look.second, 32).move(0, hips + 0.06, 0)
        return [*parts, waist]
    cloth = look.main if build.legwear == "dress" else look.second
    waist, hem = hips + 0.42, hips * 0.42
    steps = np.linspace(0, 1, 9)
    flare = half * (0.8 + 0.75 * (1 - steps) ** 1.4)
    bell = [(half * 1.42, hem), *zip(flare, hem + 0.05 + (waist - hem) * steps, strict=True)]
    parts.append(lathe(bell, cloth, 50).stretch(z=0.82))
    if build.legwear == "dress":
        belt = torus(half * 0.84, 0.08, lighter(look.main, -0.3)).stretch(z=0.8).move(0, waist, 0)
        parts.append(belt)
    return parts


def snowman(rng: np.random.Generator, look: Look) -> Model:
    three = rng.random() < 0.6
    wide = rng.uniform(0.95, 1.08)
    low = Ball((0.0, 1.02, 0.0), (1.2 * wide, 1.1, 1.15 * wide))
    middle = Ball((0.0, 2.35, 0.0), (0.88 * wide, 0.8, 0.84 * wide)) if three else low
    head = Ball((0.0, middle.at(0, 90)[1] + 0.5, 0.03), (0.78, 0.72, 0.74))
    balls = [ball.part(look.main, 44) for ball in {low.centre: low, middle.centre: middle}.values()]
    parts = [
        *(_cut(part, 0.0) for part in balls),
        head.part(look.main, 44),
        *_snow_face(rng, head, look.main),
    ]
    button = ellipsoid(0.15, 0.15, 0.08, look.second, 20)
    spots = [(middle, 30), (middle, -4), (low, 26)] if three else [(low, 48), (low, 22), (low, -4)]
    parts += [ball.stick(button, 0, lift) for ball, lift in spots]
    mittens = rng.random() < 0.5
    x, y, z = middle.at(80, 18 if three else 40, 0.9)
    for side in (1, -1):
        rise = rng.uniform(0.1, 0.75)
        arm = _stick_arm((x, y, z), rise, look.second if mittens else None)
        parts += arm if side == 1 else [part.mirror() for part in arm]
    details = ["a carrot nose", "mittens" if mittens else "stick arms"]
    neck = (0.0, head.centre[1] - 0.6, 0.02)
    back = middle.at(180, 5)
    anchors = Head(head.centre, head.radii, head.at(24, 14), 0.12, neck, 0.56, back)
    return Model(parts, details=tuple(details), head=anchors)


def _snow_face(rng: np.random.Generator, head: Ball, snow: Paint) -> list[Part]:
    """Eyes and smile of coal (of chalk on dark snow), and a carrot."""
    paint = BLACK if sum(snow.colour) > 0.75 else WHITE
    coal = sphere(0.13, paint, 18)
    parts = head.stick(coal, 24, 14).pair()
    smile = [(t, -24 - 9 * np.cos(np.radians(t * 2.4))) for t in (-30, -15, 0, 15, 30)]
    parts += [head.stick(sphere(0.065, paint, 12), t, lift) for t, lift in smile]
    carrot = cone(0.15, rng.uniform(0.6, 0.85), BEAK).turn("x", 92)
    return [*parts, carrot.move(*head.at(0, -3, 0.93))]


def _stick_arm(shoulder: Point, rise: float, mitten: Paint | None) -> list[Part]:
    """A twig with two side twigs, or with a mitten on its end."""
    x, y, z = shoulder
    elbow, hand = (x + 0.5, y + 0.2 * rise, z + 0.1), (x + 0.95, y + rise, z + 0.2)
    parts = [tube([shoulder, elbow, hand], [0.09, 0.08, 0.06], WOOD, 12)]
    if mitten is None:
        for dx, dy in ((0.02, 0.36), (0.34, 0.08)):
            parts.append(
                tube([hand, (hand[0] + dx, hand[1] + dy, hand[2])], [0.06, 0.04], WOOD, 10)
            )
        return parts
    palm = ellipsoid(0.24, 0.28, 0.17, mitten, 22).move(hand[0] + 0.08, hand[1] + 0.1, hand[2])
    thumb = (
        ellipsoid(0.09, 0.15, 0.09, mitten, 14)
        .turn("z", 40)
        .move(hand[0] - 0.14, hand[1] + 0.16, hand[2])
    )
    return [*parts, palm, thumb]


KINDS = (
    Kind(
        name="person",
        build=person,
        nouns=("man", "woman", "boy", "girl"),
        natural=(
            ("white", "blue"),
            ("blue", "gray"),
            ("red", "blue"),
            ("green", "brown"),
            ("black", "gray"),
        ),
        never=("guy", "lady", "kid", "human", "gentleman"),
        finishes=(),
        wears=True,
    ),
    Kind(
        name="robot",
        build=robot,
        nouns=("robot",),
        natural=(("gray", "red"), ("gray", "blue"), ("white", "orange"), ("turquoise", "gray")),
        second_part="{colour} arms",
        never=("android", "machine"),
        finishes=("metallic", "glossy"),
        wears=True,
        colourful=True,
    ),
    Kind(
        name="snowman",
        build=snowman,
        nouns=("snowman",),
        natural=(("white", "black"), ("white", "red"), ("white", "blue")),
        second_part="{colour} buttons",
        never=("snow figure", "frosty"),
        wears=True,
    ),
)
