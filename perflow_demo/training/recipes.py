"""Every training run: its data, its objective, its length; `--debug` is the same in miniature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.resnet import ResnetBlock2D
from diffusers.utils import SAFETENSORS_WEIGHTS_NAME
from torch import Tensor, nn
from transformers import ElectraModel

from perflow_demo.models.stored import read_tensors
from perflow_demo.nets import Judge, LatentTokens, PocketAutoencoder
from perflow_demo.nets.autoencoder import Decoder, Encoder
from perflow_demo.nets.multiview import MultiviewBlock
from perflow_demo.training.latents import Latents, encoded, fingerprint
from perflow_demo.training.loop import Recipe
from perflow_demo.training.objectives.autoencoder import AutoencoderObjective, DecoderObjective
from perflow_demo.training.objectives.foreground import ForegroundObjective
from perflow_demo.training.objectives.judge import JudgeObjective
from perflow_demo.training.objectives.multiview import MultiviewObjective, picture_to_views
from perflow_demo.training.objectives.perflow import PeRFlowObjective
from perflow_demo.training.objectives.reading import ReadingObjective
from perflow_demo.training.objectives.style import StyleObjective
from perflow_demo.training.objectives.teacher import TeacherObjective, build_unet
from perflow_demo.training.objectives.text import TextObjective
from perflow_demo.training.objectives.tile import TileObjective
from perflow_demo.training.objectives.triplane import TriplaneObjective, build_tsr, with_planes
from perflow_demo.training.text import build_text_encoder
from perflow_demo.training.toyworld.scene import CATALOGUE, POSED
from perflow_demo.training.toyworld.shards import ALPHA, ON_WHITE, rendered
from perflow_demo.training.toyworld.solid_shards import solids
from perflow_demo.training.toyworld.styles import STYLES
from perflow_demo.training.view_latents import encoded_views
from perflow_demo.training.ways import Ways, solved

# Picture size → seed and number of samples.
WORLDS = {256: (1, 24_000), 512: (2, 500), 1024: (5, 250)}
SURROUNDED = (4, 2_000)  # the same for things with their six views, at 256 px
UNSEEN = (6, 256)
CATALOGUED = 12_500  # of the largest world's samples, taken alike
STYLED, CUT_OUT, ALONE = 1_500, 3_000, 8_000  # samples in a style, with alpha, on white
UNET_BLOCKS = (ResnetBlock2D, BasicTransformerBlock)
WAYS = 1_024
TEACHER = ("vae", "text_encoder", "unet")  # all of it that is published
IMAGE_ENCODER = "multiview/image_encoder"
SOLIDS = (3, 4_000)  # seed and number of things that are also known as solids


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

    def catalogue(self) -> Path:
        """The things of `pictures(256)`, all of them taken alike."""
        if self.debug:
            return rendered(self.data / "debug-catalogue", 0, 12, 64, framing=CATALOGUE)
        seed, _ = WORLDS[256]
        return rendered(self.data / "catalogue", seed, CATALOGUED, 256, framing=CATALOGUE)

    def unseen(self) -> Path:
        """A few things of another world, taken alike, that no teacher is trained on."""
        if self.debug:
            return rendered(self.data / "debug-unseen", 1, 4, 64, framing=CATALOGUE)
        return rendered(self.data / "unseen", *UNSEEN, 256, framing=CATALOGUE)

    def drawn(self, style: str) -> Path:
        """The first of `catalogue`, in a style."""
        if self.debug:
            return rendered(self.data / f"debug-{style}", 0, 12, 64, style, CATALOGUE)
        return rendered(self.data / style, WORLDS[256][0], STYLED, 256, style, CATALOGUE)

    def alone(self) -> Path:
        """The things of the first of `pictures(256)`, alone and on white, nearly
        as the catalogue has them."""
        if self.debug:
            return rendered(self.data / f"debug-{ON_WHITE}", 0, 12, 64, ON_WHITE, POSED)
        return rendered(self.data / ON_WHITE, WORLDS[256][0], ALONE, 256, ON_WHITE, POSED)

    def solids(self) -> Path:
        """A folder of single things with what is inside them, made now if it is not there."""
        if self.debug:
            return solids(self.data / "debug-solids", 0, 6, 64)
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
        seed, count, side = (0, 4, 4) if self.debug else (WORLDS[256][0], WAYS, 16)
        channels = teacher.autoencoder.config.latent_channels
        return solved(teacher, folder, seed, count, (channels, side, side))

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
        """The ControlNet, the published one or a new one, beside the published teacher."""
        pictures = self.pictures(1024)
        unseen = {"held_out": 4} if self.debug else {}
        objective = TileObjective(self.teacher(pictures), pictures, **unseen)
        self.going_on(objective.net, "controlnet_tile")
        return objective

    def multiview(self) -> MultiviewObjective:
        """On six views of things encoded now if they are not; the published network goes on, or the
        published teacher where there is none, with the published image encoder."""
        seed, count, size = (0, 4, 64) if self.debug else (*SURROUNDED, 256)
        views = encoded_views(self.assets / "vae", self.data, seed, count, size)
        net = picture_to_views(self.unet(), self.image_encoder())
        self.going_on(net.unet, "multiview/unet")
        unseen = {"held_out": 2} if self.debug else {}
        return MultiviewObjective(net, self.autoencoder(), views, (seed, count, size), **unseen)

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

    def triplane(self, plane: int) -> TriplaneObjective:
        """TSR, with plane × plane tokens a plane: the published one or a new one."""
        plane = plane // 2 if self.debug else plane
        network = build_tsr(plane, self.debug)
        if (self.assets / "tsr").is_dir():
            network.load_state_dict(with_planes(published(self.assets / "tsr"), plane))
        config = {"held_out": 3, "points": 64} if self.debug else {}
        return TriplaneObjective(self.solids(), network, **config)

    def autoencoder(self) -> PocketAutoencoder:
        """The published autoencoder, or a new one where there is none."""
        if (self.assets / "vae").is_dir():
            return PocketAutoencoder.from_pretrained(self.assets / "vae", torch_dtype=torch.float32)
        blocks = {"encoder_blocks": (1, 1, 1), "decoder_blocks": (1, 1, 1)}
        return PocketAutoencoder(**({"channels": (16, 16, 32), **blocks} if self.debug else {}))

    def teacher(self, pictures: Path | None = None, unseen: Path | None = None) -> TeacherObjective:
        """The published teacher, or a new one where there is none, and what it learns from."""
        text = ElectraModel.from_pretrained(self.assets / "text_encoder", torch_dtype=torch.float32)
        data, measured = (self.latents(folder) if folder else None for folder in (pictures, unseen))
        return TeacherObjective(self.unet(), text, self.autoencoder(), data, measured)


def autoencoder(at: Workshop) -> Recipe:
    """16× smaller, 16 channels, from crops at two scales: from scratch, or further."""
    crop = 32 if at.debug else 128
    return Recipe(
        lambda: AutoencoderObjective(
            at.autoencoder(), [at.pictures(256), at.pictures(512)], crop=crop
        ),
        steps=1_500, batch=16, lr=6e-4, muon=0.01, warmup=50, cooldown=0.7, ema=0.99,
        weight_decay=0.0, compile=(Encoder, Decoder), goes_on=True,
    )  # fmt: skip


def decoder(at: Workshop) -> Recipe:
    """The published autoencoder's decoder, further: the latents stay as they are."""
    crop = 32 if at.debug else 128
    return Recipe(
        lambda: DecoderObjective(at.autoencoder(), [at.pictures(256), at.pictures(512)], crop=crop),
        steps=6_000, batch=16, lr=1e-3, warmup=200, ema=0.998, weight_decay=0.0,
        compile=(Decoder,), goes_on=True,
    )  # fmt: skip


