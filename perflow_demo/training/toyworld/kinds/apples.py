"""An apple: whole, bitten, or with a worm that looks out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from perflow_demo.training.toyworld.kinds.surfaces import TURN, skin, toward
from perflow_demo.training.toyworld.palette import BLACK, EYE_WHITE, WOOD, Look
from perflow_demo.training.toyworld.parts import Model, Paint, Part
from perflow_demo.training.toyworld.primitives import sphere, tube

FLESH = Paint((0.98, 0.93, 0.74))
WORM = Paint((0.62, 0.82, 0.25))


def apple(rng: np.random.Generator, look: Look) -> Model:
    """An apple with a stem and a leaf; sometimes bitten, sometimes with a worm."""
    radius = _apple_radius(rng)
    bitten = rng.random() < 0.3
    details, states = [], []
    if bitten:
        parts = _bitten(rng, radius, look.main)
        states.append("bitten")
    else:
        parts = [sphere(1, look.main, detail=60).warp(lambda v: v * radius(v)[:, None])]
    top = float(radius(np.array([[0.0, 1.0, 0.0]]))[0])
    lean = rng.uniform(-0.16, 0.16)
    height = rng.uniform(0.38, 0.6)
    stem = [(0, top - 0.12, 0), (lean * 0.3, top + height / 2, 0), (lean, top + height, 0)]
    parts.append(tube(stem, [0.06, 0.05, 0.085], WOOD, detail=12))
    leaf = _leaf(rng, look.second, rng.uniform(1.0, 1.3)).turn("y", rng.uniform(-35, 15))
    leaf = leaf if rng.random() < 0.7 else leaf.mirror()
    parts.append(leaf.move(lean * 0.2, top + 0.45 * height))
    if not bitten and rng.random() < 0.15:
        parts += _worm(rng, radius)
        details.append("a worm")
    return Model(parts, details=tuple(details), states=tuple(states))


def _apple_radius(rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """The apple's surface: distance from its centre in unit directions (V×3)."""
    wide, tall = rng.uniform(0.95, 1.06), rng.uniform(0.82, 1.05)
    taper, lobes = rng.uniform(0.04, 0.2), rng.uniform(0.0, 0.035)
    dimple, foot, start = rng.uniform(0.26, 0.4), rng.uniform(0.1, 0.2), rng.uniform(0, TURN)

    def radius(direction: np.ndarray) -> np.ndarray:
        x, y, z = direction.T
        polar, turn = np.arccos(np.clip(y, -1, 1)), np.arctan2(x, z)
        body = 1 / np.sqrt((x**2 + z**2) / wide**2 + y**2 / tall**2)
        body *= 1 + taper * y * np.sin(polar)
        body *= 1 + lobes * np.cos(5 * turn + start) * np.sin(polar) ** 2 * (1 - 0.6 * y)
        body *= 1 - dimple * np.exp(-((polar / 0.42) ** 2))
        return body * (1 - foot * np.exp(-(((np.pi - polar) / 0.4) ** 2)))

    return radius


def _bitten(
    rng: np.random.Generator, radius: Callable[[np.ndarray], np.ndarray], paint: Paint
) -> list[Part]:
    """Peel and flesh of an apple with a bite in its side; the mesh follows the bite's edge."""
    tilt, side = rng.uniform(68, 84), rng.choice([-1, 1]) * rng.uniform(15, 48)
    frame = _frame(toward(tilt, side))
    teeth = [(toward(0, 0) @ frame * 1.0, 0.4)]
    teeth += [
        (toward(19, 60 * i + rng.uniform(-8, 8)) @ frame * rng.uniform(1.0, 1.06), 0.24)
        for i in range(6)
    ]

    def bite(direction: np.ndarray) -> np.ndarray:
        depth = np.full(len(direction), 9.0)
        for tooth, size in teeth:
            along = direction @ tooth
            square = along**2 - tooth @ tooth + size**2
            hit = np.where((square > 0) & (along > 0), along - np.sqrt(np.maximum(square, 0)), 9.0)
            depth = np.minimum(depth, hit)
        return depth

    rings, around = 42, 64
    turn = TURN * np.arange(around) / around

    def directions(polar: np.ndarray) -> np.ndarray:
        local = [np.sin(polar) * np.sin(turn), np.cos(polar), np.sin(polar) * np.cos(turn)]
        return np.stack(np.broadcast_arrays(*local), -1).reshape(-1, 3) @ frame

    inside, outside = np.zeros(around), np.full(around, 1.4)
    for _ in range(24):
        middle = (inside + outside) / 2
        at = directions(middle)
        within = bite(at) < radius(at)
        inside, outside = np.where(within, middle, inside), np.where(within, outside, middle)
    edge = outside
    share = np.concatenate([np.linspace(0.06, 0.97, 14), [1.0]])
    beyond = np.concatenate([[0.012], np.linspace(0.05, 0.985, rings - 16)])
    polar = np.concatenate([share[:, None] * edge, edge + beyond[:, None] * (np.pi - edge)])
    at = directions(polar)
    whole = radius(at).reshape(polar.shape)
    hollow = np.minimum(bite(at).reshape(polar.shape), whole)
    flesh, peel = hollow.copy(), whole.copy()
    flesh[15:] *= 0.96
    peel[:14] = hollow[:14] * 0.85
    at = at.reshape(*polar.shape, 3)
    return [skin(at * peel[..., None], paint), skin(at * flesh[..., None], FLESH)]


def _frame(up: np.ndarray) -> np.ndarray:
    """Rows x, y, z of a right-handed frame whose y is the unit vector `up`."""
    across = np.cross([0.3, 0.9, 0.1], up)
    across /= np.linalg.norm(across)
    return np.stack([across, up, np.cross(across, up)])


def _leaf(rng: np.random.Generator, paint: Paint, length: float) -> Part:
    """A pointed leaf that starts at the origin and leans to +X, its face towards +Z."""
    curl, droop = rng.uniform(0.1, 0.3), rng.uniform(0.2, 0.5)

    def bend(v: np.ndarray) -> np.ndarray:
        s = (v[:, 0] + 1) / 2
        wide = v[:, 2] * (1.3 - 0.7 * s)
        return np.stack(
            [s, v[:, 1] * 0.05 + droop * np.sin(2.4 * s) * 0.6 + curl * wide**2, wide * 0.3], 1
        )

    leaf = sphere(1, paint, detail=24).warp(bend)
    return leaf.turn("x", rng.uniform(30, 55)).stretch(length, length, length)


def _worm(rng: np.random.Generator, radius: Callable[[np.ndarray], np.ndarray]) -> list[Part]:
    """A worm that looks out of the apple's front."""
    out = toward(rng.uniform(72, 88), rng.uniform(-35, 35))
    start = out * float(radius(out[None])[0])
    bow = [start - 0.15 * out, start + 0.2 * out, start + [0, 0.18, 0] + 0.36 * out]
    head = bow[2] + np.array([0, 0.12, 0.02])
    parts = [
        tube([tuple(p) for p in bow], 0.11, WORM, detail=14),
        sphere(0.16, WORM, 20).move(*head),
    ]
    for side in (-1, 1):
        eye = head + 0.12 * out + np.array([out[2] * 0.08 * side, 0.06, -out[0] * 0.08 * side])
        parts.append(sphere(0.065, EYE_WHITE, 12).move(*eye))
        parts.append(sphere(0.04, BLACK, 10).move(*(eye + 0.04 * out)))
    return parts
