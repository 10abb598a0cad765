"""The sampler inside real diffusers pipelines, with tiny random networks."""

import logging

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from perflow_demo.flow import PeRFlowScheduler


def tiny_components():
    torch.manual_seed(0)
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(letter + "</w>" for letter in letters)]
    tokenizer = CLIPTokenizer(
        vocab={word: index for index, word in enumerate(words)}, merges=[], model_max_length=16
    )
    text_config = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=16,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=4,
    )
    vae = AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=16,
    )
    return {
        "vae": vae,
        "text_encoder": CLIPTextModel(text_config),
        "tokenizer": tokenizer,
        "unet": unet,
        "scheduler": PeRFlowScheduler(),
        "safety_checker": None,
        "feature_extractor": None,
    }


def build(pipeline_class, components):
    pipe = pipeline_class(**components, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def components():
    return tiny_components()


def text_to_latents(pipe, steps, **arguments):
    return pipe(
        "a dog",
        num_inference_steps=steps,
        guidance_scale=4.5,
        height=16,
        width=16,
        generator=torch.Generator().manual_seed(3),
        output_type="latent",
        **arguments,
    ).images


def recorded_timesteps(pipe):
    """The list that every call of the pipeline's UNet appends its timestep to."""
    seen = []
    pipe.unet.register_forward_pre_hook(lambda module, inputs: seen.append(int(inputs[1])))
    return seen


def test_text_to_image_runs_step_by_step(components):
    pipe = build(StableDiffusionPipeline, components)
    previews = []

    def collect(pipe, index, timestep, tensors):
        previews.append(pipe.scheduler.preview)
        return tensors

    seen = recorded_timesteps(pipe)
    latents = text_to_latents(pipe, 6, callback_on_step_end=collect)
    assert seen == [1000, 875, 750, 625, 500, 250]
    assert len(previews) == 6
    assert torch.equal(previews[-1], latents)
    assert latents.isfinite().all()


def test_a_pipeline_equals_the_plain_loop(components):
    pipe = build(StableDiffusionPipeline, components)
    positive, negative = pipe.encode_prompt("a dog", "cpu", 1, True)
    scheduler = PeRFlowScheduler()
    scheduler.set_timesteps(5)
    sample = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        for timestep in scheduler.timesteps.tolist():
            output = pipe.unet(sample.repeat(2, 1, 1, 1), timestep, torch.cat([negative, positive]))
            without, with_prompt = output.sample.chunk(2)
            output = without + 4.5 * (with_prompt - without)
            sample = scheduler.step(output, timestep, sample).prev_sample
    torch.testing.assert_close(text_to_latents(pipe, 5), sample, rtol=1e-4, atol=1e-4)


def test_too_few_steps_still_run_in_a_pipeline(components, caplog):
    pipe = build(StableDiffusionPipeline, components)
    with caplog.at_level(logging.WARNING, logger="perflow_demo"):
        one = text_to_latents(pipe, 1)
    assert pipe.scheduler.num_inference_steps == 4
    assert torch.equal(one, text_to_latents(pipe, 4))


def test_an_interrupted_run_leaves_no_trace(components):
    pipe = build(StableDiffusionPipeline, components)
    whole = text_to_latents(pipe, 4)

    def stop(pipe, index, timestep, tensors):
        pipe._interrupt = index == 1
        return tensors

    assert not torch.equal(text_to_latents(pipe, 4, callback_on_step_end=stop), whole)
    assert torch.equal(text_to_latents(pipe, 4), whole)


@pytest.mark.parametrize(("strength", "calls"), [(1.0, 8), (0.5, 4), (0.3, 2)])
def test_image_to_image_begins_where_the_strength_says(components, strength, calls):
    pipe = build(StableDiffusionImg2ImgPipeline, components)
    seen = recorded_timesteps(pipe)
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(5))
    images = pipe(
        "a dog",
        image=image,
        strength=strength,
        num_inference_steps=8,
        guidance_scale=4.5,
        generator=torch.Generator().manual_seed(3),
        output_type="pt",
    ).images
    assert seen == [1000, 875, 750, 625, 500, 375, 250, 125][8 - calls :]
    assert pipe.scheduler.begin_index == 8 - calls
    assert images.shape == (1, 3, 16, 16)
    assert images.isfinite().all()


def test_weak_image_to_image_keeps_the_image():
    """With a network that knows the noise, the noised latents return to where they came from."""
    scheduler = PeRFlowScheduler()
    scheduler.set_timesteps(8)
    scheduler.set_begin_index(7)
    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 1, 4, 8, 8, generator=generator)
    sample = scheduler.add_noise(clean, noise, scheduler.timesteps[7:8])
    result = scheduler.step(noise, scheduler.timesteps[7], sample).prev_sample
    before = (sample - clean).norm()
    assert (result - clean).norm() < 0.25 * before


def test_a_saved_pipeline_loads_with_its_scheduler(components, tmp_path):
    pipe = build(StableDiffusionPipeline, components)
    expected = text_to_latents(pipe, 4)
    pipe.save_pretrained(tmp_path)
    loaded = StableDiffusionPipeline.from_pretrained(tmp_path)
    loaded.set_progress_bar_config(disable=True)
    assert isinstance(loaded.scheduler, PeRFlowScheduler)
    assert torch.equal(text_to_latents(loaded, 4), expected)
