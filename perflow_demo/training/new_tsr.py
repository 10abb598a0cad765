"""A new TSR of the embedded family: one that looks where it should from its first step on."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from perflow_demo.nets import TSR
from perflow_demo.nets.tsr import PLANES, Backbone

FINEST = 16  # times the longest wave's frequency, the shortest one's
SHARPNESS = (6.0, 0.75)  # with which heads look at their place and around it
LOUD = (10.0, 4.0)  # places beside all else that a token and an image token know, to begin with


def build_tsr(plane: int, debug: bool = False) -> TSR:
    """plane × plane tokens a plane, five layers; a ViT of six; 9.7 M parameters."""
    size = 64 if debug else 256
    width, seeing, layers = (32, 32, 1) if debug else (256, 192, 5)
    architecture = {
        "cond_image_size": size,
        "tokenizer": {"plane_size": plane, "num_channels": width},
        "backbone": {
            "in_channels": width,
            "num_attention_heads": max(1, width // 64),
            "attention_head_dim": min(width, 64),
            "num_layers": layers,
            "cross_attention_dim": seeing,
        },
        "post_processor": {"in_channels": width, "out_channels": 32, "smoothing": 0.9},
        "decoder": {"in_channels": 96, "n_neurons": 64, "n_hidden_layers": 4},
        "renderer": {"radius": 0.87, "density_bias": -1.0, "num_samples_per_ray": 128},
    }
    image_encoder = {
        "hidden_size": seeing,
        "num_hidden_layers": 1 if debug else 6,
        "num_attention_heads": max(1, seeing // 64),
        "intermediate_size": 4 * seeing,
        "image_size": size,
        "patch_size": 16,
        "qkv_bias": True,
    }
    network = TSR.from_config(architecture, image_encoder)
    _give_places(network)
    return network


@torch.no_grad()
def _give_places(network: TSR) -> None:
    """Tokens know where they are and half of the heads look at the picture there, for good.

    Of its world axes a token knows two, an image token y and z, as waves (Vaswani et al. 2017,
    section 3.5), in channels that no layer writes to. Half of the heads that look at the picture
    compare those: what is seen at a place is asked for there, and along its row or column for the
    planes that lie edgewise. What layers write grows twentyfold, and the norms would drown places
    that are not loud from the first. With codes drawn at random, the mean thing is all that is
    drawn for hundreds of steps; with heads drawn at random, or free to turn away, the mean thing of
    its kind for thousands.
    """
    seen = network.image_tokenizer.model.embeddings.position_embeddings  # 1 1+N D
    tokens = network.tokenizer.embeddings  # 3 C P P
    planes, width, side, _ = tokens.shape
    across = _across(tokens)
    tokens.copy_(torch.randn(planes, width, 1, 1).expand_as(tokens))
    tokens[:, : 3 * across] = 0
    waves = _waves(side, across).T  # across × side
    for plane, (column, row) in zip(tokens, PLANES, strict=True):
        plane[column * across : (column + 1) * across] = waves[:, None]
        plane[row * across : (row + 1) * across] = waves[:, :, None]
    _hold(tokens, np.s_[:, : 3 * across])
    side = int((seen.shape[1] - 1) ** 0.5)
    waves = _waves(side, across)  # side × across
    y, z = waves.expand(side, -1, -1), waves.flip(0)[:, None].expand(-1, side, -1)
    seen[0, 1:, : 2 * across] = LOUD[1] * torch.cat([y, z], -1).flatten(0, 1)
    _hold(seen, np.s_[:, :, : 2 * across])
    _leave_alone(network, across)
    _look_there(network.backbone, across)


def _leave_alone(network: TSR, across: int) -> None:
    """Layers add nothing to the channels of places."""
    entrance = network.image_tokenizer.model.embeddings.patch_embeddings.projection
    written = [(entrance, 2 * across)]
    for layer in network.image_tokenizer.model.layers:
        written += [(layer.attention.o_proj, 2 * across), (layer.mlp.fc2, 2 * across)]
    for block in network.backbone.transformer_blocks:
        outputs = block.attn1.to_out[0], block.attn2.to_out[0], block.ff.net[-1]
        written += [(output, 3 * across) for output in outputs]
    for layer, places in written:
        for parameter in (layer.weight, layer.bias):
            parameter[:places] = 0
            _hold(parameter, np.s_[:places])


def _look_there(backbone: Backbone, across: int) -> None:
    """Half of the heads compare channels y and z of tokens with those of image tokens, less their
    mean: by how much the norm before them shifts all channels is the business of other channels."""
    nn.init.eye_(backbone.proj_in.weight)
    nn.init.zeros_(backbone.proj_in.bias)
    backbone.proj_in.weight[: 3 * across] *= LOUD[0]
    _hold(backbone.proj_in.weight, np.s_[: 3 * across])
    _hold(backbone.proj_in.bias, np.s_[: 3 * across])
    places = torch.eye(2 * across)
    for block in backbone.transformer_blocks:
        attention = block.attn2
        head = attention.to_q.weight.shape[0] // attention.heads
        local = max(1, attention.heads // 2) * head
        queries, keys = attention.to_q.weight, attention.to_k.weight
        queries[:local] = keys[:local] = 0
        for first, sharpness in zip(range(0, local, head), SHARPNESS, strict=False):
            rows = slice(first, first + 2 * across)
            queries[rows, across : 3 * across] = sharpness * places
            keys[rows, : 2 * across] = places - 1 / len(places)
        _hold(queries, np.s_[:local])
        _hold(keys, np.s_[:local])


def _hold(parameter: nn.Parameter, kept: object) -> None:
    """No step changes the entries `kept` of a parameter."""
    free = torch.ones_like(parameter)
    free[kept] = 0
    parameter.register_hook(lambda gradient: gradient * free)


def _across(tokens: Tensor) -> int:
    """How many channels of tokens 3 C P P tell a place along one axis; the first three times as
    many tell it along all."""
    return tokens.shape[1] // 8


def _waves(side: int, width: int) -> Tensor:
    """side × width: sines and cosines of places in a row, from a quarter of a wave upwards."""
    places = (torch.arange(side) + 0.5) / side
    frequencies = torch.pi / 2 * FINEST ** (torch.arange(width // 2) / (width // 2))
    angles = places[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], 1)


def go_on(network: TSR, weights: dict[str, Tensor]) -> None:
    """Give the network those weights, their tokens interpolated to as many as it has; where its
    own are, it knows already."""
    own = network.tokenizer.embeddings.detach()
    tokens = F.interpolate(weights["tokenizer.embeddings"], own.shape[2:], mode="bilinear")
    places = np.s_[:, : 3 * _across(own)]
    tokens[places] = own[places]
    network.load_state_dict(weights | {"tokenizer.embeddings": tokens})
