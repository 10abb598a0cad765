"""Refining on a family of debug size: repeatable, bounded, sharing what text to image uses."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from perflow_demo.errors import BadRequest, Cancelled
from perflow_demo.export import png
from perflow_demo.models.catalogue import REFINERS
from perflow_demo.registry import Registry
from perflow_demo.registry.placement import Placement
from perflow_demo.settings import Settings
from perflow_demo.tasks import refine_sampling, text_to_image
from perflow_demo.tasks.contract import Stage, Step
from perflow_demo.tasks.enlarging import enlarge
from perflow_demo.tasks.picture import digest, open_picture
from perflow_demo.tasks.refine import RefineRequest, RefineResult, drawn_with, resolve, run, stream
from perflow_demo.tasks.text_to_image import TextToImageRequest
from tests.pocket_factory import tile, write_pocket


def registry_of(assets) -> Registry:
    registry = Registry(Settings(assets=assets, device="cpu"))
    registry.placement = Placement(torch.device("cpu"), torch.float32)
    return registry


@pytest.fixture(scope="module")
def registry(assets):
    return registry_of(assets)


@pytest.fixture(scope="module")
def by_pixels(tmp_path_factory):
    """A family whose ControlNet is guided by pixels, as those of the hub are."""
    folder = tmp_path_factory.mktemp("by-pixels")
    tile(3, (4, 4, 8, 8, 8)).half().save_pretrained(write_pocket(folder) / "controlnet_tile")
    return registry_of(folder)


@pytest.fixture(params=["by latents", "by pixels"])
def guided(request, registry, by_pixels):
    return registry if request.param == "by latents" else by_pixels


@pytest.fixture
def small_tiles(monkeypatch):
    """Tiles of 256 px, so that small pictures have many."""
    monkeypatch.setitem(REFINERS, "pocket", replace(REFINERS["pocket"], tile=256))


def ask(**values) -> RefineRequest:
    """Of a picture as the networks leave it."""
    return RefineRequest(**{"seed": 7, "to": 768, "fidelity": 0} | values)


def picture(width=96, height=96, mode="RGB") -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 255, (12, 12, len(mode)), np.uint8)
    return Image.fromarray(noise, mode).resize((width, height))


def pixels(made) -> np.ndarray:
    return np.asarray(made).astype(int)


@pytest.mark.parametrize(
    ("values", "steps_made"),
    [
        ({}, 4),
        ({"strength": 0.5, "prompt": "a red dog", "guidance_scale": 4.5}, 2),
        ({"acceleration": "teacher", "steps": 3, "prompt": "a cat", "style": "cel"}, 3),
    ],
)
def test_the_picture_is_that_of_diffusers_own_pipeline(guided, monkeypatch, values, steps_made):
    registry, given = guided, picture()
    *events, ours = stream(ask(**values), registry, picture=given)
    assert sum(isinstance(event, Step) for event in events) == steps_made
    request = ours.request
    strength = 1.0 if request.acceleration == "perflow" else 0.0
    before = enlarge(given, 768, 16)
    with registry.lease("pocket", request.style, strength, refine=True) as pipeline:
        _hand_on_latents(pipeline, monkeypatch)
        theirs = pipeline(
            request.prompt or "",
            image=before,
            control_image=before,
            controlnet_conditioning_scale=1.0,
            strength=request.strength,
            num_inference_steps=request.steps,
            guidance_scale=request.guidance_scale,
            generator=torch.Generator().manual_seed(7),
        ).images[0]
    assert np.abs(pixels(ours.picture) - pixels(theirs)).max() <= 1


def test_as_pocket_refines_colours_are_the_given_ones(registry):
    as_it_is, kept = (
        run(ask(fidelity=fidelity), registry, picture=picture()) for fidelity in (0, None)
    )
    assert kept.request.fidelity == 1 and "Fidelity: 1.0" in kept.request.parameters()
    drift = [
        np.abs((pixels(made.picture) - pixels(made.before)).mean((0, 1))).max()
        for made in (as_it_is, kept)
    ]
    assert drift[1] < 2 < 5 < drift[0]


def _hand_on_latents(pipeline, monkeypatch):
    """diffusers' pipeline hands pixels on; who reads latents is given those of the pixels."""
    entrance = pipeline.controlnet.controlnet_cond_embedding
    if entrance.conv_in.in_channels == 3:
        return
    read, vae = entrance.forward, pipeline.vae

    def forward(pixels):
        latents = vae.encode(2 * pixels - 1).latents
        return read(latents * vae.config.scaling_factor)

    monkeypatch.setattr(entrance, "forward", forward)


def test_refining_borrows_the_very_modules_that_draw(registry):
    with registry.lease() as drawing, registry.lease(refine=True) as refining:
        for name in ("unet", "vae", "text_encoder", "tokenizer"):
            assert getattr(drawing, name) is getattr(refining, name)
        assert drawing.scheduler is not refining.scheduler