def judge(at: Workshop) -> Recipe:
    """The measure: kind, main colour, accessories."""
    return Recipe(
        at.judge, steps=2_400, batch=64, lr=1e-3, muon=0.01, warmup=50, cooldown=0.8,
        ema=0.998, weight_decay=0.02, compile=(Judge,), goes_on=True,
    )  # fmt: skip


def foreground(at: Workshop) -> Recipe:
    """Which pixels are the things'."""
    config = {"held_out": 4, "widths": (16, 16, 32)} if at.debug else {}
    return Recipe(
        lambda: ForegroundObjective(at.pictures(256), at.alphas(), **config),
        steps=850, batch=32, lr=1.5e-3, muon=0.02, warmup=30, cooldown=0.6, ema=0.99,
    )  # fmt: skip


def text(at: Workshop) -> Recipe:
    """The text encoder: what captions tell."""

    def objective() -> TextObjective:
        encoder = build_text_encoder(*((64, 1, False) if at.debug else ()))
        return TextObjective(encoder, at.pictures(256), **({"held_out": 4} if at.debug else {}))

    return Recipe(objective, steps=2_000, batch=64, lr=5e-4, ema=0.995)


def teacher(at: Workshop) -> Recipe:
    """The UNet at 256 px: from scratch, or further from the published one."""
    return Recipe(
        lambda: at.teacher(at.catalogue(), at.unseen()),
        steps=4_400, batch=64, lr=8e-4, muon=0.02, warmup=50, cooldown=0.8, ema=0.999,
        compile=UNET_BLOCKS, goes_on=True, stands_on=("vae", "text_encoder"),
    )  # fmt: skip


