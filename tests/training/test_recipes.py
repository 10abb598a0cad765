"""Every recipe in miniature through the command line, in turn, into a family that loads."""

import json
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from typer import Typer
from typer.testing import CliRunner

from perflow_demo.flow import expand_delta
from perflow_demo.models import loaders, merging, words
from perflow_demo.models.catalogue import (
    MULTIVIEW,
    POCKET,
    POCKET_JUDGE,
    REFINERS,
    SOLIDS,
    available,
    has_solid,
)
from perflow_demo.models.sources import Folder
from perflow_demo.models.stored import read_tensors
from perflow_demo.models.triposr import load_solid
from perflow_demo.nets import PocketAutoencoder
from perflow_demo.training.__main__ import main
from perflow_demo.training.loop import compile_blocks
from perflow_demo.training.new_tsr import build_tsr
from perflow_demo.training.publish import earlier_legs, write_card
from perflow_demo.training.recipes import RECIPES, recipe
from perflow_demo.training.workshop import Workshop

EMBEDDINGS = "embeddings.word_embeddings.weight"
program = Typer()
program.command()(main)


def training(root: Path, *arguments: str):
    places = ("--runs", str(root / "runs"), "--assets", str(root / "pocket"))
    return CliRunner().invoke(program, [*arguments, "--debug", *places], catch_exceptions=False)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, minilm) -> Path:
    """A folder in which every recipe was trained and published, in the order of the table."""
    root = tmp_path_factory.mktemp("workshop")
    for name in RECIPES:
        assert training(root, name).exit_code == 0
        published = training(root, name, "--publish")
        assert published.exit_code == 0
        assert "should be kept in float32" not in published.output
        if name == "autoencoder":
            copytree(root / "pocket" / "vae", root / "first-vae")
        if name == "text":
            text = load_file(root / "pocket" / "text_encoder" / "model.safetensors")
            torch.save(text[EMBEDDINGS], root / "meanings")
    return root


@pytest.fixture
def pocket(workshop) -> Folder:
    return Folder(workshop / "pocket")


def test_runs_leave_a_log_a_sheet_and_a_checkpoint(workshop):
    for name in RECIPES:
        folder = workshop / "runs" / f"{name}-debug"
        rows = [json.loads(row) for row in (folder / "log.jsonl").read_text().splitlines()]
        assert rows[-1]["step"] == 4 and rows[-1]["loss"] == rows[-1]["loss"]
        assert (folder / "step-0000004.png").is_file() and (folder / "checkpoint").is_dir()


def test_the_family_loads_strictly(pocket):
    family = available(POCKET, pocket)
    assert family.styles == POCKET.styles
    float32 = torch.float32
    tokenizer = words.load_tokenizer(family.tokenizer, pocket)
    text = words.load_text_encoder(family.text_encoder, pocket, float32)
    vae = loaders.load_network(family.vae, pocket, float32)
    deltas = (family.styles[0].component, family.delta)
    additions = [merging.Addition(delta, 1.0, pocket) for delta in deltas]
    unet, _ = merging.load_unet(family.unet, additions, pocket, float32)
    ids = tokenizer(["a red dog"], return_tensors="pt").input_ids
    with torch.no_grad():
        latents = vae.encode(torch.zeros(1, 3, 64, 64)).latents
        said = unet(latents, 500, text(input_ids=ids).last_hidden_state).sample
        assert vae.decode(said).sample.shape == (1, 3, 64, 64)
    assert said.shape == (1, unet.config.in_channels, 4, 4) and torch.isfinite(said).all()


