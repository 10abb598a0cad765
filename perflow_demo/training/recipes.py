"""Every training run: its data, its objective, its length; `--debug` is the same in miniature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.resnet import ResnetBlock2D
from transformers.models.vit.modeling_vit import ViTLayer

from perflow_demo.nets import Judge
from perflow_demo.nets.autoencoder import Decoder, Encoder
from perflow_demo.nets.multiview import MultiviewBlock
from perflow_demo.training.loop import Recipe
from perflow_demo.training.objectives.autoencoder import AutoencoderObjective, DecoderObjective
from perflow_demo.training.objectives.foreground import ForegroundObjective
from perflow_demo.training.objectives.perflow import PeRFlowObjective
from perflow_demo.training.objectives.style import StyleObjective
from perflow_demo.training.objectives.text import TextObjective
from perflow_demo.training.text import build_text_encoder
from perflow_demo.training.toyworld.styles import STYLES
from perflow_demo.training.workshop import IMAGE_ENCODER, Workshop

UNET_BLOCKS = (ResnetBlock2D, BasicTransformerBlock)
TRANSFORMERS = (BasicTransformerBlock, ViTLayer)
SIZES = (256, 512)  # that pictures are drawn in
TEACHER = ("vae", "text_encoder", "unet")  # all of it that is published


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
        config = {"held_out": 4, "lends": False} if at.debug else {}
        return TextObjective(encoder, at.pictures(256), **config)

    return Recipe(objective, steps=2_000, batch=64, lr=5e-4, ema=0.995)


def teacher(at: Workshop) -> Recipe:
    """The UNet at 256 and 512 px: from scratch, or further from the published one."""
    return Recipe(
        lambda: at.teacher([*map(at.catalogue, SIZES)], [*map(at.unseen, SIZES)]),
        steps=1_000, batch=24, lr=8e-4, muon=0.02, warmup=30, cooldown=0.8, ema=0.995,
        compile=UNET_BLOCKS, goes_on=True, stands_on=("vae", "text_encoder"),
    )  # fmt: skip


def perflow(at: Workshop) -> Recipe:
    """ΔW: the guided teacher's ways straightened in four windows, five solver steps each.

    A step takes eight whole ways.
    """

    def objective() -> PeRFlowObjective:
        teacher = at.teacher()
        return PeRFlowObjective(teacher, at.ways(teacher), at.delta())

    return Recipe(
        objective, steps=700, batch=8, lr=8e-5, muon=1.5e-3, warmup=20, cooldown=0.8, ema=0.99,
        weight_decay=0.0, sheet_every=100, compile=UNET_BLOCKS, goes_on=True, stands_on=TEACHER,
    )  # fmt: skip


def style(name: str) -> Callable[[Workshop], Recipe]:
    """A fine-tune of the teacher on drawn pictures."""
    return lambda at: Recipe(
        lambda: StyleObjective(at.teacher([at.drawn(name, size) for size in SIZES]), name),
        steps=250, batch=24, lr=1e-3, muon=0.03, warmup=10, cooldown=0.7, ema=0.98,
        weight_decay=0.0, sheet_every=50, stands_on=TEACHER,
    )  # fmt: skip


def tile(at: Workshop) -> Recipe:
    """The refiner's ControlNet, beside the frozen teacher and ΔW."""
    return Recipe(
        at.tile, steps=2_000, batch=32, lr=8e-4, muon=0.02, warmup=30, cooldown=0.7, ema=0.99,
        sheet_every=500, compile=UNET_BLOCKS, goes_on=True, stands_on=(*TEACHER, "delta"),
    )  # fmt: skip


def reading(at: Workshop) -> Recipe:
    """The image encoder: pictures read as their captions are."""
    return Recipe(
        at.reading, steps=1_500, batch=64, lr=8e-4, muon=0.02, warmup=30, cooldown=0.8, ema=0.99,
        sheet_every=250, compile=UNET_BLOCKS, goes_on=True,
        stands_on=("vae", "text_encoder"),
    )  # fmt: skip


def multiview_pairs(at: Workshop) -> Recipe:
    """Two of the six views at a time: three times as many things for the same work."""
    return Recipe(
        lambda: at.multiview(together=2),
        steps=550, batch=12, lr=4e-4, muon=0.01, warmup=20, cooldown=1.0, ema=0.99,
        sheet_every=250, compile=(ResnetBlock2D, MultiviewBlock), goes_on=True,
        stands_on=("vae", IMAGE_ENCODER),
    )  # fmt: skip


def multiview(at: Workshop) -> Recipe:
    """Six views from one picture; the teacher goes on with twelve latents at once."""
    return Recipe(
        lambda: at.multiview(together=6),
        steps=950, batch=4, lr=8e-4, muon=0.02, warmup=30, cooldown=0.8, ema=0.998,
        sheet_every=250, compile=(ResnetBlock2D, MultiviewBlock), goes_on=True,
        stands_on=("vae", IMAGE_ENCODER),
    )  # fmt: skip


def triplane_coarse(at: Workshop) -> Recipe:
    """TSR, from scratch or further, with a quarter of the tokens: four times as many pictures."""
    return Recipe(
        lambda: at.triplane(plane=8),
        steps=474, batch=16, lr=8e-4, muon=0.02, warmup=30, cooldown=0.0, ema=0.99,
        weight_decay=0.0, compile=TRANSFORMERS, goes_on=True,
    )  # fmt: skip


def triplane(at: Workshop) -> Recipe:
    """TSR goes on with all its tokens: from one picture to inside and outside, and colours."""
    return Recipe(
        lambda: at.triplane(plane=16),
        steps=800, batch=16, lr=4e-4, muon=0.01, warmup=20, cooldown=1.0, ema=0.99,
        weight_decay=0.0, sheet_every=250, compile=TRANSFORMERS, goes_on=True,
    )  # fmt: skip


def triplane_outlines(at: Workshop) -> Recipe:
    """The finishing phase of TSR: what pictures of the thing show must be there, and no more."""
    return Recipe(
        lambda: at.triplane(plane=16, outlined=True),
        steps=700, batch=16, lr=4e-4, muon=0.01, warmup=20, cooldown=1.0, ema=0.99,
        weight_decay=0.0, sheet_every=250, compile=TRANSFORMERS, goes_on=True,
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
    "triplane-outlines": triplane_outlines,
    "reading": reading,
    "multiview-pairs": multiview_pairs,
    "multiview": multiview,
}


def recipe(name: str, at: Workshop, steps: int | None = None) -> Recipe:
    """The recipe `name`; `steps` overrides its length."""
    made = RECIPES[name](at)
    if at.debug:
        made = replace(made, steps=4, batch=2, warmup=1, compile=())
    return replace(made, steps=steps) if steps else made
