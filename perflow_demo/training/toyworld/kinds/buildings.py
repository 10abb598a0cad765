"""Buildings: houses, castles, lighthouses, windmills; the door is on the front (+Z)."""

from __future__ import annotations

import numpy as np

from perflow_demo.training.toyworld.kinds.hull import loft
from perflow_demo.training.toyworld.kinds.kind import Kind
from perflow_demo.training.toyworld.palette import (
    BLACK,
    GLASS,
    GOLD,
    GREY,
    LAMP_LIGHT,
    LEAF,
    WHITE,
    WOOD,
    Look,
    lighter,
)
from perflow_demo.training.toyworld.parts import Model, Paint, Part
from perflow_demo.training.toyworld.primitives import (
    box,
    capsule,
    cylinder,
    ellipsoid,
    lathe,
    prism,
    sphere,
    torus,
)

STONE = Paint((0.62, 0.60, 0.57))
BRICK = Paint((0.62, 0.30, 0.22))


def house(rng: np.random.Generator, look: Look) -> Model:
    """A house of one or two storeys with a gabled or a hipped roof."""
    floors = 1 if rng.random() < 0.6 else 2
    half, deep = rng.uniform(0.78, 1.0), rng.uniform(0.68, 0.85)
    wall, rise = 0.12 + 0.86 * floors, rng.uniform(0.65, 0.85)
    style = ("front gable", "side gable", "hip")[rng.integers(3)]
    parts = [box(2 * half + 0.14, 0.14, 2 * deep + 0.14, STONE, 0.03).move(y=0.07)]
    parts += _gabled(half, deep, wall, rise, style, look)
    door_x = 0.0 if floors == 1 or rng.random() < 0.5 else rng.choice([-1, 1]) * half * 0.5
    parts += _place(_door(look.third), door_x, 0.12, deep)
    step = box(0.62, 0.1, 0.34, STONE, 0.03)
    parts += [step.move(door_x, 0.05, deep + 0.2)]
    spots = [x for x in (-0.56 * half, 0.56 * half, 0.0) if abs(x - door_x) > 0.3]
    spots = spots[:2] if door_x == 0.0 else [-door_x]
    boxes, shutters = rng.random() < 0.5, rng.random() < 0.4
    for floor in range(floors):
        for x in spots if floor == 0 else (-0.5 * half, 0.5 * half):
            width = 0.3 if shutters or floor else 0.36
            window = _window(width, 0.42, look.third if shutters else None, boxes)
            parts += _place(window, x, 0.62 + 0.86 * floor, deep)
        for angle, out, places in ((90, half, (-0.4, 0.4)), (-90, half, (-0.4, 0.4)), (180, deep, (-0.45, 0.45))):
            for x in places:
                window = _place(_window(0.32, 0.42), x, 0.62 + 0.86 * floor, out)
                parts += [part.turn("y", angle) for part in window]
    if style == "front gable":
        parts += [p.move(y=wall + 0.36 * rise, z=deep) for p in _round_window(0.15)]
    details = []
    if rng.random() < 0.75:
        parts += _chimney(half, wall, rise, style)
        details.append("a chimney")
    if rng.random() < 0.4:
        parts += _porch(look, door_x, deep)
        details.append("a porch")
    if rng.random() < 0.5:
        parts += _bushes(rng, half, deep, door_x)
        details.append("bushes")
    if boxes:
        details.append("flower boxes")
    return Model(parts, details=tuple(details), states=("two-storey",) if floors == 2 else ())