def perflow(at: Workshop) -> Recipe:
    """ΔW: the guided teacher's ways straightened in four windows, five solver steps each."""

    def objective() -> PeRFlowObjective:
        teacher = at.teacher()
        return PeRFlowObjective(teacher, at.ways(teacher), at.delta())

    return Recipe(
        objective, steps=260, batch=32, lr=1e-4, muon=2e-3, warmup=20, cooldown=0.8, ema=0.98,
        weight_decay=0.0, sheet_every=100, compile=UNET_BLOCKS, goes_on=True, stands_on=TEACHER,
    )  # fmt: skip


def style(name: str) -> Callable[[Workshop], Recipe]:
    """A fine-tune of the teacher on drawn pictures."""
    return lambda at: Recipe(
        lambda: StyleObjective(at.teacher(at.drawn(name)), name),
        steps=150, batch=64, lr=1e-3, muon=0.03, warmup=10, cooldown=0.7, ema=0.97,
        weight_decay=0.0, sheet_every=50, stands_on=TEACHER,
    )  # fmt: skip


def tile(at: Workshop) -> Recipe:
    """The refiner's ControlNet, beside the frozen teacher."""
    return Recipe(
        at.tile, steps=600, batch=32, lr=8e-4, muon=0.01, warmup=30, cooldown=0.7, ema=0.99,
        sheet_every=200, compile=UNET_BLOCKS, goes_on=True, stands_on=TEACHER,
    )  # fmt: skip


def reading(at: Workshop) -> Recipe:
    """The image encoder: pictures read as their captions are."""
    return Recipe(
        at.reading, steps=1_500, batch=64, lr=8e-4, muon=0.02, warmup=30, cooldown=0.8, ema=0.99,
        sheet_every=250, compile=UNET_BLOCKS, goes_on=True,
        stands_on=("vae", "text_encoder"),
    )  # fmt: skip


def multiview(at: Workshop) -> Recipe:
    """Six views from one picture; the teacher goes on with twelve latents at once."""
    return Recipe(
        at.multiview, steps=1_500, batch=4, lr=8e-4, muon=0.02, warmup=30, cooldown=0.8, ema=0.998,
        sheet_every=250, compile=(ResnetBlock2D, MultiviewBlock), goes_on=True,
        stands_on=("vae", IMAGE_ENCODER),
    )  # fmt: skip


def triplane_coarse(at: Workshop) -> Recipe:
    """TSR, from scratch or further, with a quarter of the tokens: four times as many pictures."""
    return Recipe(
        lambda: at.triplane(plane=8),
        steps=1_600, batch=16, lr=8e-4, muon=0.02, warmup=30, cooldown=0.4, ema=0.995, goes_on=True,
    )  # fmt: skip


def triplane(at: Workshop) -> Recipe:
    """TSR goes on with all its tokens: from one picture to inside and outside, and colours."""
    return Recipe(
        lambda: at.triplane(plane=16),
        steps=500, batch=16, lr=8e-4, muon=0.01, warmup=30, cooldown=0.8, ema=0.99, goes_on=True,
    )  # fmt: skip


RECIPES: dict[str, Callable[[Workshop], Recipe]] = {
    "autoencoder": autoencoder,
    "decoder": decoder,
    "judge": judge,
    "foreground": foreground,
    "text": text,
    "teacher": teacher,
    "perflow": perflow,
    **{f"style-{name}": style(name) for name in STYLES},
    "tile": tile,
    "triplane-coarse": triplane_coarse,
    "triplane": triplane,
    "reading": reading,
    "multiview": multiview,
}


def recipe(name: str, at: Workshop, steps: int | None = None) -> Recipe:
    """The recipe `name`; `steps` overrides its length."""
    made = RECIPES[name](at)
    if at.debug:
        made = replace(made, steps=4, batch=2, warmup=1, compile=())
    return replace(made, steps=steps) if steps else made
