"""The published families draw: SD 1.5 with ΔW plugged in, SD 2.1, SDXL, of a mirror folder."""

import json
from dataclasses import replace

import pytest
import torch
from PIL import Image, ImageChops, ImageDraw
from safetensors.torch import load_file

from perflow_demo.errors import BadRequest, LoadError, MissingFile
from perflow_demo.flow import PeRFlowScheduler
from perflow_demo.models import catalogue
from perflow_demo.models.stable_diffusion import FAMILIES, SD15
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from perflow_demo.tasks import multiview, refine, to_3d
from perflow_demo.tasks.contract import Stage, Step
from perflow_demo.tasks.multiview import MultiviewRequest
from perflow_demo.tasks.refine import RefineRequest
from perflow_demo.tasks.text_to_image import TextToImageRequest, run
from tests.mirror_factory import pickle_weights, write_delta, write_family, write_tile, write_views

KINDS = {
    "sd15-dreamshaper": "sd15",
    "perflow-sd15-dreamshaper": "sd15",
    "perflow-sd21-artius": "sd21",
    "perflow-sdxl-dreamshaper": "sdxl",
}
ROWS = {family.name: family for family in FAMILIES}


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mirror")
    for name, kind in KINDS.items():
        repository = ROWS[name].repository
        write_family(folder, repository.name, kind, variant=repository.variant or "fp16")
    write_delta(folder)
    return folder


@pytest.fixture
def registry(mirror, assets, monkeypatch):
    small = {
        n: replace(ROWS[n], sizes=(64,), defaults=replace(ROWS[n].defaults, size=64)) for n in KINDS
    }
    for name, family in small.items():
        monkeypatch.setitem(catalogue.CATALOGUE, name, family)
    return Registry(Settings(assets=assets, device="cpu", mirror=mirror, offline=True))


@pytest.mark.parametrize("name", KINDS)
def test_a_published_family_draws_what_its_seed_says(registry, name):
    request = TextToImageRequest(prompt="a lighthouse", family=name, seed=3, steps=4, count=2)
    first, again = run(request, registry), run(request, registry)
    assert [picture.size for picture in first.pictures] == [(64, 64)] * 2
    for one, other in zip(first.pictures, again.pictures, strict=True):
        assert not ImageChops.difference(one, other).getbbox()
    alone = run(first.recipe(1), registry).pictures[0]
    extrema = ImageChops.difference(alone, first.pictures[1]).getextrema()
    assert max(high for _, high in extrema) <= 8  # of 255: another batch, other roundings
    assert ImageChops.difference(first.pictures[0], first.pictures[1]).getbbox()


@pytest.mark.parametrize("name", KINDS)
def test_each_is_read_as_it_was_trained(registry, name):
    with registry.lease(name) as pipeline:
        assert isinstance(pipeline.scheduler, PeRFlowScheduler)
        expected = {"sd15": "diff_eps", "sd21": "velocity", "sdxl": "ddim_eps"}[KINDS[name]]
        assert pipeline.scheduler.config.prediction_type == expected


@pytest.mark.parametrize("name", KINDS)
def test_words_are_put_together_of_their_pieces(registry, name):
    with registry.lease(name) as pipeline:
        tokenizer = pipeline.tokenizer
        assert tokenizer.tokenize("a dog") == ["a</w>", "dog</w>"]
        short = tokenizer("a dog", padding="max_length", max_length=6).input_ids
    expected = "!" if KINDS[name] == "sd21" else "<|endoftext|>"
    assert tokenizer.convert_ids_to_tokens(short)[-1] == expected


@pytest.mark.parametrize("spacing", ["linspace", "leading"])
def test_the_teacher_reads_whatever_schedule_a_checkpoint_brings(registry, mirror, spacing):
    path = mirror / SD15.repository.name / SD15.scheduler.config
    before = path.read_text()
    brought = json.loads(before) | {"timestep_spacing": spacing, "clip_sample": True}
    path.write_text(json.dumps(brought))
    request = TextToImageRequest(
        prompt="a dog", family=SD15.name, acceleration="teacher", steps=3, seed=1
    )
    try:
        assert run(request, registry).pictures[0].size == (64, 64)
        with registry.lease(SD15.name, delta_strength=0.0) as pipeline:
            assert not pipeline.scheduler.config.clip_sample
    finally:
        path.write_text(before)


def test_a_schedule_that_delta_cannot_follow_is_told(registry, mirror):
    path = mirror / SD15.repository.name / SD15.scheduler.config
    before = path.read_text()
    path.write_text(json.dumps(json.loads(before) | {"rescale_betas_zero_snr": True}))
    request = TextToImageRequest(prompt="a dog", family=SD15.name, seed=1)
    try:
        with pytest.raises(LoadError, match="does not go with ΔW.*rescale_betas_zero_snr"):
            run(request, registry)
    finally:
        path.write_text(before)


def test_the_words_reach_the_picture_of_sdxl(registry):
    """Through both text encoders, the pooled embedding among them."""
    name = "perflow-sdxl-dreamshaper"
    drawn = [
        run(TextToImageRequest(prompt=words, family=name, seed=3), registry).pictures[0]
        for words in ("a lighthouse", "x")
    ]
    assert ImageChops.difference(*drawn).getbbox()


