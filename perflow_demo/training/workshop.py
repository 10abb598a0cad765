"""Where a run finds what it needs: cached data, published parts, objectives made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from diffusers import UNet2DConditionModel
from diffusers.utils import SAFETENSORS_WEIGHTS_NAME
from torch import Tensor, nn
from transformers import ElectraModel

from perflow_demo.models.stored import read_tensors
from perflow_demo.nets import LatentTokens, PocketAutoencoder
from perflow_demo.training.latents import Latents, encoded, fingerprint
from perflow_demo.training.new_tsr import build_tsr, go_on
from perflow_demo.training.objectives.judge import JudgeObjective
from perflow_demo.training.objectives.multiview import MultiviewObjective, picture_to_views
from perflow_demo.training.objectives.reading import ReadingObjective
from perflow_demo.training.objectives.teacher import TeacherObjective, build_unet
from perflow_demo.training.objectives.tile import TileObjective
from perflow_demo.training.objectives.triplane import TriplaneObjective
from perflow_demo.training.toyworld.outlines import Outlines, outlines
from perflow_demo.training.toyworld.scene import CATALOGUE, POSED
from perflow_demo.training.toyworld.shards import ALPHA, ON_WHITE, rendered
from perflow_demo.training.toyworld.solid_shards import solids
from perflow_demo.training.view_latents import encoded_views
from perflow_demo.training.ways import Ways, solved

# Picture size → seed and number of samples.
WORLDS = {256: (1, 24_000), 512: (2, 500), 1024: (5, 400)}
SURROUNDED = (4, 3_000)  # the same for things with their six views, at 256 px
UNSEEN = (6, 256)
CATALOGUED = {256: 12_500, 512: 6_000}  # of the largest world's samples, taken alike
STYLED = {256: 1_500, 512: 750}  # samples in a style
CUT_OUT, ALONE = 3_000, 8_000  # samples with alpha, on white
WAYS = range(1_280, 1_920)  # scenes whose captions have ways: none that an earlier run had
IMAGE_ENCODER = "multiview/image_encoder"
SOLIDS = (3, 7_600)  # seed and number of things that are also known as solids

N = TypeVar("N", bound=nn.Module)


def published(folder: Path) -> dict[str, Tensor]:
    """The weights of a network (diffusers) in the family's folder, float32."""
    return read_tensors(folder / SAFETENSORS_WEIGHTS_NAME, torch.float32)


