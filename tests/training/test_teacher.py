"""The teacher's network grows without forgetting."""

import torch
from diffusers import UNet2DConditionModel

from perflow_demo.training.objectives.teacher import LAYERS, build_unet, deepened


def test_a_deeper_network_starts_by_drawing_what_the_shallower_one_draws():
    deeper = build_unet(debug=True).eval()
    shallow = UNet2DConditionModel.from_config(deeper.config | {"transformer_layers_per_block": 1})
    assert max(LAYERS) > 1
    deeper.load_state_dict(deepened(shallow.state_dict(), deeper))
    latents, words = torch.randn(2, 16, 4, 4), torch.randn(2, 7, 64)
    with torch.no_grad():
        wanted = shallow.eval()(latents, 500, words).sample
        torch.testing.assert_close(deeper(latents, 500, words).sample, wanted)