def test_delta_of_its_own_repository_is_in_the_weights(registry, mirror):
    base = load_file(
        mirror / SD15.repository.name / "unet/diffusion_pytorch_model.fp16.safetensors"
    )
    delta = load_file(
        mirror / SD15.delta_repository.name / "diffusion_pytorch_model.v0-1.safetensors"
    )
    with registry.lease(SD15.name, delta_strength=1.5) as pipeline:
        merged = pipeline.unet.state_dict()
    for key, weight in base.items():
        expected = weight.float() + 1.5 * delta[key].float()
        assert torch.equal(merged[key], expected.to(registry.placement.dtype)), key


def test_a_fine_tune_published_as_pickles_draws_the_same(registry, mirror, monkeypatch):
    """As those that stablediffusionapi converted, landscapes among them, are published."""
    landscape = ROWS["sd15-landscape"]
    pickle_weights(write_family(mirror, landscape.repository.name, "sd15"))
    small = replace(landscape, sizes=(64,), defaults=replace(SD15.defaults, size=64))
    monkeypatch.setitem(catalogue.CATALOGUE, landscape.name, small)
    drawn = [
        run(TextToImageRequest(prompt="a hill", family=family, seed=3), registry).pictures[0]
        for family in (SD15.name, landscape.name)
    ]
    assert not ImageChops.difference(*drawn).getbbox()


def test_a_family_with_delta_inside_has_no_teacher(registry):
    request = TextToImageRequest(
        prompt="a dog", family="perflow-sd15-dreamshaper", acceleration="teacher"
    )
    with pytest.raises(BadRequest, match="has ΔW inside"):
        run(request, registry)


def test_a_family_that_is_nowhere_is_explained(registry):
    request = TextToImageRequest(prompt="a dog", family="perflow-sdxl-base", size=1024)
    with pytest.raises(MissingFile, match="hansyan/perflow-sdxl-base.*PERFLOW_OFFLINE"):
        run(request, registry)


def test_a_picture_is_refined_with_the_published_tile(registry, mirror):
    """Its ControlNet is a pickle, and is guided by pixels."""
    write_tile(mirror)
    asked = RefineRequest(family=SD15.name, to=768, seed=1, steps=1, windows=1, guidance_scale=1)
    picture, guides = Image.new("RGB", (64, 64), "teal"), []
    with registry.lease(SD15.name, refine=True) as pipeline:
        entrance = pipeline.controlnet.controlnet_cond_embedding
        hook = entrance.register_forward_pre_hook(lambda module, given: guides.append(given[0]))
        first, again = (refine.run(asked, registry, picture=picture).picture for _ in range(2))
        hook.remove()
    assert first.size == (768, 768) and not ImageChops.difference(first, again).getbbox()
    assert guides[0].shape == (1, 3, 768, 768)
    wanted = torch.tensor([0, 128, 128]) / 255
    assert torch.allclose(guides[0].float().mean((0, 2, 3)), wanted, atol=0.01)


def test_wonder3d_draws_twelve_views_with_the_published_delta(registry, mirror):
    write_views(mirror)
    picture = Image.new("RGB", (96, 96), "white")
    ImageDraw.Draw(picture).ellipse((20, 20, 76, 76), "teal")
    result = multiview.run(MultiviewRequest(family=SD15.name, seed=3), registry, picture=picture)
    assert (result.request.model, result.request.steps) == ("wonder3d", 4)
    pages = [*result.normals, *result.colours]
    assert [page.size for page in pages] == [(256, 256)] * 12
    assert any(
        "own base is plugged in" in note and "another shape" in note for note in result.notes
    )
    plain = MultiviewRequest(family=SD15.name, seed=3, acceleration="teacher", steps=4)
    other = multiview.run(plain, registry, picture=picture)
    assert ImageChops.difference(result.colours[0], other.colours[0]).getbbox()


@pytest.mark.parametrize("name", [*KINDS, "pocket"])
def test_what_a_solid_is_made_of_is_drawn_as_its_authors_did(registry, mirror, name):
    """With TripoSR, and by families of Stable Diffusion 1.5."""
    triposr = mirror / catalogue.SOLIDS["triposr"].repository.name
    triposr.mkdir(parents=True, exist_ok=True)
    for name_of_file in catalogue.SOLIDS["triposr"].network.files:
        (triposr / name_of_file).touch()  # there, and read only once the picture is
    request = to_3d.To3DRequest(prompt="a mug", family=name, model="triposr", seed=3)
    before = []
    for event in to_3d.stream(request, registry):
        if isinstance(event, Stage):
            break
        before.append(event)
    family = registry.family(name)
    expected = 6 if KINDS.get(name) == "sd15" else family.defaults.steps
    assert sum(isinstance(event, Step) for event in before) == expected
    drawing = to_3d.drawing_of(request, family, catalogue.SOLIDS["triposr"])
    assert drawing.guidance_scale == (7.0 if KINDS.get(name) == "sd15" else None)
    own = to_3d.drawing_of(request, family, catalogue.SOLIDS["pocket"])
    assert own.steps is None and own.guidance_scale is None
