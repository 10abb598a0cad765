"""What is rendered agrees with itself, with an analytic sphere and with how light falls."""

from functools import cache

import numpy as np
import pytest

from perflow_demo.geometry.cameras import Camera
from perflow_demo.training.toyworld.parts import Paint
from perflow_demo.training.toyworld.primitives import sphere
from perflow_demo.training.toyworld.render import Rendered, render
from perflow_demo.training.toyworld.scenery import Scenery
from perflow_demo.training.toyworld.srgb import decode, to_bytes

SIZE, RADIUS, DISTANCE = 96, 0.8, 5.0
CENTRE = np.array([0.15, -0.1, 0.2])
STUDIO = Scenery((0.9, 0.9, 0.9), (0.9, 0.9, 0.9), (0.9, 0.9, 0.9))
GREY = Paint((0.5, 0.5, 0.5))
CAMERAS = {
    "perspective": Camera.orbit(35, 20, DISTANCE, np.tan(np.radians(14))),
    "orthographic": Camera.orbit(-50, 10, DISTANCE, 1.2, orthographic=True),
}
every_camera = pytest.mark.parametrize("view", CAMERAS)


@cache
def ball(view: str, light: float = 0.0) -> Rendered:
    """A fine grey sphere, one sample at each pixel's centre; light: degrees from the camera."""
    part = sphere(RADIUS, GREY, detail=120).move(*CENTRE)
    azimuth = {"perspective": 35, "orthographic": -50}[view] + light
    return render([part], CAMERAS[view], STUDIO, SIZE, azimuth, supersampling=1)


