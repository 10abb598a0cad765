"""Writes mirror folders in the layouts of the published families, random weights inside.

At debug size all is as published but for the numbers of channels, layers and words.
"""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from safetensors.torch import load_file, save_file
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    CLIPConfig,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from perflow_demo.models import layouts
from perflow_demo.models.catalogue import REFINERS, WONDER3D
from perflow_demo.models.loaders import NETWORKS
from perflow_demo.models.stable_diffusion import SAFETY, SD15_DELTA

HALF = "fp16"
WIDTH = 32  # of the text encoders at debug size
SMALL_UNET = {
    "block_out_channels": [32, 64, 64, 64],
    "layers_per_block": 1,
    "cross_attention_dim": WIDTH,
}
SMALL_XL = {
    "block_out_channels": [32, 64, 64],
    "transformer_layers_per_block": [1, 1, 1],
    "attention_head_dim": [2, 4, 4],
    "cross_attention_dim": 2 * WIDTH,
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 6 * 8 + WIDTH,
}
SMALL_VAE = {"block_out_channels": [32, 32, 32, 32], "layers_per_block": 1}
SMALL_VISION = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "projection_dim": WIDTH,
}
SMALL_TEXT = {
    "vocab_size": 516,
    "hidden_size": WIDTH,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "projection_dim": WIDTH,
}
# UNet, autoencoder, text encoders and what small ones differ in, by the kind of family.
KINDS = {
    "sd15": (layouts.SD15_UNET, SMALL_UNET, layouts.VAE, [layouts.SD15_TEXT]),
    "sd21": (
        layouts.SD21_UNET,
        SMALL_UNET | {"attention_head_dim": [2, 4, 4, 4]},
        layouts.VAE,
        [layouts.SD21_TEXT],
    ),
    "sdxl": (
        layouts.SDXL_UNET,
        SMALL_UNET | SMALL_XL,
        layouts.SDXL_VAE,
        [layouts.SD15_TEXT, layouts.SDXL_TEXT_2],
    ),
}


def write_family(mirror: Path, name: str, kind: str, full: bool = False, variant: str = HALF):
    """Write the repository `name` (`org/name`) of one of KINDS below `mirror`; returns it."""
    unet, small, vae, texts = KINDS[kind]
    folder = mirror / name
    _write_network(folder / "unet", unet | ({} if full else small), variant)
    _write_network(folder / "vae", vae | ({} if full else SMALL_VAE), variant)
    for index, text in enumerate(texts, start=1):
        end = "" if index == 1 else f"_{index}"
        _write_text(folder / f"text_encoder{end}", text | ({} if full else SMALL_TEXT), variant)
        _write_tokenizer(folder / f"tokenizer{end}", padded_with_first=kind == "sd21")
    prediction = "v_prediction" if kind == "sd21" else "epsilon"
    schedule = layouts.SCHEDULE | {"prediction_type": prediction}
    _write_json(folder / "scheduler" / "scheduler_config.json", schedule)
    return folder


def write_delta(mirror: Path, full: bool = False) -> Path:
    """Write the repository of SD 1.5's ΔW: one file with its variant's name, at the top."""
    config = layouts.SD15_UNET | ({} if full else SMALL_UNET)
    folder = mirror / SD15_DELTA.name
    _write_json(folder / "config.json", config)
    with torch.device("meta"):
        network = UNet2DConditionModel.from_config(config)
    path = folder / f"diffusion_pytorch_model.{SD15_DELTA.variant}.safetensors"
    _write_random(path, network, scale=0.002)
    return folder


