"""Shards and latents on disk are what was rendered and encoded."""

import numpy as np
import pytest
import torch

from perflow_demo.nets import PocketAutoencoder
from perflow_demo.training.latents import Latents, encoded
from perflow_demo.training.objectives.autoencoder import to_tensor
from perflow_demo.training.publish import write_module
from perflow_demo.training.toyworld import shards
from perflow_demo.training.toyworld.scene import sample
from perflow_demo.training.toyworld.shards import Pictures, render_shards

COUNT, SIZE, SEED = 5, 32, 11


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five pictures in shards of two, the last one partial."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD", 2)
        place = tmp_path_factory.mktemp("shards")
        render_shards(place, SEED, COUNT, SIZE)
        yield place


def test_shards_hold_the_samples_in_order(folder):
    pictures = Pictures(folder)
    assert len(pictures) == COUNT
    assert len(list(folder.glob("*.npy"))) == 3
    for index in (0, 3, 4):
        scene = sample(SEED, index)
        np.testing.assert_array_equal(pictures[index], scene.render(SIZE).colour)
        assert pictures.words[index] == scene.words


def test_shards_that_are_there_are_kept(folder):
    kept, lost = folder / "0000002.npy", folder / "0000000.npy"
    before = kept.stat().st_mtime_ns, lost.read_bytes()
    lost.unlink()
    lost.with_suffix(".json").unlink()
    render_shards(folder, SEED, COUNT, SIZE)
    assert (kept.stat().st_mtime_ns, lost.read_bytes()) == before


def test_a_shard_without_its_words_is_unfinished_and_rendered_again(folder):
    broken = folder / "0000004.npy"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:100])
    broken.with_suffix(".json").unlink()
    render_shards(folder, SEED, COUNT, SIZE)
    assert broken.read_bytes() == whole


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="No shards"):
        Pictures(tmp_path)


@pytest.fixture(scope="module")
def autoencoder():
    torch.manual_seed(0)
    return PocketAutoencoder(
        channels=(8, 8, 16), encoder_blocks=(1, 1, 1), decoder_blocks=(1, 1, 1)
    ).eval()


def test_latents_are_the_pictures_encoded(folder, autoencoder, tmp_path):
    pictures = Pictures(folder)
    write_module(autoencoder, tmp_path / "vae")
    latents = encoded(folder, tmp_path / "vae", tmp_path)
    assert (len(latents), latents.pixels) == (COUNT, SIZE)
    assert latents.words == pictures.words
    pixels = to_tensor(np.stack([pictures[i] for i in range(COUNT)]))
    with torch.no_grad():
        wanted = autoencoder.encode(pixels).latents
    rows = np.arange(COUNT)[::-1].copy()
    errors = (latents.take(rows) - wanted.flip(0)).abs()
    assert errors.max() < 0.03 * wanted.abs().max()  # bf16
    corner = latents.crops(rows[:1], np.array([[1, 0]]), side=1)
    torch.testing.assert_close(corner[0], latents.take(rows[:1])[0, :, 1:2, :1])


def test_latents_are_cached_for_one_autoencoder_only(folder, autoencoder, tmp_path):
    write_module(autoencoder, tmp_path / "vae")
    encoded(folder, tmp_path / "vae", tmp_path)
    first = set(tmp_path.glob("latents-*"))
    encoded(folder, tmp_path / "vae", tmp_path)
    assert set(tmp_path.glob("latents-*")) == first
    other = PocketAutoencoder.from_config(autoencoder.config)
    write_module(other, tmp_path / "vae")
    assert isinstance(encoded(folder, tmp_path / "vae", tmp_path), Latents)
    assert len(set(tmp_path.glob("latents-*"))) == len(first) + 1


def test_more_pictures_than_were_encoded_are_encoded_anew(autoencoder, tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "SHARD", 2)
    write_module(autoencoder, tmp_path / "vae")
    for count in (2, 3):
        render_shards(tmp_path / "grown", SEED, count, SIZE)
        assert len(encoded(tmp_path / "grown", tmp_path / "vae", tmp_path)) == count
