"""The image encoder's training: short captions that never change, and what counts as read."""

import numpy as np
import pytest
import torch

from perflow_demo.nets import LatentTokens, PocketAutoencoder
from perflow_demo.training.latents import Latents, encode
from perflow_demo.training.objectives.reading import ReadingObjective
from perflow_demo.training.objectives.teacher import TeacherObjective, build_unet
from perflow_demo.training.text import build_text_encoder
from perflow_demo.training.toyworld.captions import brief
from perflow_demo.training.toyworld.scene import CATALOGUE, POSED, sample
from perflow_demo.training.toyworld.shards import ON_WHITE, Pictures, rendered
from perflow_demo.training.toyworld.six_views import on_white, six_views

SIZE, COUNT, HELD_OUT = 64, 12, 4


@pytest.fixture(scope="module")
def objective(tmp_path_factory, minilm):
    root = tmp_path_factory.mktemp("reading")
    torch.manual_seed(0)
    small = {"channels": (8, 8, 16), "encoder_blocks": (1, 1, 1), "decoder_blocks": (1, 1, 1)}
    vae = PocketAutoencoder(**small)
    pictures = rendered(root / ON_WHITE, 0, COUNT, SIZE, ON_WHITE, POSED)
    encode(Pictures(pictures), vae, root / "latents")
    text = build_text_encoder(64, 1, semantic=False)
    teacher = TeacherObjective(build_unet(debug=True), text, vae.float())
    net = LatentTokens(side=SIZE // 16, width=64, inner=32, layers=1)
    return ReadingObjective(net, teacher, Latents(root / "latents"), HELD_OUT)


def test_the_short_caption_is_true_and_always_the_same():
    for index in range(40):
        scene = sample(1, index, framing=POSED).words
        assert brief(scene) == brief(scene)
        said = brief(scene).replace("an orange", "a orange")
        for thing in scene.things:
            assert thing.nouns[0] in said
            assert all(phrase in said for phrase in thing.accessories.values())


def test_things_alone_are_on_white():
    scene = sample(4, 0, framing=CATALOGUE)
    page = on_white(scene, SIZE)
    assert (page[[0, 0, -1, -1], [0, -1, 0, -1]] == 255).all() and (page < 200).any()
    if not scene.words.relation:
        np.testing.assert_array_equal(page, six_views(4, 0, SIZE).picture)


def test_what_is_wanted_is_what_the_text_encoder_says(objective):
    """All words of a caption that is short enough, then its last token again and again."""
    ids, mask = objective._tokenized(["a red dog"])
    wanted = objective._said(ids, mask)
    length = int(mask.sum())
    alone = objective.teacher.context(ids[:, :length], mask[:, :length])
    torch.testing.assert_close(wanted[:, :length], alone, rtol=1e-4, atol=1e-4)
    assert wanted.shape == (1, objective.net.config.tokens, 64)
    assert all(torch.equal(wanted[0, place], wanted[0, length - 1]) for place in range(length, 16))


def test_the_loss_is_zero_for_who_says_what_the_captions_say(objective):
    batch = objective.batch(np.random.default_rng(0), 6)
    generator = torch.Generator().manual_seed(0)
    said = objective._said(*batch[1:])
    assert objective.loss(lambda latents: said, batch, generator)[0] == 0
    assert objective.loss(lambda latents: said.flip(0), batch, generator)[0] > 0.01


def test_held_out_pictures_are_not_trained_on(objective):
    shown = torch.cat([objective.batch(np.random.default_rng(n), 20)[0] for n in range(5)])
    unseen = objective.data.take(np.arange(COUNT - HELD_OUT, COUNT))
    assert torch.cdist(shown.flatten(1), unseen.flatten(1)).min() > 1


def test_who_reads_right_is_measured_so(objective, tmp_path):
    rows = objective._held_out()
    said = objective._said(*objective._words(rows))

    class Told(LatentTokens):
        def forward(self, latents):
            return said

    right = Told(side=SIZE // 16, width=64, inner=32, layers=1)
    assert objective.publish(right, tmp_path) == {"kind": 1.0, "kind_and_colour": 1.0}
    assert (tmp_path / "multiview" / "image_encoder" / "config.json").is_file()


def test_the_sheet_shows_pictures_above_and_what_is_drawn_of_them_below(objective):
    assert objective.sheet(objective.net.eval()).size == (HELD_OUT * SIZE, 2 * SIZE)
