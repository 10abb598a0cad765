"""Image to mesh on a family of debug size: upright, closed, stoppable, honest about its limits."""

from io import BytesIO

import numpy as np
import pytest
import trimesh
from PIL import Image, ImageDraw

from perflow_demo.errors import BadRequest, Cancelled, LoadError, OutOfMemory
from perflow_demo.export.glb import encode_result
from perflow_demo.geometry.mesh import Mesh
from perflow_demo.models.catalogue import SOLIDS
from perflow_demo.nets import TSR
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from perflow_demo.tasks import text_to_image
from perflow_demo.tasks.contract import Loading, Phase, Step
from perflow_demo.tasks.foreground import NothingFound
from perflow_demo.tasks.meshing import STAGES, NothingSolid
from perflow_demo.tasks.picture import digest
from perflow_demo.tasks.text_to_image import TextToImageRequest
from perflow_demo.tasks.to_3d import To3DRequest, To3DResult, resolve, run, stream


@pytest.fixture(scope="module")
def registry(assets):
    """Its 3D network sees a ball in everything, red on the viewer's right, blue on the left."""
    return Registry(Settings(assets=assets, device="cpu"))


def disc(mode: str = "RGB") -> Image.Image:
    drawn = Image.new(mode, (96, 96), "white" if mode == "RGB" else (0, 0, 0, 0))
    ImageDraw.Draw(drawn).ellipse((20, 20, 76, 76), "teal")
    return drawn


def ask(**values) -> To3DRequest:
    """With a disc in the picture as large as the ball that is made of it."""
    return To3DRequest(**{"resolution": 40, "texture": False, "ratio": 0.5} | values)


def leases(registry) -> int:
    return sum(entry.leases for entry in registry.status().entries)


@pytest.fixture(scope="module")
def plain(registry):
    return run(ask(), registry, picture=disc())


def test_a_picture_becomes_a_closed_ball_upright_and_in_its_colours(plain):
    shape, mesh = plain.mesh.shape(), plain.mesh
    assert plain.surface is mesh and mesh.watertight and shape.volume > 0
    radii = np.linalg.norm(mesh.vertices, axis=1)
    assert radii.std() < 0.05 * radii.mean()
    assert plain.size == pytest.approx((2 * radii.mean(),) * 3, rel=0.05)
    right, left = mesh.vertices[:, 0] > 0.2, mesh.vertices[:, 0] < -0.2
    assert (mesh.colors[right, 0] > mesh.colors[right, 2]).all()
    assert (mesh.colors[left, 2] > mesh.colors[left, 0]).all()


def test_a_prompt_is_drawn_first_and_its_seed_told(registry):
    events = list(stream(ask(prompt="a red dog"), registry))
    assert any(isinstance(event, Step) for event in events)
    result = events[-1]
    assert result.request.seed >= 0 and result.request.prompt == "a red dog"
    drawn = text_to_image.run(result.request.source, registry)
    assert digest(drawn.pictures[0]) == result.request.parent
    again = run(result.request, registry)
    assert digest(again.picture) == digest(result.picture) == result.request.parent
    assert np.array_equal(again.mesh.vertices, result.mesh.vertices)


def test_stages_are_told_in_their_order_with_their_share(registry):
    events = list(stream(ask(), registry, picture=disc()))
    stages = [event for event in events if isinstance(event, Phase)]
    assert list(dict.fromkeys(stage.title for stage in stages)) == list(STAGES[1:])
    assert all(STAGES[stage.number - 1] == stage.title for stage in stages)
    shares = [stage.share for stage in stages if stage.title == "Surface"]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1 and len(shares) > 5
    assert isinstance(events[-1], To3DResult)
    assert set(events[-1].seconds) == {title.lower() for title in STAGES[1:]}


def test_without_a_resolution_the_model_s_own_is_used_and_told(registry, plain):
    result = run(ask(resolution=None), registry, picture=disc())
    assert result.request.resolution == SOLIDS["pocket"].resolution
    assert len(result.mesh.faces) > 2 * len(plain.mesh.faces)


