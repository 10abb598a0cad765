"""TSR gives the reference's numbers at every recorded stage, with its weights and names."""

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from perflow_demo.nets import TSR
from perflow_demo.nets.tsr import Upsampler
from perflow_demo.nets.tsr_input import frame_object, on_grey
from perflow_demo.nets.tsr_tokens import resize_positions
from perflow_demo.nets.tsr_views import orbit_rays
from tests.tsr_factory import arrays, facts, golden_tsr

FORWARD = arrays("e_forward")
VIEWS = facts("e_render")["cases"]


@pytest.fixture(scope="module")
def network():
    return golden_tsr()


@pytest.fixture(scope="module")
def mesh(network):
    return network.extract_mesh(FORWARD["scene_codes"][0], 32, 25.0)


def close(found, golden, tolerance=2e-4):
    torch.testing.assert_close(found, golden, rtol=tolerance, atol=tolerance)


def test_the_full_size_has_the_published_keys_and_shapes():
    told = facts("e_full_keys")
    with torch.device("meta"):
        network = TSR.from_config(told["config"], told["image_encoder_config"])
        by_default = TSR.from_config(told["config"])
    found = {key: list(tensor.shape) for key, tensor in network.state_dict().items()}
    assert found == told["keys"]
    assert by_default.state_dict().keys() == told["keys"].keys()
    assert sum(p.numel() for p in network.parameters()) == told["number_of_parameters"]


def test_the_picture_is_prepared_exactly():
    framed = frame_object(FORWARD["rgba"].numpy(), facts("e_forward")["foreground_ratio"])
    assert np.array_equal(framed, FORWARD["foreground_resized"].numpy())
    assert np.array_equal(on_grey(framed), FORWARD["composited"].numpy())


@pytest.mark.parametrize(
    ("source", "result"), [("composited", "preprocessed"), ("resize_up_input", "resize_up_output")]
)
def test_resizing(network, source, result):
    pixels = FORWARD[source].float() / (255 if source == "composited" else 1)
    golden = FORWARD[result].reshape(1, 64, 64, 3)
    close(network.resize(pixels[None]), golden, 1e-5)


def test_a_configuration_may_ask_for_smooth_triplanes(network):
    config = facts("e_weights")["config"]
    upsampler = {**config["post_processor"], "smoothing": 0.65}
    smooth = TSR.from_config(
        {**config, "post_processor": upsampler}, dict(network.config.image_encoder)
    )
    smooth.load_state_dict(network.state_dict())
    images = FORWARD["preprocessed"].reshape(1, 64, 64, 3)
    with torch.no_grad():
        plain, blurred = (net.scene_codes(images) for net in (network, smooth))
    ripples = [(codes.diff(dim=-1) ** 2).mean() for codes in (plain, blurred)]
    assert ripples[1] < 0.7 * ripples[0]


def test_tokens_and_triplanes(network):
    image_tokens = network.image_tokenizer(FORWARD["preprocessed"].movedim(-1, 1))
    close(image_tokens.mT[:, None], FORWARD["image_tokens"])
    tokens = network.tokenizer(1)
    close(tokens, FORWARD["triplane_tokens_in"])
    close(network.backbone(tokens, image_tokens), FORWARD["triplane_tokens_out"])
    close(network.scene_codes(FORWARD["preprocessed"]), FORWARD["scene_codes"])


def test_each_picture_of_a_batch_is_as_alone(network):
    batch = torch.stack([FORWARD["preprocessed"][0], FORWARD["resize_up_output"]])
    together = network.scene_codes(batch)
    close(together[1:], network.scene_codes(batch[1:]), 1e-5)


def test_positions_at_the_published_size():
    golden = arrays("e_position_resize")
    close(resize_positions(golden["table"], 32, 32), golden["resized"], 1e-5)


def test_queries(network):
    found = network.query(FORWARD["scene_codes"][0], FORWARD["query_points"])
    for name in ("density", "features", "color"):
        close(found[name], FORWARD[f"query_{name}"])
    golden = FORWARD["query_density_act"]
    assert ((found["density_act"] - golden).abs() <= 1e-3 * golden).all()


