"""Triplane: TSR learns from one picture what lies inside a thing, and the colours of its skin."""

from __future__ import annotations

from math import log
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from perflow_demo.evaluation.metrics import means
from perflow_demo.geometry.mesh import upright
from perflow_demo.geometry.turntable import Turntable
from perflow_demo.nets import TSR
from perflow_demo.nets.tsr import PLANES, Backbone
from perflow_demo.training.publish import write_module
from perflow_demo.training.toyworld.rebuilt import LEVEL, Stand, compare, triplane
from perflow_demo.training.toyworld.solid_shards import POINTS, Solids

BLURRED = 0.3  # share of batches
RECOLOURED = 0.5  # share of examples
COLOURED = 0.5  # share of the near points that have a colour: those closest to the skin
ANYWHERE = 0.75  # share of the points of a thing
FINEST = 16  # times the longest wave's frequency, the shortest one's
SHARPNESS = (6.0, 0.75)  # with which heads look at their place and around it
LOUD = (10.0, 4.0)  # places beside all else that a token and an image token know, to begin with
SHOWN, SIDES = 6, (0, 120, 240)


class Batch(NamedTuple):
    """images B H W 3 in [0, 1]; points B N 3 in world units, the coloured first; inside B N, 0 or
    1; colours B C 3 in [0, 1]."""

    images: Tensor
    points: Tensor
    inside: Tensor
    colours: Tensor


class TriplaneObjective:
    """Inside and outside at points, by cross-entropy and by the soft overlap of the volumes, and L1
    of colours near the skin.

    The nearest points have colours only: on which side of the skin they lie is a coin tossed to a
    network that does not place it that exactly, and drowned what it could learn.
    The logit is the logarithm of density_act over LEVEL, so the surface lies where density_act is
    LEVEL and meshes of any size are extracted as from the published weights. Every example is
    mirrored half of the time, and has its red, green and blue exchanged half of the time: there are
    few things, and a shape has any colour. The last `held_out` things are never trained on.
    """

    def __init__(
        self,
        folder: Path,
        network: TSR,
        held_out: int = 200,
        points: int = 2048,
        colour_weight: float = 1.0,
    ) -> None:
        self.net = network
        self.solids = Solids(folder)
        self.training = len(self.solids) - held_out
        self.points, self.anywhere = points, int(ANYWHERE * points)
        self.colour_weight = colour_weight

    def batch(self, rng: np.random.Generator, count: int) -> Batch:
        """`count` pictures of things, an eighth of the points near the skin and coloured, an eighth
        farther off it and the others anywhere. Drawn pictures are softer than rendered ones, so
        some batches are."""
        rows = [self._example(rng) for _ in range(count)]
        batch = Batch(*(torch.from_numpy(np.stack(part)) for part in zip(*rows, strict=True)))
        if rng.random() < BLURRED:
            batch = batch._replace(images=_blurred(batch.images, int(rng.integers(2, 5))))
        return batch

    def loss(self, net: TSR, batch: Batch, generator: torch.Generator):
        codes = net.scene_codes(batch.images).float()
        pairs = zip(codes, batch.points, strict=True)
        answers = [net.query(code, points) for code, points in pairs]
        logits = torch.stack([a["density"][:, 0] for a in answers]) + net.density_bias - log(LEVEL)
        near = batch.colours.shape[1]
        colours = torch.stack([a["color"][:near] for a in answers])
        outline = F.binary_cross_entropy_with_logits(logits[:, near:], batch.inside[:, near:])
        colour = (colours - batch.colours).abs().mean()
        anywhere = np.s_[:, -self.anywhere :]
        overlap = _overlap(logits[anywhere].sigmoid(), batch.inside[anywhere])
        found, truth = logits.detach()[anywhere] > 0, batch.inside[anywhere] > 0
        figures = {
            "outline": outline.item(),
            "overlap": overlap.item(),
            "colour": colour.item(),
            "iou": ((found & truth).sum() / (found | truth).sum().clamp(min=1)).item(),
        }
        return outline + 1 - overlap + self.colour_weight * colour, figures

    @torch.no_grad()
    def sheet(self, net: TSR) -> Image.Image:
        """Held-out pictures, and below them the meshes made of them, from three sides."""
        columns = []
        for row in self._held_out(SHOWN):
            picture = row["views"][0]
            mesh = upright(net.extract_mesh(triplane(net, picture), 96, LEVEL, closed=True))
            if mesh.empty:
                sides = [np.full_like(picture, 255)] * len(SIDES)
            else:
                table = Turntable(mesh, len(picture))
                sides = [np.asarray(table.view(azimuth)) for azimuth in SIDES]
            columns.append(np.concatenate([picture, *sides]))
        return Image.fromarray(np.concatenate(columns, 1))

    @torch.no_grad()
    def publish(self, net: TSR, folder: Path) -> dict[str, float]:
        """Saves it, fp16; returns how well it rebuilds held-out things from their first picture."""
        write_module(net, folder / "tsr")
        return self.measure(net)

    def measure(self, net: TSR, resolution: int = 128) -> dict[str, float]:
        """Means of `compare` over held-out things, from their first pictures."""
        rows = [compare(net, row, resolution) for row in self._held_out()]
        return means(rows)

    def _held_out(self, most: int | None = None):
        for index in range(self.training, len(self.solids))[:most]:
            yield self.solids[index]

    def _example(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        row = self.solids[rng.integers(self.training)]
        which = rng.integers(len(row["views"]))
        stand = Stand.seen(row["skin"], row["cameras"][which], self.net.radius)
        near = int(POINTS * COLOURED)
        closest = rng.integers(near, size=(self.points - self.anywhere) // 2)
        farther = rng.integers(near, POINTS, self.points - self.anywhere - len(closest))
        everywhere = rng.integers(POINTS, 2 * POINTS, self.anywhere)
        chosen = np.concatenate([closest, farther, everywhere])
        image, places = row["views"][which], stand.place(row["points"][chosen])
        if rng.random() < 0.5:
            image, places = image[:, ::-1], places * (1, -1, 1)
        channels = rng.permutation(3) if rng.random() < RECOLOURED else np.arange(3)
        return (
            np.asarray(image[..., channels], np.float32) / 255,
            places.astype(np.float32),
            row["inside"][chosen].astype(np.float32),
            row["colours"][closest][:, channels].astype(np.float32) / 255,
        )


def _overlap(found: Tensor, truth: Tensor) -> Tensor:
    """The mean over things of how much volumes overlap, intersection over union: B N in [0, 1]."""
    both = (found * truth).sum(1)
    return ((both + 1) / (found.sum(1) + truth.sum(1) - both + 1)).mean()


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
        "post_processor": {"in_channels": width, "out_channels": 32},
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


def _blurred(images: Tensor, times: int) -> Tensor:
    """Images B H W 3 made so many times smaller, and as large as they were again."""
    small = F.avg_pool2d(images.movedim(-1, 1), times)
    return F.interpolate(small, images.shape[1:3], mode="bilinear").movedim(1, -1)