def _gabled(half: float, deep: float, wall: float, rise: float, style: str, look: Look) -> list[Part]:
    """Walls up to the eaves (and gables), and the roof over them."""
    walls = box(2 * half, wall - 0.1, 2 * deep, look.main, 0.03).move(y=(wall + 0.1) / 2)
    if style == "hip":
        return [walls, _hip(half + 0.17, deep + 0.17, wall - 0.06, rise, look.second)]
    across, along = (half, deep) if style == "front gable" else (deep, half)
    gable = prism([(-across, wall - 0.04), (across, wall - 0.04), (0, wall + rise - 0.04)], 2 * along, look.main)
    slope = np.degrees(np.arctan2(rise, across))
    length = np.hypot(across, rise) + 0.24
    slab = box(length, 0.13, 2 * along + 0.34, look.second, 0.045)
    slab = slab.move(x=length / 2 - 0.06).turn("z", -slope).move(y=wall + rise + 0.02)
    ridge = capsule((0, wall + rise + 0.06, -along - 0.14), (0, wall + rise + 0.06, along + 0.14), 0.07, look.second)
    parts = [gable, ridge, *slab.pair()]
    if style == "side gable":
        parts = [part.turn("y", 90) for part in parts]
    return [walls, *parts]


def _hip(half: float, deep: float, y: float, rise: float, paint: Paint) -> Part:
    """A hipped roof with a ridge along X and a thick eave."""
    ridge = max(half - deep, 0.1)
    levels = ((0.97, 0.97, 0.0), (1.0, 1.0, 0.03), (1.0, 1.0, 0.12), (ridge / half, 0.05, rise + 0.06))
    corners = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)])
    rings = [
        np.stack([half * u * corners[:, 0], np.full(4, y + up), deep * v * corners[:, 1]], -1)
        for u, v, up in levels
    ]
    return _faceted(loft(np.array(rings), paint))


def _place(parts: list[Part], x: float, y: float, z: float) -> list[Part]:
    return [part.move(x, y, z) for part in parts]


def _door(paint: Paint, width: float = 0.4, height: float = 0.68) -> list[Part]:
    """A door with frame and knob; its foot at the origin, on a wall at z = 0."""
    frame = box(width + 0.12, height + 0.07, 0.1, WHITE, 0.025).move(y=(height + 0.07) / 2)
    leaf = box(width, height, 0.08, paint, 0.025).move(y=height / 2, z=0.03)
    pane = box(0.5 * width, 0.24 * height, 0.06, GLASS, 0.02).move(y=0.74 * height, z=0.055)
    return [frame, leaf, pane, sphere(0.035, GOLD, 12).move(0.33 * width, 0.45 * height, 0.085)]


def _window(
    width: float, height: float, shutters: Paint | None = None, flowers: bool = False
) -> list[Part]:
    """A framed window with glazing bars, centred on the origin of a wall at z = 0."""
    parts = [
        box(width + 0.1, height + 0.1, 0.08, WHITE, 0.02),
        box(width, height, 0.06, GLASS).move(z=0.02),
        box(0.035, height, 0.05, WHITE).move(z=0.04),
        box(width, 0.035, 0.05, WHITE).move(z=0.04),
    ]
    if shutters:
        leaf = box(0.5 * width, height + 0.08, 0.07, shutters, 0.015).move(x=0.78 * width + 0.05)
        parts += leaf.pair()
    if flowers:
        parts.append(box(width + 0.12, 0.1, 0.14, WOOD, 0.02).move(y=-height / 2 - 0.08, z=0.07))
        tones = (Paint((0.93, 0.30, 0.38)), Paint((0.98, 0.80, 0.25)), Paint((0.93, 0.30, 0.38)))
        for i, tone in enumerate(tones):
            x = (i - 1) * 0.36 * width
            parts.append(sphere(0.07, LEAF, 10).move(x, -height / 2 - 0.02, 0.08))
            parts.append(sphere(0.055, tone, 10).move(x, -height / 2 + 0.04, 0.1))
    return parts


def _round_window(radius: float) -> list[Part]:
    frame = torus(radius, 0.04, WHITE, 24).turn("x", 90)
    pane = cylinder(radius, 0.04, GLASS).turn("x", 90)
    return [frame, pane, box(2 * radius, 0.03, 0.05, WHITE), box(0.03, 2 * radius, 0.05, WHITE)]


