"""Writes a checkpoint in one file, with the names of the original Stable Diffusion code."""

import re
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

from perflow_demo.models import layouts
from perflow_demo.models.single_file import CONFIGS, TEXT
from perflow_demo.models.stable_diffusion import SD15

UNET = layouts.SD15_UNET | {"block_out_channels": [32, 64, 64, 64], "cross_attention_dim": 64}
VAE = layouts.VAE | {"block_out_channels": [32, 32, 32, 32]}
WORDS = layouts.SD15_TEXT | {
    "vocab_size": 514,
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}
SMALL = CONFIGS | {
    SD15.unet.config: UNET,
    SD15.vae.config: VAE,
    SD15.text_encoder.config: WORDS,
}
PARTS = (
    ("norm1", "in_layers.0"),
    ("conv1", "in_layers.2"),
    ("time_emb_proj", "emb_layers.1"),
    ("norm2", "out_layers.0"),
    ("conv2", "out_layers.3"),
    ("conv_shortcut", "skip_connection"),
)
FIXED = {
    "conv_in.": "input_blocks.0.0.",
    "time_embedding.linear_1.": "time_embed.0.",
    "time_embedding.linear_2.": "time_embed.2.",
    "conv_norm_out.": "out.0.",
    "conv_out.": "out.2.",
}
ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def write_single_file(path: Path) -> tuple[dict, dict, dict]:
    """Write it at debug size; returns the weights of UNet, autoencoder and text encoder."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = UNet2DConditionModel.from_config(UNET).half().state_dict()
        vae = AutoencoderKL.from_config(VAE).half().state_dict()
        text = CLIPTextModel(CLIPTextConfig.from_dict(WORDS)).half().state_dict()
    stored = {f"model.diffusion_model.{_unet_name(key)}": w for key, w in unet.items()}
    for key, weight in vae.items():
        name = _vae_name(key)
        # The attention of the original autoencoder is made of 1×1 convolutions.
        convolved = ".attn_1." in name and weight.ndim == 2
        stored[f"first_stage_model.{name}"] = weight[..., None, None] if convolved else weight
    stored |= {f"{TEXT}text_model.{key}": weight for key, weight in text.items()}
    save_file({key: weight.contiguous() for key, weight in stored.items()}, path)
    return unet, vae, text


def _unet_name(key: str) -> str:
    for start, name in FIXED.items():
        if key.startswith(start):
            return name + key.removeprefix(start)
    if place := re.fullmatch(r"mid_block\.(resnets|attentions)\.(\d)\.(.*)", key):
        kind, index, rest = place.groups()
        return f"middle_block.{2 * int(index) if kind == 'resnets' else 1}.{_part(kind, rest)}"
    if place := re.fullmatch(r"(down|up)_blocks\.(\d)\.(\w+)\.(\d)\.(.*)", key):
        way, level, kind, index, rest = place.groups()
        level, index = int(level), int(index)
        if way == "down":
            if kind == "downsamplers":
                return f"input_blocks.{3 * level + 3}.0.op.{rest.removeprefix('conv.')}"
            return f"input_blocks.{3 * level + 1 + index}.{_place(kind)}.{_part(kind, rest)}"
        if kind == "upsamplers":
            return f"output_blocks.{3 * level + 2}.{1 if level == 0 else 2}.{rest}"
        return f"output_blocks.{3 * level + index}.{_place(kind)}.{_part(kind, rest)}"
    raise ValueError(key)


def _place(kind: str) -> int:
    return int(kind == "attentions")


def _part(kind: str, rest: str) -> str:
    if kind == "resnets":
        for name, original in PARTS:
            rest = re.sub(rf"^{name}\.", f"{original}.", rest)
    return rest


def _vae_name(key: str) -> str:
    key = key.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    key = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", key)
    if "mid_block.attentions.0" in key:
        key = key.replace("mid_block.attentions.0", "mid.attn_1")
        for name, original in ATTENTION.items():
            key = key.replace(f".{name}.", f".{original}.")
    key = re.sub(r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2", key)
    key = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", key)
    up = re.sub(
        r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{3 - int(m[1])}.block.{m[2]}", key
    )
    return re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{3 - int(m[1])}.upsample", up)