@dataclass(frozen=True)
class Workshop:
    """Where a recipe finds cached data and the family's published parts; `debug`: in miniature."""

    data: Path
    assets: Path
    debug: bool = False

    def pictures(self, size: int) -> Path:
        """A folder of rendered shards, rendered now if it is not there."""
        if self.debug:
            return rendered(self.data / f"debug-{size}", 0, 12, size // 4)
        seed, count = WORLDS[size]
        return rendered(self.data / str(size), seed, count, size)

    def catalogue(self, size: int) -> Path:
        """The things of `pictures(256)`, all of them taken alike; the first of them at 512 px."""
        if self.debug:
            return rendered(self.data / f"debug-catalogue-{size}", 0, 12, size // 4, "", CATALOGUE)
        seed, _ = WORLDS[256]
        folder = self.data / f"catalogue-{size}"
        return rendered(folder, seed, CATALOGUED[size], size, framing=CATALOGUE)

    def unseen(self, size: int) -> Path:
        """A few things of another world, taken alike, that no teacher is trained on."""
        if self.debug:
            return rendered(self.data / f"debug-unseen-{size}", 1, 4, size // 4, "", CATALOGUE)
        return rendered(self.data / f"unseen-{size}", *UNSEEN, size, framing=CATALOGUE)

    def drawn(self, style: str, size: int) -> Path:
        """The first of `catalogue(size)`, in a style."""
        if self.debug:
            folder = self.data / f"debug-{style}-{size}"
            return rendered(folder, 0, 12, size // 4, style, CATALOGUE)
        folder = self.data / f"{style}-{size}"
        return rendered(folder, WORLDS[256][0], STYLED[size], size, style, CATALOGUE)

    def alone(self) -> Path:
        """The things of the first of `pictures(256)`, alone and on white, nearly
        as the catalogue has them."""
        if self.debug:
            return rendered(self.data / f"debug-{ON_WHITE}", 0, 12, 64, ON_WHITE, POSED)
        return rendered(self.data / ON_WHITE, WORLDS[256][0], ALONE, 256, ON_WHITE, POSED)

    def solids(self) -> Path:
        """A folder of single things with what is inside them, made now if it is not there."""
        if self.debug:
            return solids(self.data / f"debug-solids-{SOLIDS[0]}", SOLIDS[0], 6, 64)
        return solids(self.data / "solids", *SOLIDS, 256)

    def alphas(self) -> Path:
        """What the things cover in the first of `pictures(256)`."""
        if self.debug:
            return rendered(self.data / f"debug-{ALPHA}", 0, 12, 64, ALPHA)
        return rendered(self.data / ALPHA, WORLDS[256][0], CUT_OUT, 256, ALPHA)

    def latents(self, pictures: Path) -> Latents:
        """Those pictures under the published autoencoder, encoded now if they are not."""
        return encoded(pictures, self.assets / "vae", self.data)

    def going_on(self, net: N, part: str) -> N:
        """The network with the weights that are published as that part, if there are any."""
        if (self.assets / part).is_dir():
            net.load_state_dict(published(self.assets / part))
        return net

    def unet(self) -> UNet2DConditionModel:
        """The teacher's network: the published one or a new one."""
        return self.going_on(build_unet(self.debug), "unet")

    def ways(self, teacher: TeacherObjective) -> Ways:
        """The published teacher's ways from noise to picture, solved now if they are not."""
        folder = self.data / f"ways-{fingerprint(self.assets / 'unet')}"
        seed, scenes, side = (0, range(4), 4) if self.debug else (WORLDS[256][0], WAYS, 16)
        return solved(teacher, folder, seed, scenes, side, 2 * side)

    def delta(self) -> dict[str, Tensor] | None:
        """The published ΔW, if there is one."""
        return published(self.assets / "delta") if (self.assets / "delta").is_dir() else None

    def judge(self) -> JudgeObjective:
        """The published measure goes on, or a new one where there is none."""
        config = {"held_out": 4, "widths": (16, 16, 32, 32)} if self.debug else {}
        objective = JudgeObjective(self.pictures(256), **config)
        self.going_on(objective.net, "judge")
        return objective

    def tile(self) -> TileObjective:
        """The ControlNet, the published one or a new one, beside the published teacher and ΔW."""
        pictures = self.pictures(1024)
        unseen = {"held_out": 4} if self.debug else {}
        objective = TileObjective(self.teacher([pictures]), self.delta(), pictures, **unseen)
        self.going_on(objective.net, "controlnet_tile")
        return objective

    def multiview(self, together: int) -> MultiviewObjective:
        """On `together` at a time of the six views of things encoded now if they are not; the
        published network goes on, or the published teacher where there is none, with the published
        image encoder."""
        seed, count, size = (0, 4, 64) if self.debug else (*SURROUNDED, 256)
        views = encoded_views(self.assets / "vae", self.data, seed, count, size)
        net = picture_to_views(self.unet(), self.image_encoder())
        self.going_on(net.unet, "multiview/unet")
        unseen = {"held_out": 2} if self.debug else {}
        return MultiviewObjective(
            net, self.autoencoder(), views, (seed, count, size), together, **unseen
        )

    def image_encoder(self) -> LatentTokens:
        """What reads pictures for the multiview network: the published one or a new one."""
        width = self.unet().config.cross_attention_dim
        config = {"side": 4, "inner": 32, "layers": 1} if self.debug else {}
        return self.going_on(LatentTokens(width=width, **config), IMAGE_ENCODER)

    def reading(self) -> ReadingObjective:
        """The image encoder and what it learns from."""
        unseen = {"held_out": 4} if self.debug else {}
        return ReadingObjective(
            self.image_encoder(), self.teacher(), self.latents(self.alone()), **unseen
        )

    def outlines(self) -> Outlines:
        """What rays through pictures of those things meet."""
        if self.debug:
            folder = self.data / f"debug-outlines-{SOLIDS[0]}"
            return Outlines(outlines(folder, self.solids(), SOLIDS[0], 32))
        return Outlines(outlines(self.data / "outlines", self.solids(), SOLIDS[0]))

    def triplane(self, plane: int, outlined: bool = False) -> TriplaneObjective:
        """TSR, with plane × plane tokens a plane: the published one or a new one."""
        plane = plane // 2 if self.debug else plane
        network = build_tsr(plane, self.debug)
        if (self.assets / "tsr").is_dir():
            go_on(network, published(self.assets / "tsr"))
        config = {"held_out": range(3, 6), "points": 64} if self.debug else {}
        drawn = self.outlines() if outlined else None
        return TriplaneObjective(self.solids(), SOLIDS[0], network, outlines=drawn, **config)

    def autoencoder(self) -> PocketAutoencoder:
        """The published autoencoder, or a new one where there is none."""
        if (self.assets / "vae").is_dir():
            return PocketAutoencoder.from_pretrained(self.assets / "vae", torch_dtype=torch.float32)
        blocks = {"encoder_blocks": (1, 1, 1), "decoder_blocks": (1, 1, 1)}
        return PocketAutoencoder(**({"channels": (16, 16, 32), **blocks} if self.debug else {}))

    def teacher(
        self, pictures: Sequence[Path] = (), unseen: Sequence[Path] = ()
    ) -> TeacherObjective:
        """The published teacher, or a new one where there is none, and what it learns from: a
        folder for each size of picture."""
        text = ElectraModel.from_pretrained(self.assets / "text_encoder", torch_dtype=torch.float32)
        data, measured = ([self.latents(f) for f in folders] for folders in (pictures, unseen))
        return TeacherObjective(self.unet(), text, self.autoencoder(), data, measured)