def test_a_picture_is_refined_by_the_very_weights_it_was_drawn_by(assets, tmp_path):
    """Its LoRA and its ΔW among them, and they stand in the recipe."""
    base = load_file(assets / "pocket/unet/diffusion_pytorch_model.safetensors")
    name = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
    out, into = base[f"{name}.weight"].shape
    factors = {"lora_A": torch.randn(2, into), "lora_B": torch.randn(out, 2)}
    for folder in ("loras", "deltas"):
        (tmp_path / folder).mkdir()
    brush = {f"unet.{name}.{part}.weight": factor for part, factor in factors.items()}
    save_file(brush, tmp_path / "loras/brush.safetensors")
    mine = {key: torch.full_like(weight, 0.01) for key, weight in base.items()}
    save_file(mine, tmp_path / "deltas/mine.safetensors")
    own = Registry(Settings(assets=assets, device="cpu", checkpoints=tmp_path))
    drawing = TextToImageRequest(prompt="a dog", seed=1, size=256, lora="brush@0.5", delta="mine")
    drawn = text_to_image.run(drawing, own)
    before = {entry.key for entry in own.status().entries}
    asked = ask(source=drawn.recipe(0), **drawn_with(drawn.recipe(0), "pocket"))
    result = run(asked, own, picture=drawn.pictures[0])
    assert (result.request.lora, result.request.delta) == ("brush@0.5", "mine")
    assert "Lora: brush@0.5" in result.request.parameters() and result.notes == ()
    added = {entry.key for entry in own.status().entries} - before
    assert len(added) == 1  # the ControlNet: no second UNet
    without = run(ask(source=drawn.recipe(0)), own, picture=drawn.pictures[0])
    assert any("refined without" in note for note in without.notes)
    assert np.abs(pixels(without.picture) - pixels(result.picture)).max() > 0


def test_the_published_refiner_has_its_authors_settings(registry):
    family = registry.family("sd15-dreamshaper")
    request, notes = resolve(
        RefineRequest(family=family.name), family, registry.refiner(family.name), True
    )
    assert (request.steps, request.windows, request.guidance_scale) == (4, 4, 4.5)
    assert (request.to, request.strength, request.prompt) == (1024, 1.0, "best quality")
    assert request.negative_prompt == (
        "blur, lowres, bad anatomy, bad hands, cropped, worst quality"
    )
    assert notes == []


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((64, 64), (768, 768)),
        ((120, 90), (1024, 768)),
        ((100, 333), (768, 2560)),
        ((100, 107), (768, 816)),  # 51 latents, which halve to no whole number
    ],
)
def test_any_shape_comes_to_the_target_along_its_short_side(registry, size, expected):
    result = run(ask(steps=1, windows=1), registry, picture=picture(*size))
    assert result.picture.size == result.before.size == expected
    assert abs(expected[0] / expected[1] / (size[0] / size[1]) - 1) < 0.01


def test_the_networks_see_no_more_than_a_tile(registry, small_tiles):
    seen = {}
    with registry.lease(refine=True) as pipeline:
        hooks = [
            module.register_forward_pre_hook(
                lambda module, inputs, name=name: seen.setdefault(name, []).append(inputs[0].shape)
            )
            for name, module in {
                "unet": pipeline.unet,
                "controlnet": pipeline.controlnet,
                "encoder": pipeline.vae.encoder,
                "decoder": pipeline.vae.decoder,
            }.items()
        ]
        run(ask(), registry, picture=picture(128, 96))
        for hook in hooks:
            hook.remove()
    tiles = 5 * 4  # of 16 latents, 12 apart, on 64×48
    assert {name: len(shapes) for name, shapes in seen.items()} == {
        "unet": 4 * tiles,
        "controlnet": 4 * tiles,
        "encoder": tiles,
        "decoder": tiles,
    }
    assert all(shape[-2:] == (16, 16) for shape in seen["unet"] + seen["decoder"])
    assert all(shape[-2:] == (256, 256) for shape in seen["encoder"])


def test_where_a_guided_pair_does_not_fit_its_halves_make_the_same_picture(registry):
    asked = ask(prompt="a red dog", guidance_scale=4.5)
    usual = run(asked, registry, picture=picture()).picture

    def full(module, inputs):
        if len(inputs[0]) > 1:
            raise torch.OutOfMemoryError("no room for two")

    with registry.lease(refine=True) as pipeline:
        hook = pipeline.unet.register_forward_pre_hook(full)
        made = run(asked, registry, picture=picture()).picture
        hook.remove()
    assert np.abs(pixels(made) - pixels(usual)).max() <= 1


def test_every_setting_changes_the_picture(registry):
    usual = pixels(run(ask(), registry, picture=picture()).picture)
    changes = [
        {"prompt": "a blue car"},
        {"prompt": "a car", "negative_prompt": "a dog", "guidance_scale": 5},
        {"style": "pencil"},
        {"acceleration": "teacher", "steps": 4},
        {"strength": 0.5},
        {"steps": 5},
        {"seed": 8},
        {"steps": 1, "windows": 1},
    ]
    for change in changes:
        made = run(ask(**change), registry, picture=picture()).picture
        assert np.abs(pixels(made) - usual).max() > 0, change
    other = run(ask(), registry, picture=Image.new("RGB", (96, 96), "teal")).picture
    assert np.abs(pixels(other) - usual).max() > 0