@pytest.mark.parametrize("case", VIEWS, ids=lambda case: case["case"])
def test_views(network, case):
    camera = {key: value for key, value in case.items() if key != "case"}
    golden = {k.split("/")[1]: t for k, t in arrays("e_render").items() if case["case"] in k}
    origins, directions = orbit_rays(
        case["n_views"],
        case["elevation_deg"],
        case["camera_distance"],
        case["fovy_deg"],
        case["height"],
        case["width"],
    )
    close(origins, golden["rays_o"], 1e-5)
    close(directions, golden["rays_d"], 1e-5)
    found = network.render(FORWARD["scene_codes"][0], **camera)
    assert (found - golden["images"]).abs().max() <= 5e-4


def test_three_views_are_every_second_of_six():
    golden = arrays("e_three_view_quirk")["rays_d_6_every_second"]
    close(orbit_rays(3, 10.0, 1.9, 40.0, 8, 8)[1], golden, 1e-5)


def test_views_can_be_learnt_from(network):
    code = FORWARD["scene_codes"][0].clone().requires_grad_()
    network.render(code, height=6, width=6).sum().backward()
    assert code.grad.abs().sum() > 0


def test_the_mesh_is_the_reference_s(mesh):
    golden, told = arrays("e_mesh"), facts("e_mesh")
    cell = 2 * told["radius"] / (told["resolution"] - 1)
    distance, nearest = cKDTree(mesh.vertices).query(golden["vertices"].numpy())
    assert (distance <= 1e-3 * cell).all()
    same = distance <= 1e-3 * cell
    colors = golden["vertex_colors"].numpy()
    assert np.abs(mesh.colors[nearest] - colors)[same].max() <= 5e-3
    distinct = told["number_of_distinct_vertices"]
    assert len(mesh.vertices) == pytest.approx(distinct, rel=5e-3)
    assert len(mesh.faces) == pytest.approx(told["number_of_faces"], rel=1e-2)


def test_the_mesh_measures_as_the_reference_s(mesh):
    golden, shape = arrays("e_mesh"), mesh.shape()
    assert shape.area == pytest.approx(golden["surface_area"].item(), rel=5e-3)
    assert shape.volume == pytest.approx(golden["volume"].item(), rel=1e-2)
    assert np.abs(shape.bounds - golden["bounds"].numpy()).max() <= 0.0281


def test_a_closed_mesh_has_no_rim(network):
    code = FORWARD["scene_codes"][0]
    mesh = network.extract_mesh(code, 48, 25.0, closed=True)
    assert mesh.watertight
    assert mesh.shape().volume > 0


def test_nothing_that_dense_is_no_mesh(network):
    assert network.extract_mesh(FORWARD["scene_codes"][0], 32, 1e30).empty


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [("renderer", "density_activation", "softplus"), ("decoder", "activation", "relu")],
)
def test_what_the_network_does_not_do_is_refused(part, key, value):
    config = facts("e_weights")["config"]
    with pytest.raises(ValueError, match=value):
        TSR.from_config({**config, part: {**config[part], key: value}})


def test_a_transparent_picture_is_refused():
    with pytest.raises(ValueError, match="transparent"):
        frame_object(np.zeros((8, 8, 4), np.uint8))
    line = np.zeros((8, 8, 4), np.uint8)
    line[2:6, 3] = 255
    with pytest.raises(ValueError, match="one pixel"):
        frame_object(line)


def test_smoothing_keeps_what_changes_slowly_and_levels_ripples():
    upsampler = Upsampler(2, 2, smoothing=0.65)
    upsampler.upsample = torch.nn.Identity()  # what is blurred is as wide as what is given
    even = torch.full((1, 3, 2, 8, 8), 0.7)
    ripples = even + 0.3 * (-1.0) ** (torch.arange(8)[:, None] + torch.arange(8))
    slope = torch.linspace(0, 1, 8).expand_as(even)
    close(upsampler(even), even)
    assert (upsampler(ripples) - even).abs().max() < 0.1
    inner = np.s_[..., 2:-2]
    close(upsampler(slope)[inner], slope[inner], 1e-3)
    upsampler.smoothing = 0.0
    assert torch.equal(upsampler(ripples), ripples)
