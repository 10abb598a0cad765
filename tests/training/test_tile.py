"""The refiner's training: worse copies of pictures, and a ControlNet that begins silent."""

import numpy as np
import pytest
import torch
from PIL import Image

from perflow_demo.nets import PocketAutoencoder
from perflow_demo.training.latents import Latents, encode
from perflow_demo.training.objectives.teacher import TeacherObjective, build_unet
from perflow_demo.training.objectives.tile import TileObjective, build_tile, worse
from perflow_demo.training.text import build_text_encoder
from perflow_demo.training.toyworld.degraded import degraded
from perflow_demo.training.toyworld.shards import Pictures, rendered

CROPS = np.random.default_rng(0).integers(0, 255, (6, 64, 64, 3), np.uint8)


@pytest.mark.parametrize(("factor", "size"), [(2, (32, 16)), (8, (8, 4)), (3.3, (19, 10))])
def test_a_degraded_picture_is_so_many_times_smaller(factor, size):
    picture = Image.fromarray(CROPS[0]).resize((64, 32))
    for seed in range(8):
        assert degraded(picture, factor, np.random.default_rng(seed)).size == size


def test_copies_are_worse_in_ways_that_differ_and_repeat():
    first, again, other = (worse(CROPS, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.shape == (6, 3, 64, 64) and first.min() >= 0 and first.max() <= 1
    assert torch.equal(first, again) and not torch.equal(first, other)
    sharp = torch.from_numpy(CROPS).permute(0, 3, 1, 2) / 255
    assert (first.diff(dim=-1).abs().mean((1, 2, 3)) < sharp.diff(dim=-1).abs().mean()).all()


@torch.no_grad()
def test_a_new_controlnet_says_nothing_and_stays_small():
    unet = build_unet()
    tile = build_tile(unet)
    assert sum(weight.numel() for weight in tile.parameters()) <= 8e6
    assert tile.config.addition_embed_type_num_heads == unet.config.addition_embed_type_num_heads
    latents, words = torch.randn(1, 16, 16, 16), torch.randn(1, 4, unet.config.cross_attention_dim)
    down, middle = tile(latents, 500, words, torch.randn(1, 16, 16, 16), return_dict=False)
    assert all(not said.any() for said in (*down, middle))
    copied = unet.state_dict()
    for key, weight in tile.state_dict().items():
        assert key.startswith("controlnet_") or torch.equal(weight, copied[key])
    read = tile.controlnet_cond_embedding(latents) + unet.conv_in.bias.view(1, -1, 1, 1)
    torch.testing.assert_close(read, unet.conv_in(latents), rtol=1e-4, atol=1e-4)


def test_half_of_the_batches_stand_beside_delta_where_its_windows_begin(tmp_path, minilm):
    """Else a tile that only knows the teacher's many steps is a decibel worse in four."""
    torch.manual_seed(0)
    small = {"channels": (8, 8, 16), "encoder_blocks": (1, 1, 1), "decoder_blocks": (1, 1, 1)}
    vae, text = PocketAutoencoder(**small), build_text_encoder(64, 1, semantic=False)
    pictures = rendered(tmp_path / "256", 0, 3, 256)
    encode(Pictures(pictures), vae, tmp_path / "latents")
    teacher = TeacherObjective(
        build_unet(debug=True), text, vae.float(), [Latents(tmp_path / "latents")]
    )
    objective = TileObjective(teacher, None, pictures, held_out=1)
    asked = {"teacher": [], "with_delta": []}
    for name, unet in (("teacher", teacher.net.unet), ("with_delta", objective.student)):
        unet.register_forward_pre_hook(lambda _, given, name=name: asked[name].append(given[1]))
    for seed in range(24):
        batch = objective.batch(np.random.default_rng(seed), 2)
        _, figures = objective.loss(objective.net, batch, torch.Generator().manual_seed(seed))
        assert figures.keys() <= asked.keys()
    assert len(asked["teacher"]) == pytest.approx(12, abs=7)
    assert set(torch.cat(asked["with_delta"]).tolist()) <= {1000, 750, 500, 250}
    assert len(set(torch.cat(asked["teacher"]).tolist())) > 6
