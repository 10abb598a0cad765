"""A sample of Toy World: (seed, index) → things, place, light and camera, and the true words."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

import numpy as np

from perflow_demo.geometry.cameras import Camera
from perflow_demo.training.toyworld.accessories import ACCESSORIES
from perflow_demo.training.toyworld.kinds import KINDS
from perflow_demo.training.toyworld.kinds.kind import Kind
from perflow_demo.training.toyworld.palette import BRIGHT, COLOURS, SHADED, SHADES, Look, colour
from perflow_demo.training.toyworld.parts import Model, Paint, Part
from perflow_demo.training.toyworld.render import Rendered, coverage, render
from perflow_demo.training.toyworld.scenery import PLACES, STUDIOS, Scenery, place, studio

HALF_HEIGHT = float(np.tan(np.radians(14.0)))  # a 28° lens


@dataclass(frozen=True)
class Framing:
    """Between which limits cameras and the key light stand.

    azimuths, elevations: degrees; azimuth 0 is before the front. Elevations are over a studio; over
    other places cameras are lower, to see the horizon. fills, pair_fills: what one thing, or two
    side by side, take of the larger side. lights: degrees beside the camera; left: how often there.
    """

    azimuths: tuple[float, float]
    elevations: tuple[float, float]
    fills: tuple[float, float] = (0.62, 0.80)
    pair_fills: tuple[float, float] = (0.80, 0.92)
    lights: tuple[float, float] = (25, 55)
    left: float = 0.7


AROUND = Framing((-60, 60), (3, 24))
POSED = Framing((22, 38), (8, 16))
# As one catalogue shows all its things: what is drawn from words need not be seen from everywhere,
# and a small network that had to know all sides, sizes and lights of a thing mixed them up.
CATALOGUE = Framing((30, 30), (12, 12), (0.72, 0.72), (0.88, 0.88), (40, 40), left=1.0)


@dataclass(frozen=True)
class ThingWords:
    """What may truly be said of one thing; '' or () where there is nothing to say.

    colour and second_colour carry their shade ("dark green") or are "colorful"; main_phrase names
    what `colour` paints where it is not the whole thing ("a {colour} shirt"); framing is "portrait"
    or ''; accessories: name → phrase with its colour.
    """

    kind: str
    nouns: tuple[str, ...]
    colour: str = ""
    main_phrase: str = ""
    second_phrase: str = ""
    second_colour: str = ""
    finish: str = ""
    finish_colour: str = ""
    height: str = ""
    size: str = ""
    framing: str = ""
    states: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    accessories: dict[str, str] = field(default_factory=dict)
    natural: bool = False


@dataclass(frozen=True)
class SceneWords:
    """What may truly be said of a scene: all that captions and labels are made from.

    `relation` is '' for a single thing, else "on" or "next to"; `place` is a key of PLACES or
    "studio:COLOUR".
    """

    things: tuple[ThingWords, ...]
    relation: str
    place: str

    def to_json(self) -> dict:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict) -> SceneWords:
        things = (
            {k: tuple(v) if isinstance(v, list) else v for k, v in thing.items()}
            for thing in data["things"]
        )
        return cls(tuple(ThingWords(**thing) for thing in things), data["relation"], data["place"])


@dataclass(frozen=True)
class Scene:
    """A sample before rendering: posed parts, place, light and camera angles, and its words."""

    parts: list[Part]
    words: SceneWords
    scenery: Scenery
    azimuth: float
    elevation: float
    fill: float
    light_azimuth: float
    phase: float

    def camera(self) -> Camera:
        """The picture's camera: the things fill `fill` of its larger side."""
        return frame(self.parts, self.azimuth, self.elevation, self.fill)

    def render(self, size: int, supersampling: int = 2) -> Rendered:
        return render(
            self.parts, self.camera(), self.scenery, size, self.light_azimuth,
            phase=self.phase, supersampling=supersampling,
        )  # fmt: skip

    def alpha(self, size: int) -> np.ndarray:
        """The alpha of `render(size)`, many times faster: size×size uint8."""
        return coverage(self.parts, self.camera(), size)