def test_a_cut_out_needs_no_foreground_network(own_assets):
    (own_assets / "pocket" / "foreground" / "config.json").unlink()
    registry = Registry(Settings(assets=own_assets, device="cpu"))
    assert run(ask(), registry, picture=disc("RGBA")).mesh.watertight
    with pytest.raises(LoadError, match="foreground"):
        run(ask(), registry, picture=disc())


def test_more_parts_than_the_faces_asked_for_can_show_are_a_sentence(registry, monkeypatch):
    balls = [trimesh.creation.icosphere(2, 0.05) for _ in range(60)]
    for number, ball in enumerate(balls):
        ball.apply_translation(np.array([number % 4, number // 4 % 4, number // 16]) / 4 - 0.4)
    many = trimesh.util.concatenate(balls)
    mesh = Mesh(np.array(many.vertices), np.array(many.faces), np.zeros((len(many.vertices), 3)))
    monkeypatch.setattr(TSR, "extract_mesh", lambda *asked, **options: mesh)
    with pytest.raises(NothingSolid, match="ask for more"):
        run(ask(faces=100), registry, picture=disc())


def test_a_texture_keeps_the_colours_on_fewer_faces(registry, plain):
    result = run(ask(texture=True, faces=300), registry, picture=disc())
    assert result.surface.watertight
    assert len(result.mesh.faces) == len(result.surface.faces) <= 320 < len(plain.mesh.faces)
    texture = result.mesh.texture
    assert texture.shape == (1024, 1024, 3)
    red, blue = texture[..., 0].astype(int), texture[..., 2].astype(int)
    assert (red > 200).mean() > 0.2 and (blue > 200).mean() > 0.2


def test_the_front_has_the_details_of_the_picture_unless_they_are_not_wanted(registry):
    picture = disc("RGBA")
    ImageDraw.Draw(picture).ellipse((43, 43, 53, 53), "white")
    bare, detailed = (
        run(ask(details=wanted), registry, picture=picture).mesh for wanted in (False, True)
    )
    assert np.array_equal(bare.vertices, detailed.vertices)
    gained = (detailed.colors - bare.colors).mean(1)
    brightest = bare.vertices[np.argmax(gained)]
    assert gained.max() > 0.2 and brightest[2] > 0.8 * bare.vertices[:, 2].max()
    assert np.abs(gained[bare.vertices[:, 2] < -0.2]).max() < 0.005  # just behind the rim
    assert np.abs(gained[bare.vertices[:, 2] < -0.3]).max() < 1e-6


def test_a_mesh_of_another_outline_is_left_as_it_is_and_that_is_told(registry, plain):
    result = run(ask(ratio=1.0), registry, picture=disc())
    assert np.array_equal(result.mesh.vertices, plain.mesh.vertices)
    assert any("outline is not the picture's" in note for note in result.notes)
    assert plain.notes == ()


def test_a_file_without_textures_holds_the_surface_whole(registry):
    result = run(ask(texture=True, faces=300), registry, picture=disc())
    read = {
        kind: trimesh.load_mesh(BytesIO(encode_result(result, kind)), file_type=kind, process=False)
        for kind in ("glb", "ply")
    }
    assert not read["glb"].is_watertight
    assert read["ply"].is_watertight and len(read["ply"].visual.vertex_colors)


def test_print_ready_is_one_closed_piece(registry):
    result = run(ask(print_ready=True), registry, picture=disc())
    assert result.mesh.watertight and result.mesh.shape().body_count == 1
    assert result.notes == ()


def test_the_picture_is_settled_before_anything_is_done():
    with pytest.raises(BadRequest, match="neither a prompt nor a picture"):
        resolve(ask(), None)
    with pytest.raises(BadRequest, match="not here"):
        resolve(ask(parent="ab" * 32), None)
    with pytest.raises(BadRequest, match="both a prompt and a picture"):
        resolve(ask(prompt="a dog"), disc())
    assert resolve(ask(), disc()).parent == digest(disc())
    assert digest(disc()) != digest(disc().transpose(Image.Transpose.TRANSPOSE).rotate(20))


def test_a_given_picture_is_known_by_its_hash_and_recipe_and_kept_small(registry):
    source = TextToImageRequest(prompt="a teal ball", seed=5)
    large = disc().resize((1500, 1500))
    result = run(ask(style="cel", source=source), registry, picture=large)
    told = result.request
    assert (told.parent, told.source, told.style) == (digest(large), source, None)
    assert result.picture.size == result.cutout.size == (1024, 1024)
    assert To3DRequest(**told.recipe()["request"]) == told


def test_a_texture_on_too_many_faces_is_refused_before_anything_is_done():
    with pytest.raises(BadRequest, match=r"at most 100,000 faces, not 2,000,000"):
        resolve(ask(texture=True, faces=2_000_000), disc())
    assert resolve(ask(texture=False, faces=2_000_000), disc()).faces == 2_000_000


@pytest.mark.parametrize(
    ("picture", "error", "words"),
    [
        (Image.new("RGB", (64, 64), "white"), NothingFound, "No object"),
        (Image.new("RGBA", (64, 64)), NothingFound, "No object"),
        (Image.new("RGB", (1, 1), "black"), BadRequest, "object"),
    ],
)
def test_a_degenerate_picture_is_refused_in_a_sentence(registry, picture, error, words):
    with pytest.raises(error, match=words):
        run(ask(), registry, picture=picture)
    assert leases(registry) == 0


def test_a_field_without_a_surface_is_told(own_assets):
    from safetensors.torch import load_file, save_file

    weights = own_assets / "pocket" / "tsr" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(weights)
    tensors["decoder.layers.2.bias"][0] = -200.0
    save_file(tensors, weights)
    registry = Registry(Settings(assets=own_assets, device="cpu"))
    with pytest.raises(NothingSolid, match="nothing solid"):
        run(ask(), registry, picture=disc())
    assert leases(registry) == 0


def test_a_resolution_over_the_budget_is_refused_before_anything_is_loaded(assets):
    registry = Registry(Settings(assets=assets, device="cpu", memory_budget=200_000_000))
    with pytest.raises(OutOfMemory, match=r"1024 needs about \d+ MB .* use at most 128"):
        run(ask(resolution=1024), registry, picture=disc())
    assert registry.status().entries == ()


@pytest.mark.parametrize("title", STAGES[1:])
def test_a_run_stops_at_every_stage_and_leaves_all_usable(registry, title):
    def stop(event):
        if isinstance(event, Phase) and event.title == title:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        run(ask(), registry, stop, picture=disc())
    assert leases(registry) == 0


def test_closing_a_run_stops_the_extraction_between_two_blocks(registry, monkeypatch):
    asked, ask_field = [], TSR._ask

    def counted(network, code, points, answer):
        asked.append(answer)
        return ask_field(network, code, points, answer)

    monkeypatch.setattr(TSR, "_ask", counted)
    run(ask(resolution=200), registry, picture=disc())
    whole = asked.count("density_act")
    asked.clear()
    events = stream(ask(resolution=200), registry, picture=disc())
    for event in events:
        if isinstance(event, Phase) and event.title == "Surface" and 0 < event.share < 0.3:
            break
    events.close()
    assert 0 < asked.count("density_act") < 0.9 * whole
    assert leases(registry) == 0
    assert run(ask(), registry, picture=disc()).mesh.watertight


def test_loading_is_told(assets):
    registry = Registry(Settings(assets=assets, device="cpu"))
    events = list(stream(ask(), registry, picture=disc()))
    loaded = {event.component for event in events if isinstance(event, Loading)}
    assert loaded == {"foreground network", "3D network"}


def test_an_unknown_model_is_refused_with_those_that_exist(registry):
    with pytest.raises(BadRequest, match="pocket or triposr"):
        run(ask(model="wizard"), registry, picture=disc())


def test_the_recipe_asks_for_the_same_again(plain):
    recipe = plain.request.recipe()
    assert recipe["task"] == "to_3d"
    assert To3DRequest(**recipe["request"]) == plain.request
    assert recipe["request"]["parent"] == digest(disc())


def test_the_network_goes_with_the_family(assets, plain):
    assert plain.request.model == "pocket"
    alone = Registry(Settings(assets=assets, device="cpu", offline=True))
    with pytest.raises(LoadError, match="TripoSR"):
        run(ask(family="sd15-dreamshaper"), alone, picture=disc())
    chosen = ask(family="sd15-dreamshaper", model="pocket")
    assert run(chosen, alone, picture=disc()).mesh.watertight