def write_views(mirror: Path, full: bool = False) -> Path:
    """Write the repository of Wonder3D."""
    folder = mirror / WONDER3D.repository.name
    unet = layouts.WONDER3D_UNET | ({} if full else SMALL_UNET)
    _write_network(folder / "unet", unet, HALF)
    _write_network(folder / "vae", layouts.VAE | ({} if full else SMALL_VAE), HALF)
    vision = layouts.CLIP_VISION | ({} if full else SMALL_VISION)
    _write_json(folder / "image_encoder" / "config.json", vision)
    with torch.device("meta"):
        tower = CLIPVisionModelWithProjection(CLIPVisionConfig.from_dict(vision))
    _write_random(folder / "image_encoder" / "model.safetensors", tower)
    sizes = {"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}}
    _write_json(folder / "feature_extractor" / "preprocessor_config.json", sizes)
    _write_json(folder / "scheduler" / "scheduler_config.json", layouts.SCHEDULE)
    return folder


def write_tile(mirror: Path, full: bool = False) -> Path:
    """Write the repository of ControlNet-tile: a pickle alone, as it is published."""
    folder = mirror / REFINERS["tile"].repository.name
    small = SMALL_UNET | {"conditioning_embedding_out_channels": [4, 8, 8, 16]}
    config = layouts.CONTROLNET | ({} if full else small)
    _write_network(folder, config, HALF)
    pickle_weights(folder)
    return folder


def pickle_weights(folder: Path) -> None:
    """Turn the weights below the folder into pickles, as old repositories have them alone."""
    for half in folder.rglob(f"*.{HALF}.safetensors"):
        stem = half.name.partition(".")[0].removeprefix("model")
        torch.save(load_file(half), half.with_name(f"{stem or 'pytorch_model'}.bin"))
        half.unlink()


def write_checker(mirror: Path, strict: bool) -> Path:
    """Write the safety checker at debug size; it finds every picture unfit, or none."""
    folder = mirror / SAFETY.repository.name
    vision = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1}
    vision |= {"num_attention_heads": 2, "image_size": 32, "patch_size": 16}
    config = {"model_type": "clip", "vision_config": vision, "projection_dim": 16}
    _write_json(folder / "config.json", config)
    sizes = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    _write_json(folder / "preprocessor_config.json", sizes)
    network = StableDiffusionSafetyChecker(CLIPConfig.from_dict(config))
    threshold = -2.0 if strict else 2.0  # of a cosine
    limits = {
        "concept_embeds_weights": torch.full((17,), threshold),
        "special_care_embeds_weights": torch.full((3,), 2.0),
    }
    _write_random(folder / "model.safetensors", network, _checker_s_name, more=limits)
    return folder


def _checker_s_name(key: str) -> str:
    return f"vision_model.{key}" if key.startswith("vision_model.") else key


def _write_network(folder: Path, config: dict, variant: str) -> None:
    _write_json(folder / "config.json", config)
    with torch.device("meta"):
        network = NETWORKS[config["_class_name"]].from_config(config)
    _write_random(folder / f"diffusion_pytorch_model.{variant}.safetensors", network)


def _write_text(folder: Path, config: dict, variant: str) -> None:
    _write_json(folder / "config.json", config)
    projected = config["architectures"] == ["CLIPTextModelWithProjection"]
    tower = CLIPTextModelWithProjection if projected else CLIPTextModel
    with torch.device("meta"):
        network = tower(CLIPTextConfig.from_dict(config))

    def published(key: str) -> str:
        return key if projected else f"text_model.{key}"

    counted = {"text_model.embeddings.position_ids": torch.arange(77).unsqueeze(0)}
    # Larger than usual, so that other words make another picture.
    file = folder / f"model.{variant}.safetensors"
    _write_random(file, network, published, scale=0.1, more=counted)


def _write_random(
    path: Path,
    network: torch.nn.Module,
    published: Callable[[str], str] = str,
    scale: float = 0.02,
    more: dict | None = None,
) -> None:
    generator = torch.Generator().manual_seed(len(path.name))
    tensors = {
        published(key): torch.empty(weight.shape, dtype=torch.float16).normal_(
            0, scale, generator=generator
        )
        for key, weight in network.state_dict().items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors | (more or {}), path)


def _write_tokenizer(folder: Path, padded_with_first: bool) -> None:
    """padded_with_first: as SD 2 is, which only its file of special tokens says."""
    letters = sorted(ByteLevel.alphabet())
    words = [*letters, *(f"{letter}</w>" for letter in letters)]
    words += ["do", "dog</w>", "<|startoftext|>", "<|endoftext|>"]
    _write_json(folder / "vocab.json", {word: index for index, word in enumerate(words)})
    (folder / "merges.txt").write_text("#version: 0.2\nd o\ndo g</w>\n")
    end = {"content": "<|endoftext|>", "lstrip": False, "__type": "AddedToken"}
    settings = {"model_max_length": 77, "bos_token": "<|startoftext|>", "eos_token": end}
    _write_json(folder / "tokenizer_config.json", settings | {"pad_token": "<|endoftext|>"})
    if padded_with_first:
        _write_json(folder / "special_tokens_map.json", {"pad_token": "!"})


def _write_json(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