def rays(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Origins and directions through the pixels' centres; directions advance one unit of depth."""
    at = (np.arange(SIZE) + 0.5) / SIZE * 2 - 1
    right, up, backward = camera.axes
    plane = camera.half_height * (at[None, :, None] * right - at[:, None, None] * up)
    if camera.orthographic:
        return camera.eye + plane, np.broadcast_to(-backward, plane.shape)
    return np.broadcast_to(camera.eye, plane.shape), plane - backward


def analytic(camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Silhouette, depth and normals of the sphere by the quadratic formula."""
    origin, direction = rays(camera)
    offset = origin - CENTRE
    a, b = (direction**2).sum(-1), (offset * direction).sum(-1)
    c = (offset**2).sum(-1) - RADIUS**2
    inside = b * b - a * c > 0
    depth = (-b - np.sqrt(np.maximum(b * b - a * c, 0))) / a
    normals = (offset + depth[..., None] * direction) / RADIUS
    return inside, depth, normals


@every_camera
def test_the_silhouette_is_the_spheres(view):
    inside, _, _ = analytic(CAMERAS[view])
    seen = ball(view).part >= 0
    assert (seen & inside).sum() > 0.99 * (seen | inside).sum()


def test_the_silhouettes_radius_follows_the_lens():
    scale = SIZE / 2
    flat = RADIUS / 1.2 * scale
    away = np.linalg.norm(CAMERAS["perspective"].eye - CENTRE)
    near = RADIUS / np.sqrt(away**2 - RADIUS**2) / np.tan(np.radians(14)) * scale
    for view, radius in (("orthographic", flat), ("perspective", near)):
        area = (ball(view).part >= 0).sum()
        assert np.sqrt(area / np.pi) == pytest.approx(radius, rel=0.01)


@every_camera
def test_depth_and_normals_are_the_spheres(view):
    inside, depth, normals = analytic(CAMERAS[view])
    made = ball(view)
    toward = rays(CAMERAS[view])[1]
    facing = -(normals * toward).sum(-1) / np.linalg.norm(toward, axis=-1)
    both = inside & (made.part >= 0) & (facing > 0.2)  # where depth is well conditioned
    assert both.sum() > 0.9 * inside.sum()
    np.testing.assert_allclose(made.depth[both], depth[both], atol=4e-3)
    cosine = (made.normal[both].astype(float) * normals[both]).sum(-1)
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 2


@every_camera
def test_one_sample_a_pixel_makes_all_maps_agree(view):
    made = ball(view)
    inside = made.part >= 0
    np.testing.assert_array_equal(made.alpha == 255, inside)
    np.testing.assert_array_equal(made.alpha == 0, ~inside)
    np.testing.assert_array_equal(made.depth > 0, inside)
    length = np.linalg.norm(made.normal.astype(float), axis=-1)
    np.testing.assert_allclose(length, inside, atol=2e-3)


def test_maps_of_a_scene_agree(scenes):
    for scene in scenes[:4]:
        made = scene.render(96)
        inside = made.part >= 0
        assert (made.alpha[inside] > 0).all() and inside[made.alpha == 255].all()
        np.testing.assert_array_equal(made.depth > 0, inside)
        assert made.part.max() < len(scene.parts)
        assert abs(made.alpha.mean() / 255 - inside.mean()) < 0.01
        toward = scene.camera().axes[2]
        facing = (made.normal[inside].astype(float) @ toward) > -0.35
        assert facing.mean() > 0.97


def test_what_is_nearer_hides_what_is_farther_and_has_its_own_colour():
    red, blue = Paint((0.85, 0.1, 0.1)), Paint((0.1, 0.1, 0.85))
    camera = CAMERAS["orthographic"]
    near = sphere(0.4, red).move(*(0.5 * camera.axes[2]))
    far = sphere(0.8, blue).move(*(-0.5 * camera.axes[2]))
    made = render([far, near], camera, STUDIO, SIZE, -80, supersampling=1)
    middle = SIZE // 2
    assert made.part[middle, middle] == 1
    assert made.part[middle, middle - 24] == 0
    assert made.depth[middle, middle] == pytest.approx(DISTANCE - 0.5 - 0.4, abs=0.01)
    shown = [made.colour[made.part == k].mean(0) for k in (0, 1)]
    assert shown[0].argmax() == 2 and shown[1].argmax() == 0


def test_the_side_towards_the_light_is_the_brighter():
    _, _, normals = analytic(CAMERAS["perspective"])
    across = normals @ CAMERAS["perspective"].axes[0]
    for light in (-60, 60):  # from the left, from the right
        made = ball("perspective", light)
        value, inside = made.colour.mean(-1), made.part >= 0
        right, left = value[inside & (across > 0.3)], value[inside & (across < -0.3)]
        lit, dark = (right, left) if light > 0 else (left, right)
        assert lit.mean() > 1.25 * dark.mean()


def test_the_shadow_falls_away_from_the_light():
    side = CAMERAS["perspective"].axes[0]
    screen = CAMERAS["perspective"].project
    floor = CENTRE - [0, RADIUS, 0]
    spots = [screen((floor + k * 0.9 * side)[None], SIZE)[0, :2].astype(int) for k in (-1, 1)]
    for light in (-60, 60):
        colour = ball("perspective", light).colour
        left, right = (colour[r - 1 : r + 2, c - 1 : c + 2].mean() for c, r in spots)
        assert (right < 0.9 * left) if light < 0 else (left < 0.9 * right)


def test_decode_undoes_the_encoding_of_pictures():
    """Below the soft shoulder of the tone curve, a linear image comes out as the bytes it is of."""
    values = np.arange(256)
    linear = decode(values / 255)
    assert linear[0] == 0 and linear[-1] == pytest.approx(1)
    image = np.repeat(linear[None, :, None], 3, 2).repeat(256, 0).astype(np.float32)
    everywhere = np.zeros((256, 256), np.int32)
    colour, alpha = to_bytes(image, everywhere, np.zeros_like(image))
    below = linear < 0.8
    assert below.sum() > 220
    assert np.abs(colour[0, below].astype(int) - values[below, None]).max() <= 1
    assert (np.diff(colour[0, :, 0].astype(int)) >= 0).all()
    assert (alpha == 255).all()


def test_edges_are_blended_by_what_they_cover():
    image = np.full((2, 2, 3), 0.25, np.float32)
    part = np.array([[0, -1], [-1, -1]], np.int32)
    colour, alpha = to_bytes(image, part, np.full((1, 1, 3), 0.5, np.float32))
    assert alpha[0, 0] == 64
    assert decode(colour[0, 0] / 255) == pytest.approx((0.25 + 3 * 0.5) / 4, abs=0.01)
