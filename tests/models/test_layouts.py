"""The layouts build networks whose keys and shapes are those of the published files."""

import json

import pytest
import torch

from perflow_demo.models import layouts, loaders
from perflow_demo.models.stable_diffusion import SD15
from perflow_demo.nets import TSR
from tests.tsr_factory import GOLDEN

NETWORKS = {
    "f_sd15_unet_keys": layouts.SD15_UNET,
    "d_full_unet_keys": layouts.WONDER3D_UNET,
    "d_full_vae_keys": layouts.VAE,
}
# Published: Stable Diffusion 2.1's and SDXL's numbers of parameters.
PARAMETERS = {"SD21_UNET": 865_910_724, "SDXL_UNET": 2_567_463_684, "SDXL_VAE": 83_653_863}


def build(layout):
    with torch.device("meta"):
        return loaders.NETWORKS[layout["_class_name"]].from_config(layout)


def compare(network, manifest):
    found = {key: list(weight.shape) for key, weight in network.state_dict().items()}
    expected = json.loads((GOLDEN / f"{manifest}.json").read_text())["keys"]
    assert found == {k: v for k, v in expected.items() if not k.endswith("position_ids")}


@pytest.mark.parametrize("manifest", NETWORKS)
def test_a_network_has_the_published_keys(manifest):
    compare(build(NETWORKS[manifest]), manifest)


def test_the_image_encoder_has_the_published_keys():
    with torch.device("meta"):
        config = loaders.CLIPVisionConfig.from_dict(layouts.CLIP_VISION)
        compare(loaders.CLIPVisionModelWithProjection(config), "d_full_image_encoder_keys")


def test_triposr_has_the_published_keys():
    with torch.device("meta"):
        compare(TSR.from_config(layouts.TRIPOSR), "e_full_keys")


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_others_have_the_published_number_of_parameters(name):
    network = build(getattr(layouts, name))
    assert sum(weight.numel() for weight in network.parameters()) == PARAMETERS[name]


def test_a_row_has_about_the_size_of_its_networks():
    parameters = 859_520_964 + 83_653_863 + 123_060_480
    assert SD15.memory_bytes == pytest.approx(2 * parameters, rel=0.05)