def _chimney(half: float, wall: float, rise: float, style: str) -> list[Part]:
    x, z = (0.5 * half, -0.1) if style != "side gable" else (0.5 * half, -0.12)
    top = wall + rise + (0.16 if style != "front gable" else 0.1)
    stack = box(0.26, top - wall + 0.1, 0.26, BRICK, 0.02).move(x, (top + wall - 0.1) / 2, z)
    return [stack, box(0.34, 0.09, 0.34, STONE, 0.02).move(x, top, z), cylinder(0.08, 0.12, BLACK).move(x, top + 0.07, z)]


def _porch(look: Look, x: float, deep: float) -> list[Part]:
    roof = prism([(-0.44, 0.96), (0.44, 0.96), (0.0, 1.2)], 0.46, look.second).move(x, 0.0, deep + 0.22)
    post = capsule((0.34, 0.05, deep + 0.36), (0.34, 0.98, deep + 0.36), 0.045, WHITE)
    return [roof, *(part.move(x=x) for part in post.pair())]


def _bushes(rng: np.random.Generator, half: float, deep: float, door_x: float) -> list[Part]:
    parts = []
    for x in (-half + 0.05, half - 0.05):
        if abs(x - door_x) < 0.4:
            continue
        r = rng.uniform(0.16, 0.22)
        for dx, dz, k in ((0, 0, 1.0), (0.8 * r, -0.12, 0.8), (-0.8 * r, 0.0, 0.75)):
            parts.append(ellipsoid(k * r, k * r, k * r, LEAF, 16).move(x + dx, 0.8 * k * r, deep + 0.22 + dz))
    return parts


def castle(rng: np.random.Generator, look: Look) -> Model:
    """Four towers with pointed roofs, battlements between them, a gate, often a keep."""
    half, wall, r = rng.uniform(0.95, 1.1), rng.uniform(0.8, 1.0), rng.uniform(0.3, 0.36)
    high = wall + rng.uniform(0.42, 0.7)
    back_high = high + rng.choice([0.0, 0.3])
    inner = lighter(look.main, -0.12)
    parts = [box(2 * half, wall, 2 * half, look.main).move(y=wall / 2)]
    for angle in (0, 90, 180, 270):
        parts += [p.turn("y", angle) for p in _battlement(2 * half, look.main, wall, half - 0.06)]
    for x, z in ((half, half), (-half, half), (half, -half), (-half, -half)):
        top = high if z > 0 else back_high
        tower = _tower(r, top, rng.uniform(0.62, 0.74) if z > 0 else 0.7, look, np.degrees(np.arctan2(x, z)))
        parts += _place(tower, x, 0, z)
    parts += _gate(look, half, wall)
    for x in (-0.62 * half, 0.62 * half):
        parts += _place(_slit(), x, 0.55 * wall, half)
    for angle in (90, -90, 180):
        for x in (-0.4, 0.4):
            parts += [p.turn("y", angle) for p in _place(_slit(), x, 0.55 * wall, half)]
    details, flags = ["four towers"], [(half, high + 0.72, half)]
    if rng.random() < 0.65:
        keep = high + rng.uniform(0.35, 0.6)
        parts += _keep(look, keep, inner)
        details.append("a keep")
        flags = [(0.0, keep + 0.86, 0.0)]
    if rng.random() < 0.7:
        for x, y, z in flags:
            parts += _place(_flag(look.third), x, y - 0.1, z)
        details.append("a flag")
    return Model(parts, details=tuple(details))


def _battlement(length: float, paint: Paint, y: float, z: float) -> list[Part]:
    """A row of merlons along X on the front edge of a wall."""
    count = int(length / 0.3)
    at = (np.arange(count) + 0.5) / count * length - length / 2
    return [box(0.16, 0.16, 0.12, paint).move(x, y + 0.07, z) for x in at]


