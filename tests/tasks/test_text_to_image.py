"""Text to image on a family of debug size: repeatable, stoppable, honest about what was run."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from perflow_demo.errors import BadRequest, Cancelled, LoadError
from perflow_demo.models.catalogue import POCKET
from perflow_demo.registry import Registry
from perflow_demo.registry.placement import Placement
from perflow_demo.settings import Settings
from perflow_demo.tasks.contract import Loading, Step
from perflow_demo.tasks.text_to_image import (
    MAX_SEED,
    TextToImageRequest,
    TextToImageResult,
    resolve,
    run,
    stream,
)


@pytest.fixture(scope="module")
def registry(assets):
    """Lends in float32, where a batch and a single picture agree to rounding."""
    registry = Registry(Settings(assets=assets, device="cpu"))
    registry.placement = Placement(torch.device("cpu"), torch.float32)
    return registry


def ask(prompt="a red dog", **values) -> TextToImageRequest:
    return TextToImageRequest(prompt=prompt, **{"seed": 7, "size": 256} | values)


def pixels(picture) -> np.ndarray:
    return np.asarray(picture).astype(int)


def leases(registry) -> int:
    return sum(entry.leases for entry in registry.status().entries)


def test_a_seed_draws_the_same_picture_again(registry):
    first, again, other = (run(ask(seed=seed), registry) for seed in (7, 7, 8))
    assert np.array_equal(pixels(first.pictures[0]), pixels(again.pictures[0]))
    assert np.abs(pixels(first.pictures[0]) - pixels(other.pictures[0])).max() > 8
    assert first.pictures[0].size == (256, 256)


@pytest.mark.parametrize("acceleration", ["perflow", "teacher"])
def test_a_seed_draws_the_same_picture_in_any_batch(registry, acceleration):
    batch = run(ask(count=3, acceleration=acceleration, steps=4), registry)
    assert batch.seeds == (7, 8, 9)
    for index, picture in enumerate(batch.pictures):
        alone = run(batch.recipe(index), registry)
        assert alone.seeds == (7 + index,)
        assert np.abs(pixels(picture) - pixels(alone.pictures[0])).max() <= 1


@pytest.mark.parametrize("style", [None, "cel"])
@pytest.mark.parametrize("guidance_scale", [1.0, 4.5])
@pytest.mark.parametrize(("acceleration", "steps"), [("perflow", 5), ("teacher", 6)])
def test_the_picture_is_that_of_diffusers_own_pipeline(
    registry, style, guidance_scale, acceleration, steps
):
    values = {"style": style, "guidance_scale": guidance_scale, "steps": steps}
    ours = run(ask(negative_prompt="a car", acceleration=acceleration, **values), registry)
    strength = 1.0 if acceleration == "perflow" else 0.0
    with registry.lease("pocket", style, strength) as pipeline:
        theirs = pipeline(
            "a red dog",
            negative_prompt="a car",
            height=256,
            width=256,
            num_inference_steps=steps,
            guidance_scale=guidance_scale,
            generator=[torch.Generator().manual_seed(7)],
        ).images[0]
    assert np.abs(pixels(ours.pictures[0]) - pixels(theirs)).max() <= 1


def test_every_setting_changes_the_picture(registry):
    usual = pixels(run(ask(), registry).pictures[0])
    changes = [
        {"prompt": "a blue car"},
        {"negative_prompt": "a red dog"},
        {"style": "pencil"},
        {"acceleration": "teacher"},
        {"steps": 6},
        {"guidance_scale": 9},
        {"steps": 1, "windows": 1},
    ]
    for change in changes:
        assert np.abs(pixels(run(ask(**change), registry).pictures[0]) - usual).max() > 0, change


def test_a_run_tells_what_it_loads_and_shows_each_step(registry):
    registry.unload()
    *events, result = stream(ask(steps=6), registry)
    loading = [event for event in events if isinstance(event, Loading) and event.bytes_total]
    assert [e.component for e in loading if e.bytes_done == e.bytes_total] == [
        "tokenizer",
        "text encoder",
        "autoencoder",
        "UNet",
    ]
    steps = [event for event in events if isinstance(event, Step)]
    assert [(step.number, step.of) for step in steps] == [(n, 6) for n in range(1, 7)]
    assert [step.start for step in steps] == [1, 1, 0.75, 0.75, 0.5, 0.25]
    assert all(step.frame.picture.size == (256, 256) for step in steps)
    assert isinstance(result, TextToImageResult)
    assert [(frame.start, frame.end) for frame in result.film] == [
        (1, 0.75),
        (0.75, 0.5),
        (0.5, 0.25),
        (0.25, 0),
    ]
    assert result.film[0] is steps[1].frame
    assert result.film[3] is steps[5].frame
    assert min(result.timings.load, result.timings.denoise, result.timings.preview) > 0


def test_the_last_frame_shows_the_picture_and_no_other(registry):
    results = [run(ask(seed=seed), registry, previews=True) for seed in (1, 2, 3)]
    frames, pictures = (
        [np.asarray(picture.resize((16, 16), Image.Resampling.BOX), float).ravel() for picture in p]
        for p in ([r.film[-1].picture for r in results], [r.pictures[0] for r in results])
    )
    likeness = np.corrcoef(frames, pictures)[:3, 3:]
    assert likeness.argmax(axis=1).tolist() == [0, 1, 2]


def test_previews_change_nothing_and_can_be_left_out(registry):
    *events, bare = stream(ask(), registry, previews=False)
    shown = run(ask(), registry, previews=True)
    assert all(event.frame is None for event in events if isinstance(event, Step))
    assert bare.film == ()
    assert bare.timings.preview == 0
    assert np.array_equal(pixels(bare.pictures[0]), pixels(shown.pictures[0]))


@pytest.mark.parametrize("windows", [1, 2, 4])
def test_the_calls_really_made_are_reported(registry, windows):
    *events, result = stream(ask(steps=1, windows=windows), registry)
    assert sum(isinstance(event, Step) for event in events) == windows
    assert result.request.steps == windows
    assert len(result.film) == windows
    told = [note for note in result.notes if f"1 asked for, {windows} made" in note]
    assert len(told) == (windows > 1)


def test_the_teacher_makes_as_few_calls_as_asked(registry):
    *events, result = stream(ask(steps=2, acceleration="teacher"), registry)
    assert sum(isinstance(event, Step) for event in events) == 2
    assert (result.request.steps, result.request.windows, result.notes) == (2, None, ())


def test_the_result_leaves_nothing_to_a_default(registry):
    asked = TextToImageRequest(prompt="a cat", size=256)
    result = run(asked, registry)
    request = result.request
    assert None not in request.model_dump(exclude={"style", "delta", "lora"}).values()
    assert (request.steps, request.guidance_scale, request.windows) == (4, 4.5, 4)
    assert 0 <= request.seed <= MAX_SEED
    assert run(asked, registry).request.seed != request.seed
    again = run(request, registry)
    assert np.array_equal(pixels(again.pictures[0]), pixels(result.pictures[0]))
    teacher, _ = resolve(TextToImageRequest(prompt="a cat", acceleration="teacher"), POCKET)
    assert (teacher.steps, teacher.windows, teacher.size) == (25, None, POCKET.defaults.size)


def test_words_beyond_the_tokenizer_s_length_are_named_and_do_nothing(registry):
    words = " ".join(["a red dog"] * 15 + ["a"])  # 46 tokens, with [CLS] and [SEP] 48
    fits = run(ask(words), registry)
    longer = run(ask(f"{words} blue Hat, Car", negative_prompt=f"{words} cat"), registry)
    assert fits.notes == ()
    assert [note.split(":")[0] for note in longer.notes] == ["Prompt", "Negative prompt"]
    assert "48 tokens" in longer.notes[0]
    assert longer.notes[0].endswith("“blue Hat, Car”")
    same = run(ask(words, negative_prompt=words), registry)
    assert np.array_equal(pixels(same.pictures[0]), pixels(longer.pictures[0]))
    assert longer.request.prompt.endswith("Car")


def test_words_that_the_family_never_learnt_are_named(own_assets):
    (own_assets / "pocket" / POCKET.vocabulary).write_text("a\nred\ndog\nand\n")
    registry = Registry(Settings(assets=own_assets, device="cpu"))
    assert run(ask(), registry).notes == ()
    (note,) = run(ask("a red zeppelin, an aeroplane and a kite"), registry).notes
    assert note.startswith("Pocket never learnt “zeppelin”, “aeroplane” and “kite”; ")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"size": 300}, "Size has to be 256 or 512 with Pocket, not 300."),
        ({"count": 9}, "Count has to be a whole number from 1 to 8 with Pocket, not 9."),
        ({"seed": MAX_SEED, "count": 2}, f"Seed has to be at most {MAX_SEED - 1} for 2 pictures."),
        ({"style": "cubist"}, "Pocket has no style 'cubist' here; choose cel or pencil."),
    ],
)
def test_what_the_family_does_not_offer_is_refused_in_one_sentence(registry, values, sentence):
    with pytest.raises(BadRequest) as caught:
        run(ask(**values), registry)
    assert str(caught.value) == sentence
    assert leases(registry) == 0


def test_an_unknown_family_is_answered_with_the_known_ones(registry):
    with pytest.raises(BadRequest, match="no family 'sd99'; choose pocket or sd15-dreamshaper"):
        run(ask(family="sd99"), registry)


def test_the_limits_are_the_family_s(registry):
    wide = replace(POCKET, sizes=(256, 1024), max_count=16)
    assert resolve(ask(size=1024, count=16), wide)[0].size == 1024


def test_a_closed_run_stops_and_the_next_one_works(registry):
    before = run(ask(), registry)
    events = stream(ask(), registry)
    step = next(event for event in events if isinstance(event, Step))
    assert (step.number, leases(registry)) == (1, 2)
    events.close()
    assert leases(registry) == 0
    after = run(ask(), registry)
    assert np.array_equal(pixels(before.pictures[0]), pixels(after.pictures[0]))


def test_a_listener_can_stop_the_run(registry):
    steps = []

    def stop_after_two(event):
        if isinstance(event, Step):
            steps.append(event.number)
        if len(steps) == 2:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        run(ask(), registry, stop_after_two)
    assert steps == [1, 2]
    assert leases(registry) == 0


def test_a_run_closed_while_it_loads_leaves_nothing_half_resident(assets):
    registry = Registry(Settings(assets=assets, device="cpu"))
    events = stream(ask(), registry)
    next(event for event in events if isinstance(event, Loading) and event.bytes_total)
    events.close()
    assert leases(registry) == 0
    assert len(run(ask(), registry).pictures) == 1


def test_a_run_that_is_never_begun_borrows_nothing(assets):
    registry = Registry(Settings(assets=assets, device="cpu"))
    stream(ask(), registry).close()
    assert registry.status().entries == ()


def test_events_may_be_fetched_by_different_threads(registry):
    here = run(ask(), registry)
    events, result = stream(ask(), registry), None
    while not isinstance(result, TextToImageResult):
        with ThreadPoolExecutor(1) as thread:
            result = thread.submit(next, events).result()
    assert np.array_equal(pixels(here.pictures[0]), pixels(result.pictures[0]))
    assert torch.ones(1, requires_grad=True).sum().requires_grad


def test_runs_side_by_side_do_not_disturb_each_other(registry):
    requests = [ask(seed=seed, steps=4 + seed) for seed in range(4)]
    alone = [pixels(run(request, registry).pictures[0]) for request in requests]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda request: run(request, registry), requests))
    for expected, result in zip(alone, together, strict=True):
        assert np.abs(expected - pixels(result.pictures[0])).max() <= 1


def test_a_faulty_file_is_named_and_the_run_works_once_it_is_whole(own_assets):
    registry = Registry(Settings(assets=own_assets, device="cpu"))
    weights = own_assets / "pocket/unet/diffusion_pytorch_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:500])
    with pytest.raises(LoadError, match="unet"):
        run(ask(), registry)
    weights.write_bytes(whole)
    assert len(run(ask(), registry).pictures) == 1


def test_the_tasks_are_listed_without_torch():
    program = (
        "import sys; import perflow_demo.tasks.table, perflow_demo.export.png, perflow_demo.cli; "
        "print(sorted({'torch', 'diffusers', 'gradio'} & set(sys.modules)))"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert finished.stdout.strip() == "[]", finished.stderr


def test_without_any_delta_the_recipe_says_so():
    _, notes = resolve(TextToImageRequest(prompt="a dog", strength=0), POCKET)
    assert "plain model" in notes[0]
    _, notes = resolve(TextToImageRequest(prompt="a dog", strength=0.5), POCKET)
    assert notes == []