def sample(
    seed: int, index: int, kinds: tuple[str, ...] | None = None, framing: Framing = AROUND
) -> Scene:
    """The scene number `index` of the world `seed`; `kinds` limits what can appear."""
    rng = np.random.default_rng([seed, index])
    pool = [kind for kind in KINDS.values() if kinds is None or kind.name in kinds]
    azimuth, elevation = (
        float(rng.uniform(*framing.azimuths)),
        float(rng.uniform(*framing.elevations)),
    )
    relation, members = _choose(rng, pool)
    bare = (False, relation == "on")  # nothing is worn where something else stands
    built = [_dress(kind, rng, without) for kind, without in zip(members, bare, strict=False)]
    if relation == "on" and built[1][0].perch is None:
        relation = "next to"  # this sub-type has no place to stand on
    parts = _arrange(relation, [model for model, _ in built], azimuth, rng)
    fills = framing.pair_fills if relation == "next to" else framing.fills
    size, fill = "", float(rng.uniform(*fills))
    if not relation and rng.random() < 0.12:
        size, fill = ("small", 0.42) if rng.random() < 0.5 else ("big", 0.90)
    things = tuple(replace(words, size=size) for _, words in built)
    place_name, scenery = _choose_place(rng)
    if place_name in PLACES:
        elevation = 2 + elevation * 0.6  # low enough to see the horizon
    side = -1 if rng.random() < framing.left else 1
    return Scene(
        parts=Model(parts).normalised().parts,
        words=SceneWords(things, relation, place_name),
        scenery=scenery,
        azimuth=azimuth,
        elevation=elevation,
        fill=fill,
        light_azimuth=azimuth + side * float(rng.uniform(*framing.lights)),
        phase=float(rng.uniform(0, 6)),
    )


def frame(parts: list[Part], azimuth: float, elevation: float, fill: float) -> Camera:
    """The perspective camera for which the parts fill `fill` of the picture, centred, a bit low."""
    points = np.concatenate([part.vertices[::3] for part in parts])
    target, distance = np.zeros(3), 5.0
    for _ in range(3):
        camera = Camera.orbit(azimuth, elevation, distance, HALF_HEIGHT, tuple(target))
        view = camera.to_view(points)
        plane = view[:, :2] / view[:, 2:] / HALF_HEIGHT
        low, high = plane.min(0), plane.max(0)
        middle = (low + high) / 2 * distance * HALF_HEIGHT
        target = target + middle[0] * camera.axes[0] + middle[1] * camera.axes[1]
        distance *= float((high - low).max()) / (2 * fill)
    target = target + 0.06 * distance * HALF_HEIGHT * camera.axes[1]
    return Camera.orbit(azimuth, elevation, distance, HALF_HEIGHT, tuple(target))


def _choose(rng: np.random.Generator, pool: list[Kind]) -> tuple[str, list[Kind]]:
    """A relation and its one or two kinds."""

    def pick(among: list[Kind]) -> Kind:
        return among[rng.integers(len(among))]

    draw = rng.random()
    small, holders = [k for k in pool if k.perches], [k for k in pool if k.holds]
    if draw < 0.07 and small and holders:
        return "on", [pick(small), pick(holders)]
    if draw < 0.14 and len(pool) > 1:
        first, second = rng.choice(len(pool), 2, replace=False)
        return "next to", [pool[first], pool[second]]
    return "", [pick(pool)]


def _dress(kind: Kind, rng: np.random.Generator, bare: bool) -> tuple[Model, ThingWords]:
    """One thing of a kind with colours, finish and accessories, and the words for them."""
    natural = rng.random() < 0.4
    colourful = kind.colourful and rng.random() < 0.15
    main, second = _colour_names(kind, rng, natural)
    finish = _finish(kind, rng)
    stripe = str(
        rng.choice([c for c in ("white", "black", "yellow", "blue", "red", "pink") if c != main[0]])
    )
    if colourful:
        bright = rng.permutation(BRIGHT)
        main, second, third = (bright[0], ""), (bright[1], ""), str(bright[2])
    else:
        third = str(rng.choice([c for c in COLOURS if c not in (main[0], second[0])]))
    coat = finish if finish != "wooden" else "matte"
    look = Look(
        main=Paint(colour(main[0], rng, main[1]), finish, colour(stripe, rng)),
        second=Paint(
            colour(second[0], rng, second[1]), coat if finish in ("glossy", "metallic") else "matte"
        ),
        third=Paint(colour(third, rng)),
        colourful=colourful,
    )
    model = kind.build(rng, look)
    height = ""
    if kind.stretchable and model.head is None and rng.random() < 0.22:
        height = "tall" if rng.random() < 0.5 else "short"
        model = _stretched(model, 1.32 if height == "tall" else 0.74)
    worn = [] if bare else _accessories(kind, model, rng)
    words = ThingWords(
        kind=kind.name,
        nouns=(model.noun,) if model.noun else kind.nouns,
        colour="colorful" if colourful else " ".join(filter(None, (main[1], main[0]))),
        main_phrase=model.extra_words.get("main_part", ""),
        second_phrase="" if colourful else model.extra_words.get("second_part", kind.second_part),
        second_colour=" ".join(filter(None, (second[1], second[0]))),
        finish=finish,
        finish_colour=stripe if finish in ("striped", "dotted") else "",
        height=height,
        framing=model.extra_words.get("framing", ""),
        states=model.states,
        details=model.details,
        accessories={name: phrase for name, phrase, _ in worn},
        natural=natural and not colourful,
    )
    return replace(model, parts=model.parts + [p for _, _, parts in worn for p in parts]), words