def _tower(r: float, top: float, roof: float, look: Look, outward: float) -> list[Part]:
    """A round tower with a corbelled head and a pointed roof; a window towards `outward` degrees."""
    line = [(1.12 * r, 0), (1.06 * r, 0.1), (r, 0.2), (r, top - 0.24), (1.18 * r, top - 0.14), (1.18 * r, top)]
    hat = [(1.34 * r, 0), (1.34 * r, 0.04), (0.62 * r, 0.5 * roof), (0.0, 1.15 * roof)]
    parts = [lathe(line, look.main), lathe(hat, look.second, crease=50).move(y=top - 0.02)]
    parts.append(sphere(0.05, GOLD, 12).move(y=top + 1.15 * roof))
    for turn in (outward, 0.0 if abs(outward) < 90 else 180.0):
        window = _place(_slit(), 0, top - 0.46, r - 0.01)
        parts += [part.turn("y", turn) for part in window]
    return parts


def _slit() -> list[Part]:
    """A narrow arched window."""
    frame = _arch(0.15, 0.3, 0.06, STONE)
    hole = _arch(0.09, 0.24, 0.08, BLACK)
    return [frame, hole]


def _arch(width: float, height: float, depth: float, paint: Paint) -> Part:
    """A round-headed shape standing `height` tall about the origin."""
    r = width / 2
    turn = np.linspace(0, np.pi, 14)
    head = [(r * np.cos(a), height / 2 - r + r * np.sin(a)) for a in turn]
    return prism([(-r, -height / 2), (r, -height / 2), *head], depth, paint)


def _gate(look: Look, half: float, wall: float) -> list[Part]:
    """A gatehouse with an arched wooden door."""
    house_top = wall + 0.26
    parts = [box(0.86, house_top, 0.34, look.main, 0.02).move(y=house_top / 2, z=half + 0.08)]
    parts += _battlement(0.86, look.main, house_top, half + 0.19) + _battlement(0.86, look.main, house_top, half - 0.03)
    z = half + 0.25
    parts += [_arch(0.6, 0.78, 0.06, STONE).move(y=0.39, z=z), _arch(0.48, 0.7, 0.1, WOOD).move(y=0.35, z=z)]
    parts += [box(0.025, 0.62, 0.03, BLACK).move(y=0.31, z=z + 0.05)]
    parts += [box(0.46, 0.05, 0.03, BLACK).move(y=y, z=z + 0.05) for y in (0.16, 0.42)]
    return parts


def _keep(look: Look, top: float, paint: Paint) -> list[Part]:
    parts = [box(0.86, top, 0.86, paint, 0.02).move(y=top / 2)]
    parts.append(box(0.98, 0.12, 0.98, look.main, 0.02).move(y=top))
    roof = lathe([(0.74, 0), (0.74, 0.05), (0.0, 0.86)], look.second, crease=20, detail=4).turn("y", 45)
    parts.append(_faceted(roof).move(y=top + 0.05))
    for angle in (0, 90, 180, 270):
        parts += [p.turn("y", angle) for p in _place(_slit(), 0, top - 0.26, 0.43)]
    return parts


