"""A sample is a function of (seed, index) alone, and its words are true of its things."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from perflow_demo.training.toyworld.accessories import ACCESSORIES
from perflow_demo.training.toyworld.kinds import KINDS
from perflow_demo.training.toyworld.palette import COLOURS, colour
from perflow_demo.training.toyworld.rasteriser import rasterise
from perflow_demo.training.toyworld.render import merge
from perflow_demo.training.toyworld.scene import POSED, SceneWords, sample
from perflow_demo.training.toyworld.scenery import PLACES
from tests.training.conftest import WORLD

ROOT = Path(__file__).parents[2]


def fingerprint(index: int) -> str:
    scene = sample(WORLD, index)
    words = json.dumps(scene.words.to_json()).encode()
    return hashlib.sha256(scene.render(32).colour.tobytes() + words).hexdigest()


def test_a_sample_is_the_same_in_another_process_and_order():
    program = f"""
import hashlib, json
from perflow_demo.training.toyworld.scene import sample
for index in (5, 2):
    scene = sample({WORLD}, index)
    words = json.dumps(scene.words.to_json()).encode()
    print(hashlib.sha256(scene.render(32).colour.tobytes() + words).hexdigest())
"""
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    here = [fingerprint(2), fingerprint(5)]
    assert run.stdout.split() == here[::-1]
    assert here[0] != here[1]


def test_seeds_are_worlds_of_their_own():
    assert sample(WORLD, 0).words != sample(WORLD + 1, 0).words


def test_kinds_can_be_chosen():
    assert {t.kind for i in range(6) for t in sample(1, i, ("mug", "cat")).words.things} <= {
        "mug",
        "cat",
    }


def test_posed_scenes_show_the_same_things_from_before_their_right(scenes):
    for index, scene in enumerate(scenes):
        posed = sample(WORLD, index, framing=POSED)
        assert posed.words == scene.words
        assert POSED.azimuths[0] <= posed.azimuth <= POSED.azimuths[1]
        assert posed.elevation <= POSED.elevations[1]
        assert (posed.azimuth - 30) * scene.azimuth >= 0  # in the same order
        if not scene.words.relation:
            for part, before in zip(posed.parts, scene.parts, strict=True):
                assert np.array_equal(part.vertices, before.vertices)


def test_words_survive_json(scenes):
    for scene in scenes:
        assert SceneWords.from_json(json.loads(json.dumps(scene.words.to_json()))) == scene.words


def is_painted(scene, phrase: str) -> bool:
    """Whether some part has the colour that a phrase like "dark green" names."""
    *shade, name = phrase.split()
    wanted = np.array(colour(name, shade=shade[0] if shade else ""))
    paints = [part.paint for part in scene.parts]
    offered = np.array([c for paint in paints for c in (paint.colour, paint.second)])
    return bool(np.linalg.norm(offered - wanted, axis=1).min() < 0.12)


def test_named_colours_are_painted(scenes):
    for scene in scenes:
        for thing in scene.words.things:
            if thing.colour != "colorful":
                assert is_painted(scene, thing.colour), thing
            if thing.second_phrase:
                assert is_painted(scene, thing.second_colour), thing
            if thing.finish_colour:
                assert is_painted(scene, thing.finish_colour), thing


def test_accessories_are_worn_in_their_colours(scenes):
    worn = [
        (s, t, name, p) for s in scenes for t in s.words.things for name, p in t.accessories.items()
    ]
    assert {name for _, _, name, _ in worn} == set(ACCESSORIES)
    for scene, thing, name, phrase in worn:
        assert KINDS[thing.kind].wears
        template = ACCESSORIES[name].phrase
        named = [c for c in COLOURS if template.format(colour=c) == phrase]
        assert len(named) == 1 and is_painted(scene, named[0])


def test_no_slot_is_worn_twice_and_pairs_wear_nothing_underneath(scenes):
    for scene in scenes:
        for thing in scene.words.things:
            slots = [ACCESSORIES[name].slot for name in thing.accessories]
            assert len(slots) == len(set(slots))
        if scene.words.relation == "on":
            assert not scene.words.things[1].accessories


def test_flags_of_kinds_hold_in_scenes(scenes):
    relations = {scene.words.relation for scene in scenes}
    assert relations == {"", "on", "next to"}
    for scene in scenes:
        things = scene.words.things
        assert len(things) == (2 if scene.words.relation else 1)
        if scene.words.relation == "on":
            assert KINDS[things[0].kind].perches and KINDS[things[1].kind].holds
        for thing in things:
            kind = KINDS[thing.kind]
            assert not thing.height or kind.stretchable
            assert thing.finish in ("matte", *kind.finishes)
            assert thing.colour != "colorful" or kind.colourful


def test_places_are_what_they_are_called(scenes):
    for scene in scenes:
        name, scenery = scene.words.place, scene.scenery
        if name in PLACES:
            base = PLACES[name]
            drawn = scenery.floor_kind, scenery.sea, scenery.stars, scenery.sun, scenery.hills
            assert drawn == (base.floor_kind, base.sea, base.stars, base.sun, base.hills)
            continue
        named = np.array(COLOURS[name.removeprefix("studio:")])
        wall = np.array(scenery.horizon)
        assert scenery.floor_kind == "plain"
        assert (wall - wall.mean()) @ (named - named.mean()) >= -1e-3


def test_things_fill_the_picture_as_framed(scenes):
    for scene in scenes[:40]:
        points = np.concatenate([part.vertices for part in scene.parts])
        assert np.linalg.norm(points, axis=1).max() <= 1.001
        screen = scene.camera().project(points, 1)
        assert (screen[:, :2] > 0).all() and (screen[:, :2] < 1).all()
        assert np.ptp(screen[:, :2], axis=0).max() == pytest.approx(scene.fill, abs=0.05)


def test_the_main_colour_can_be_seen(scenes):
    for scene in scenes[:60]:
        thing = scene.words.things[0]
        if scene.words.relation or thing.colour == "colorful":
            continue
        mesh = merge(scene.parts)
        face = rasterise(mesh.vertices, mesh.faces, scene.camera(), 64).face
        parts = mesh.part_of_face[face[face >= 0]]
        *shade, name = thing.colour.split()
        wanted = np.array(colour(name, shade=shade[0] if shade else ""))
        paints = np.array([part.paint.colour for part in scene.parts])
        shown = np.linalg.norm(paints - wanted, axis=1)[parts] < 0.25
        assert shown.mean() > 0.08, (thing.kind, thing.colour, shown.mean())