@torch.no_grad()
def test_the_refiner_borrows_the_family_and_loads_strictly(pocket):
    tile = loaders.load_network(REFINERS["pocket"].controlnet, pocket, torch.float32)
    unet = loaders.load_network(POCKET.unet, pocket, torch.float32)
    latents, words = torch.ones(1, unet.config.in_channels, 8, 8), torch.ones(1, 4, 64)
    down, middle = tile(latents, 500, words, torch.ones_like(latents), return_dict=False)
    plain = unet(latents, 500, words).sample
    told = {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
    said = unet(latents, 500, words, **told).sample
    assert torch.isfinite(said).all() and not torch.equal(said, plain)


def test_the_3d_network_loads_strictly(pocket):
    model = SOLIDS["pocket"]
    assert has_solid(model, pocket)
    network = load_solid(model.network, pocket, torch.float32)
    with torch.no_grad():
        code = network.scene_codes(torch.rand(1, network.image_size, network.image_size, 3))
    assert torch.isfinite(code).all()
    assert sum(p.numel() for p in network.parameters()) == sum(
        p.numel() for p in build_tsr(8, debug=True).parameters()
    )


def test_the_schedule_is_the_teachers(pocket):
    config = loaders.load_scheduler_config(POCKET.scheduler, pocket)
    assert (config["prediction_type"], config["beta_schedule"]) == ("v_prediction", "scaled_linear")
    assert (config["beta_start"], config["beta_end"]) == (0.00085, 0.02)


def test_weights_are_stored_in_half_precision_or_packed_in_eight_bits(workshop):
    folder = workshop / "pocket"
    files = list(folder.rglob("*.safetensors"))
    assert len(files) == 12
    views = MULTIVIEW["pocket"]
    parts = (POCKET.unet, POCKET.delta, POCKET_JUDGE, views.unet, views.image_encoder)
    parts += (REFINERS["pocket"].controlnet,)
    small_ones = [folder / part.weights for part in parts]
    for file in files:
        small = file in small_ones
        dtypes = {t.dtype for t in load_file(file).values() if t.is_floating_point() or t.ndim > 1}
        packing = {torch.int8, torch.float16, torch.float32}  # the scales
        assert dtypes == (packing if small else {torch.float16}), file


def test_differences_are_what_was_trained(workshop):
    """Neither nothing nor a whole network: small beside the weights they are added to."""
    folder = workshop / "pocket"
    unet = read_tensors(folder / POCKET.unet.weights, torch.float32)
    parts = [POCKET.delta, *(style.component for style in POCKET.styles)]
    for part in parts:
        delta = expand_delta(read_tensors(folder / part.weights, torch.float32))
        assert {key: t.shape for key, t in delta.items()} == {k: t.shape for k, t in unet.items()}
        change = torch.cat([tensor.flatten() for tensor in delta.values()]).norm()
        size = torch.cat([tensor.float().flatten() for tensor in unet.values()]).norm()
        assert 0 < change < 0.1 * size


def test_a_new_run_of_the_teacher_goes_on_from_the_published_one(workshop):
    at = Workshop(workshop / "runs" / "data", workshop / "pocket", debug=True)
    started = recipe("teacher", at).objective().net.unet.state_dict()
    file = workshop / "pocket" / POCKET.unet.weights
    for key, weight in read_tensors(file, torch.float32).items():
        assert torch.equal(started[key], weight), key


def test_a_new_run_of_the_acceleration_goes_on_from_the_published_one(workshop):
    at = Workshop(workshop / "runs" / "data", workshop / "pocket", debug=True)
    objective = recipe("perflow", at).objective()
    started, teacher = objective.net.state_dict(), objective.teacher.unet.state_dict()
    file = workshop / "pocket" / POCKET.delta.weights
    for key, change in read_tensors(file, torch.float32).items():
        torch.testing.assert_close(started[key] - teacher[key], change, atol=1e-6, rtol=0)


def test_later_training_leaves_word_meanings_frozen(workshop):
    text = load_file(workshop / "pocket" / POCKET.text_encoder.weights)
    assert torch.equal(text[EMBEDDINGS], torch.load(workshop / "meanings"))


def test_latents_are_normalised_by_the_published_statistics(workshop):
    at = Workshop(workshop / "runs" / "data", workshop / "pocket", debug=True)
    taken = []
    for size in (256, 512):
        latents = at.latents(at.pictures(size))
        every = latents.take(np.arange(len(latents)))
        taken.append(every.transpose(0, 1).flatten(1))
    values = torch.cat(taken, 1)
    assert values.mean(1).abs().max() < 0.1
    assert abs(values.var(1).mean() - 1) < 0.1


def test_a_better_decoder_leaves_latents_as_they_are(workshop):
    folders = workshop / "first-vae", workshop / "pocket" / "vae"
    first, later = (PocketAutoencoder.from_pretrained(folder) for folder in folders)
    pixels = torch.rand(1, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        latents = first.encode(pixels).latents
        assert torch.equal(later.encode(pixels).latents, latents)
        assert not torch.equal(later.decode(latents).sample, first.decode(latents).sample)


def test_the_judge_keeps_its_class_names(pocket):
    judge = loaders.load_network(POCKET_JUDGE, pocket, torch.float32)
    verdict = judge(torch.zeros(2, 3, 128, 128))
    assert verdict.kind.shape == (2, len(judge.config.kinds))
    assert verdict.colour.shape == (2, len(judge.config.colours))
    assert verdict.accessories.shape == (2, len(judge.config.accessories))


def test_the_card_tells_how_each_part_was_made(workshop):
    card = json.loads((workshop / "pocket" / "card.json").read_text())
    assert set(card) >= set(RECIPES)
    for name in RECIPES:
        assert card[name]["step"] == 4
        assert card[name]["lr"] == recipe(name, Workshop(workshop, workshop)).lr
    assert {"psnr_64", "psnr_128"} <= set(card["autoencoder"])
    assert {"kind", "colour", "accessories"} <= set(card["judge"])
    assert {"iou", "f_score", "watertight"} <= set(card["triplane"])
    assert {"iou_in_place", "iou_elsewhere"} <= set(card["foreground"])
    assert card["teacher"]["loss_150_at_128"] > 0 and 0 < card["teacher"]["loss_900_at_64"] < 4
    assert {"psnr", "iou", "degrees"} <= set(card["multiview"])
    assert {"kind", "kind_and_colour"} <= set(card["reading"])
    assert {"psnr", "psnr_lanczos"} <= set(card["tile"])


def test_a_run_that_goes_on_adds_to_what_the_card_says(tmp_path):
    assert earlier_legs(tmp_path, "judge") == {}
    write_card(tmp_path, "judge", {"step": 40, "seconds": 30.0, "batch": 2})
    assert earlier_legs(tmp_path, "judge") == {"earlier_step": 40, "earlier_seconds": 30.0}
    facts = {"step": 5, "seconds": 4.0, "batch": 2} | earlier_legs(tmp_path, "judge")
    write_card(tmp_path, "judge", facts)
    assert earlier_legs(tmp_path, "judge") == {"earlier_step": 45, "earlier_seconds": 34.0}


def test_a_run_that_goes_on_has_data_and_noise_of_its_own(workshop, tmp_path):
    copytree(workshop / "pocket", tmp_path / "pocket")
    copytree(workshop / "runs" / "data", tmp_path / "runs" / "data")
    assert training(tmp_path, "judge").exit_code == 0
    assert training(tmp_path, "judge", "--publish").exit_code == 0
    first, later = (
        json.loads((root / "pocket" / "card.json").read_text())["judge"]
        for root in (workshop, tmp_path)
    )
    assert (first["seed"], later["seed"], later["earlier_step"]) == (0, 4, 4)


def test_a_run_ends_where_what_it_stands_on_is_replaced(workshop, tmp_path):
    copytree(workshop / "pocket", tmp_path / "pocket")
    copytree(workshop / "runs", tmp_path / "runs")
    assert training(tmp_path, "perflow", "--publish").exit_code == 0
    file = tmp_path / "pocket" / POCKET.unet.weights
    save_file({key: tensor * 1 for key, tensor in load_file(file).items()}, file)
    assert training(tmp_path, "perflow", "--publish").exit_code == 0  # the same weights again
    weights = load_file(file)
    weights["conv_in.bias"] += 1
    save_file(weights, file)
    for options in ([], ["--publish"]):
        refused = training(tmp_path, "perflow", *options)
        assert refused.exit_code == 2 and "another unet" in refused.output
    assert training(tmp_path, "judge", "--publish").exit_code == 0


def test_an_unknown_recipe_is_refused_with_those_that_exist(tmp_path):
    refused = training(tmp_path, "wizard")
    assert refused.exit_code == 2 and "no recipe" in refused.output


def test_publishing_before_training_is_refused(tmp_path):
    refused = training(tmp_path, "autoencoder", "--publish")
    assert refused.exit_code == 2 and "no checkpoint" in refused.output
    assert not (tmp_path / "pocket").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["autoencoder", "judge", "multiview", "teacher", "tile"])
def test_compiled_blocks_have_the_gradients_of_plain_ones(workshop, name):
    made = RECIPES[name](Workshop(workshop / "runs" / "data", workshop / "pocket", debug=True))
    objective = made.objective()
    net = objective.net
    batch = objective.batch(np.random.default_rng(0), 2)

    def gradients() -> dict[str, torch.Tensor]:
        net.zero_grad()
        torch.manual_seed(0)
        loss, _ = objective.loss(net, batch, torch.Generator().manual_seed(0))
        loss.backward()
        found = net.named_parameters()
        return {key: value.grad.clone() for key, value in found if value.grad is not None}

    plain = gradients()
    assert made.compile
    compile_blocks(net, made.compile)
    compiled = gradients()
    assert plain.keys() == compiled.keys()
    for key, expected in plain.items():
        torch.testing.assert_close(compiled[key], expected, rtol=1e-2, atol=1e-5, msg=key)