def _colour_names(
    kind: Kind, rng: np.random.Generator, natural: bool
) -> tuple[tuple[str, str], tuple[str, str]]:
    """(name, shade) of the main and the second colour."""
    if natural:
        main, second = kind.natural[rng.integers(len(kind.natural))]
        return (main, ""), (second, "")
    names = list(COLOURS)
    main, second = (names[i] for i in rng.choice(len(names), 2, replace=False))

    def shade(name: str) -> str:
        return str(rng.choice(SHADES)) if name in SHADED and rng.random() < 0.3 else ""

    return (main, shade(main)), (second, shade(second))


def _finish(kind: Kind, rng: np.random.Generator) -> str:
    return str(rng.choice(kind.finishes)) if kind.finishes and rng.random() < 0.35 else "matte"


def _stretched(model: Model, factor: float) -> Model:
    perch = model.perch and (model.perch[0], model.perch[1] * factor, model.perch[2])
    return replace(model, parts=[part.stretch(y=factor) for part in model.parts], perch=perch)


def _accessories(
    kind: Kind, model: Model, rng: np.random.Generator
) -> list[tuple[str, str, list[Part]]]:
    """(name, phrase, parts) of what it wears: at most one thing in each slot."""
    if not kind.wears or model.head is None or rng.random() < 0.5:
        return []
    worn, slots = [], set()
    for index in rng.permutation(len(ACCESSORIES))[: int(rng.integers(1, 4))]:
        accessory = list(ACCESSORIES.values())[index]
        if accessory.slot in slots or (accessory.slot == "back" and model.head.back is None):
            continue
        slots.add(accessory.slot)
        name = str(rng.choice(list(COLOURS)))
        parts = accessory.build(model.head, Paint(colour(name, rng)), rng)
        worn.append((accessory.name, accessory.phrase.format(colour=name), parts))
    return worn


def _arrange(
    relation: str, models: list[Model], azimuth: float, rng: np.random.Generator
) -> list[Part]:
    """Parts of one or two models in one world."""
    if not relation:
        return models[0].parts
    if relation == "on":
        below = models[1]
        points = np.concatenate([part.vertices for part in below.parts])
        extent = float(np.linalg.norm(points.max(0) - points.min(0)))
        above = _sized(models[0], 0.40 * extent)
        place_at = np.array(below.perch, np.float32)
        return below.parts + [p.move(*place_at) for p in above]
    right = Camera.orbit(azimuth, 0, 1, 1).axes[0]
    parts = []
    gap = float(rng.uniform(0.50, 0.56))
    for side, model in zip((-1, 1), models, strict=True):
        angle = float(rng.uniform(-25, 25))
        turned = [p.turn("y", angle) for p in model.parts]
        parts += [p.move(*(side * gap * right)) for p in _sized(Model(turned), 1.0)]
    return parts


def _sized(model: Model, width: float) -> list[Part]:
    """The model's parts with their largest side `width`, standing on y = 0 above the origin."""
    points = np.concatenate([part.vertices for part in model.parts])
    low, high = points.min(0), points.max(0)
    scale = width / float((high - low).max())
    centre = np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2])
    return [p.transform(np.eye(3) * scale, -centre * scale) for p in model.parts]


def _choose_place(rng: np.random.Generator) -> tuple[str, Scenery]:
    if rng.random() < 0.6:
        name = "white" if rng.random() < 0.3 else str(rng.choice(STUDIOS[1:]))
        return f"studio:{name}", studio(name, rng)
    name = str(rng.choice(list(PLACES)))
    return name, place(name, rng)
