"""Bodies of four-legged toys in four poses, without head and tail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from perflow_demo.training.toyworld.kinds.faces import Ball
from perflow_demo.training.toyworld.parts import Head, Paint, Part, Point
from perflow_demo.training.toyworld.primitives import capsule, ellipsoid, tube


@dataclass(frozen=True)
class Stance:
    """A body without head and tail, and where these and a load attach."""

    parts: list[Part]
    neck: Point
    neck_radius: float
    tail: Point
    state: str
    back: Point | None = None
    top: Point | None = None


def standing(
    rng: np.random.Generator,
    paint: Paint,
    paws: Paint | None = None,
    girth: float = 0.72,
    leg: float = 0.8,
    thick: float = 0.27,
    length: float = 1.0,
) -> Stance:
    """On four legs; `paws` None paints them like the body."""
    half = girth * length * rng.uniform(0.75, 1.0)
    y = leg + girth * 0.72
    spine = [(0.0, y, -half), (0.0, y - 0.03, 0.0), (0.0, y + 0.05, half)]
    parts = [tube(spine, [girth * 0.96, girth * 0.92, girth], paint, 36)]
    for z in (half + girth * 0.3, -half - girth * 0.3):
        x = girth * 0.56
        parts += capsule(
            (x, y - 0.1, z * 0.95), (x * 1.05, thick * 0.8, z), thick * 1.1, paint, thick
        ).pair()
        paw = ellipsoid(thick * 1.2, thick * 0.85, thick * 1.45, paws or paint, 22)
        parts += paw.move(x * 1.05, thick * 0.85, z + thick * 0.3).pair()
    front = half + girth * 0.35
    return Stance(
        parts,
        neck=(0.0, y + girth * 0.72, front),
        neck_radius=girth * 0.8,
        tail=(0.0, y + girth * 0.5, -half - girth * 0.75),
        state="standing",
        top=(0.0, y + girth * 0.92, -half * 0.75),
    )


def sitting(rng: np.random.Generator, paint: Paint, paws: Paint | None = None) -> Stance:
    """Upright on its haunches, front legs straight."""
    wide = rng.uniform(0.92, 1.08)
    torso = tube([(0, 0.82, -0.35), (0, 1.3, -0.18), (0, 1.9, 0.05)], [0.82, 0.8, 0.62], paint, 36)
    parts = [torso.stretch(wide)]
    parts += ellipsoid(0.4, 0.56, 0.64, paint, 28).move(0.66 * wide, 0.56, 0.05).pair()
    hind = ellipsoid(0.25, 0.19, 0.42, paws or paint, 24).turn("y", 22)
    parts += hind.move(0.84 * wide, 0.19, 0.58).pair()
    parts += capsule((0.36, 1.6, 0.4), (0.36, 0.3, 0.66), 0.28, paint, 0.22).pair()
    parts += ellipsoid(0.27, 0.2, 0.34, paws or paint, 24).move(0.36, 0.2, 0.78).pair()
    return Stance(
        parts, (0.0, 2.2, 0.1), 0.6, tail=(0.0, 0.45, -1.0), state="sitting", back=(0.0, 1.4, -0.98)
    )


def lying(rng: np.random.Generator, paint: Paint, paws: Paint) -> Stance:
    """Like a loaf: belly on the floor, paws in front."""
    length = rng.uniform(0.7, 0.9)
    body = tube(
        [(0, 0.78, -length), (0, 0.76, 0.0), (0, 0.8, length * 0.7)], [0.78, 0.8, 0.72], paint, 36
    )
    parts = [body.stretch(1.1)]
    parts += ellipsoid(0.4, 0.5, 0.66, paint, 28).move(0.7, 0.5, -length * 0.75).pair()
    parts += ellipsoid(0.26, 0.22, 0.5, paws, 24).turn("y", 14).move(0.78, 0.22, -0.15).pair()
    parts += ellipsoid(0.27, 0.22, 0.55, paws, 24).move(0.36, 0.22, length + 0.55).pair()
    return Stance(
        parts,
        neck=(0.0, 1.32, length * 0.75),
        neck_radius=0.62,
        tail=(0.0, 0.45, -length - 0.65),
        state="lying",
    )


def teddy(rng: np.random.Generator, paint: Paint, pads: Paint) -> Stance:
    """Sitting like a plush toy: legs forward, arms open, a belly painted `pads`."""
    wide = rng.uniform(0.88, 1.02)
    torso = Ball((0, 1.02, 0), (wide, 1.05, 0.85))
    parts = [torso.part(paint), torso.stick(ellipsoid(0.6, 0.66, 0.16, pads, 28), 0, -3, 0.93)]
    parts += capsule((0.5, 0.42, 0.2), (0.8, 0.42, 1.05), 0.42, paint, 0.4).pair()
    parts += ellipsoid(0.3, 0.3, 0.1, pads, 24).turn("y", 18).move(0.9, 0.43, 1.4).pair()
    parts += tube(
        [(0.7, 1.62, 0), (1.1, 1.15, 0.25), (1.12, 0.85, 0.62)], [0.3, 0.3, 0.3], paint
    ).pair()
    return Stance(
        parts,
        (0.0, 2.0, 0.05),
        0.62,
        tail=(0.0, 0.4, -0.85),
        state="sitting",
        back=(0.0, 1.2, -0.84),
    )


def head_on(stance: Stance, radii: Point, up: float, ahead: float) -> Ball:
    x, y, z = stance.neck
    return Ball((x, y + up, z + ahead), radii)


def anchors(stance: Stance, head: Ball, turn: float, lift: float, size: float) -> Head:
    """Where accessories sit; the ring of a scarf clears both the neck and the head above it."""
    x, y, z = stance.neck
    below = (head.centre[1] - y) / head.radii[1]
    ring = max(stance.neck_radius, 0.95 * head.radii[0] * float(np.sqrt(1 - below**2)))
    neck = (x, y, (z + head.centre[2]) / 2)
    return Head(head.centre, head.radii, head.at(turn, lift), size, neck, ring, stance.back)