def test_with_little_strength_the_picture_stays_near_its_latents(registry):
    before = enlarge(picture(), 768, 16)
    with registry.lease(refine=True) as pipeline:
        latents, _ = refine_sampling.encode(pipeline, before, 64)
        coded = pixels(refine_sampling.decode(pipeline, latents, 64))
    away = [
        np.abs(pixels(run(ask(strength=strength), registry, picture=picture()).picture) - coded)
        for strength in (0.25, 0.5, 1)
    ]
    assert away[0].mean() < away[1].mean() < away[2].mean()


def test_the_chain_reproduces_from_the_recipe_in_the_file(registry, tmp_path):
    drawing = TextToImageRequest(prompt="a red dog", seed=4, size=256)
    drawn = text_to_image.run(drawing, registry)
    (tmp_path / "drawn.png").write_bytes(png.encode(drawn.pictures[0], drawn.recipe(0)))
    parent = open_picture(tmp_path / "drawn.png")
    source = png.read_recipe(tmp_path / "drawn.png", TextToImageRequest)
    first = run(ask(source=source), registry, picture=parent)
    assert first.request.prompt == "a red dog"
    assert first.request.parent == digest(parent)

    (tmp_path / "refined.png").write_bytes(png.encode(first.picture, first.request))
    recipe = png.read_recipe(tmp_path / "refined.png", RefineRequest)
    assert recipe == first.request
    *events, again = stream(recipe, registry)
    assert [event.name for event in events if isinstance(event, Stage)] == ["picture"]
    assert np.array_equal(pixels(again.parent), pixels(parent))
    assert np.array_equal(pixels(again.picture), pixels(first.picture))
    assert again.request == first.request
    assert again.notes == ()


def test_another_parent_is_told(registry):
    result = run(ask(parent="0" * 64, steps=1, windows=1), registry, picture=picture())
    assert any("not the one" in note for note in result.notes)
    assert result.request.parent == digest(picture())


@pytest.mark.parametrize(
    ("drawn", "note"),
    [
        ({}, None),
        ({"strength": 0.5}, "ΔW at strength 0.5, and refined with the whole of it"),
        ({"acceleration": "teacher", "strength": 0.5}, "no ΔW, and refined with the whole of it"),
    ],
)
def test_a_picture_drawn_with_less_of_delta_is_told(registry, drawn, note):
    source = TextToImageRequest(prompt="a car", **drawn)
    few = {"steps": 1, "windows": 1, "source": source}
    notes = run(ask(**few), registry, picture=picture()).notes
    assert [note in told for told in notes] == ([True] if note else [])
    plain = run(ask(**few, acceleration="teacher"), registry, picture=picture())
    assert not any("ΔW" in told for told in plain.notes)


def test_transparency_becomes_white_and_is_told(registry):
    clear = picture(mode="RGBA")
    clear.putalpha(0)
    result = run(ask(), registry, picture=clear)
    assert result.before.mode == "RGB" and np.asarray(result.before).min() == 255
    assert any("white" in note for note in result.notes)
    opaque = run(ask(steps=1, windows=1), registry, picture=picture().convert("RGBA"))
    assert opaque.notes == ()


@pytest.mark.parametrize(
    ("size", "values", "message"),
    [
        ((63, 90), {}, "63 pixels; choose one of 64"),
        ((1000, 900), {}, "900 pixels already"),
        ((64, 1500), {"to": 2048}, "too long a shape"),
        ((90, 640), {"to": 1536}, "too long a shape"),  # once its sides are rounded
        (None, {}, "There is no picture"),
        (None, {"parent": "0" * 64}, "not here; add it"),
        ((90, 90), {"to": 800}, "Size has to be 768 or 1024"),
        ((90, 90), {"strength": 0}, "Strength has to be a number from 0.05"),
        ((90, 90), {"family": "sd99"}, "no family 'sd99'"),
        ((90, 90), {"style": "cubist"}, "cel or pencil"),
    ],
)
def test_what_cannot_be_refined_is_refused(registry, size, values, message):
    with pytest.raises(BadRequest, match=message):
        run(ask(**values), registry, picture=size and picture(*size))


def test_a_run_can_be_stopped_and_previews_left_out(registry):
    def stop(event):
        if isinstance(event, Step) and event.number == 2:
            raise Cancelled("The run was stopped.")

    with pytest.raises(Cancelled):
        run(ask(), registry, stop, picture=picture())
    assert not any(entry.leases for entry in registry.status().entries)
    *events, shown = stream(ask(), registry, picture=picture())
    frames = [event.frame for event in events if isinstance(event, Step)]
    assert all(frame.picture.size == (384, 384) for frame in frames)
    bare = run(ask(), registry, picture=picture())
    assert isinstance(shown, RefineResult) and len(shown.film) == 4 and bare.film == ()
    assert np.array_equal(pixels(shown.picture), pixels(bare.picture))