def _faceted(part: Part) -> Part:
    """The same solid with flat faces and crisp edges."""
    corners = part.vertices[part.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    faces = np.arange(3 * len(corners), dtype=np.int32).reshape(-1, 3)
    return Part(corners.reshape(-1, 3), np.repeat(normals, 3, axis=0), faces, part.paint)


def _flag(paint: Paint) -> list[Part]:
    cloth = box(0.4, 0.24, 0.03, paint, 0.01).move(0.22, 0.5)
    return [capsule((0, 0, 0), (0, 0.64, 0), 0.022, WOOD), cloth]


def lighthouse(rng: np.random.Generator, look: Look) -> Model:
    """A tapering tower on a rock with a gallery, a shining lantern and a domed roof."""
    tall, r = rng.uniform(2.1, 2.6), rng.uniform(0.5, 0.58)
    top = r * rng.uniform(0.56, 0.66)
    at = lambda y: r + (top - r) * (y / tall) ** 0.75  # noqa: E731
    heights = np.linspace(0, tall, 16)
    parts = [lathe([(at(y), y) for y in heights], look.main)]
    details = []
    if rng.random() < 0.5:
        for low in (0.36 * tall, 0.68 * tall):
            band = np.linspace(low, low + 0.13 * tall, 5)
            parts.append(lathe([(at(y) + 0.014, y) for y in band], look.second))
        details.append("two bands")
    parts += _lantern(look, top, tall)
    parts += _place(_door(WOOD, 0.32, 0.56), 0, 0.02, at(0.3) - 0.0)
    for angle, y in ((0, 0.56 * tall), (0, 0.84 * tall), (110, 0.4 * tall), (-110, 0.6 * tall), (180, 0.56 * tall)):
        window = _place(_round_window(0.09), 0, y, at(y) - 0.005)
        parts += [part.turn("y", angle) for part in window]
    if rng.random() < 0.6:
        for x, z, size in ((0.0, 0.0, 0.9), (0.5, -0.3, 0.4), (-0.55, 0.05, 0.36), (0.42, 0.36, 0.28), (-0.2, -0.55, 0.42)):
            rock = ellipsoid(size, 0.4 * size, 0.92 * size, GREY, 12)
            parts.append(_faceted(rock.turn("y", rng.uniform(0, 90)).move(x, -0.16, z)))
        details.append("rocks")
    else:
        parts.append(lathe([(1.3 * r, -0.12), (1.3 * r, 0.0), (1.2 * r, 0.05)], STONE))
    return Model(parts, details=tuple(details))


def _lantern(look: Look, r: float, y: float) -> list[Part]:
    """Gallery with railing, glass room with its light, domed roof with a knob."""
    gallery = [(0.9 * r, -0.1), (1.6 * r, 0.0), (1.6 * r, 0.09), (0.7 * r, 0.09)]
    parts = [lathe(gallery, look.second), torus(1.5 * r, 0.025, BLACK).move(y=0.32)]
    post = capsule((0, 0.08, 1.5 * r), (0, 0.32, 1.5 * r), 0.022, BLACK)
    parts += [post.turn("y", angle) for angle in range(0, 360, 36)]
    room = cylinder(0.82 * r, 0.44, LAMP_LIGHT).move(y=0.3)
    bar = box(0.04, 0.44, 0.04, BLACK).move(y=0.3, z=0.82 * r)
    parts += [room, *(bar.turn("y", angle) for angle in range(0, 360, 45))]
    dome = [(1.12 * r, 0.5), (1.1 * r, 0.57), (0.92 * r, 0.72), (0.55 * r, 0.86), (0.0, 0.93)]
    parts += [lathe(dome, look.second, crease=50), sphere(0.07, look.second, 14).move(y=0.96)]
    return [part.move(y=y) for part in parts]


def windmill(rng: np.random.Generator, look: Look) -> Model:
    """A tapering mill with a round cap, a gallery and four latticed sails in front."""
    tall, r = rng.uniform(1.75, 2.1), rng.uniform(0.68, 0.8)
    top = r * rng.uniform(0.56, 0.66)
    parts = [lathe([(1.06 * r, 0), (1.06 * r, 0.1), (r, 0.1), (top, tall)], look.main)]
    cap = [(1.16 * top, 0), (1.14 * top, 0.1), (1.0 * top, 0.32), (0.62 * top, 0.56), (0.0, 0.66)]
    parts.append(lathe(cap, look.second, crease=60).move(y=tall - 0.02))
    at = lambda y: r + (top - r) * y / tall  # noqa: E731
    details = ["four sails"]
    if rng.random() < 0.55:
        parts += _gallery(at(0.72) + 0.2, 0.72)
        details.append("a gallery")
    parts += _place(_door(look.second, 0.36, 0.6), 0, 0.02, at(0.3) - 0.01)
    for angle, y in ((0, 0.66 * tall), (90, 0.5 * tall), (-90, 0.5 * tall), (180, 0.6 * tall), (180, 0.25 * tall)):
        window = [p.turn("x", -8) for p in _window(0.24, 0.3)]
        parts += [p.turn("y", angle) for p in _place(window, 0, y, at(y))]
    hub_y, hub_z = tall + 0.16, 1.1 * top + 0.2
    parts += [capsule((0, hub_y, 0), (0, hub_y, hub_z + 0.08), 0.09, WOOD)]
    parts.append(ellipsoid(0.13, 0.13, 0.1, look.third, 18).move(y=hub_y, z=hub_z + 0.1))
    first, reach = rng.uniform(8, 82), rng.uniform(1.3, 1.5)
    for i in range(4):
        blade = [p.turn("z", first + 90 * i) for p in _blade(reach)]
        parts += _place(blade, 0, hub_y, hub_z)
    return Model(parts, details=tuple(details))


def _blade(reach: float) -> list[Part]:
    """One sail upwards from the origin: a spar, a cloth beside it, laths across."""
    spar = box(0.08, reach, 0.06, WOOD, 0.02).move(y=reach / 2)
    cloth = box(0.3, 0.72 * reach, 0.025, WHITE, 0.01).move(0.18, 0.62 * reach)
    laths = [box(0.34, 0.035, 0.05, WOOD).move(0.17, y * reach) for y in (0.26, 0.44, 0.62, 0.8, 0.98)]
    edge = box(0.035, 0.74 * reach, 0.05, WOOD).move(0.33, 0.62 * reach)
    return [part.turn("y", 8) for part in (spar, cloth, *laths, edge)]


def _gallery(radius: float, y: float) -> list[Part]:
    floor = lathe([(radius - 0.2, y - 0.1), (radius, y), (radius, y + 0.06), (radius - 0.3, y + 0.06)], WOOD)
    rail = torus(radius - 0.04, 0.025, WOOD).move(y=y + 0.26)
    post = capsule((0, y, radius - 0.04), (0, y + 0.26, radius - 0.04), 0.022, WOOD)
    return [floor, rail, *(post.turn("y", angle) for angle in range(0, 360, 30))]


KINDS = (
    Kind(
        name="house",
        build=house,
        nouns=("house", "cottage"),
        natural=(("white", "red"), ("yellow", "brown"), ("blue", "gray"), ("white", "blue"), ("pink", "brown")),
        second_part="a {colour} roof",
        never=("home", "villa", "hut"),
        finishes=("wooden", "striped"),
        stretchable=True,
    ),
    Kind(
        name="castle",
        build=castle,
        nouns=("castle",),
        natural=(("gray", "blue"), ("gray", "red"), ("white", "blue"), ("pink", "purple")),
        second_part="{colour} roofs",
        never=("fortress", "palace", "fort"),
        finishes=("wooden", "striped"),
        stretchable=True,
    ),
    Kind(
        name="lighthouse",
        build=lighthouse,
        nouns=("lighthouse",),
        natural=(("white", "red"), ("red", "white"), ("white", "blue"), ("white", "black")),
        second_part="a {colour} roof",
        never=("beacon",),
        finishes=("glossy", "striped"),
        stretchable=True,
    ),
    Kind(
        name="windmill",
        build=windmill,
        nouns=("windmill",),
        natural=(("white", "brown"), ("brown", "red"), ("gray", "red"), ("white", "blue")),
        second_part="a {colour} roof",
        never=("mill", "turbine"),
        finishes=("wooden", "striped"),
        stretchable=True,
    ),
)
