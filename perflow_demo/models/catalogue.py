"""THE table: every model the program offers is one row, every style one row inside it."""

from dataclasses import replace

from perflow_demo.models.sources import Source
from perflow_demo.models.spec import Component, Defaults, Family, Style


def _style(name: str, title: str, description: str) -> Style:
    weights = f"styles/{name}/delta.safetensors"
    return Style(name, title, description, Component(f"style {title}", weights=weights))


POCKET = Family(
    name="pocket",
    title="Pocket",
    description="Small toy-like objects and scenes, trained from scratch by this project.",
    licence="Apache-2.0",
    folder="pocket",
    tokenizer=Component(
        "tokenizer", "tokenizer/tokenizer_config.json", "tokenizer/tokenizer.json"
    ),
    text_encoder=Component(
        "text encoder", "text_encoder/config.json", "text_encoder/model.safetensors"
    ),
    vae=Component("autoencoder", "vae/config.json", "vae/diffusion_pytorch_model.safetensors"),
    unet=Component("UNet", "unet/config.json", "unet/diffusion_pytorch_model.safetensors"),
    delta=Component("PeRFlow ΔW", weights="delta/diffusion_pytorch_model.safetensors"),
    scheduler=Component("noise schedule", "scheduler/scheduler_config.json"),
    styles=(
        _style("cel", "Cel-shaded", "Flat bands of colour with dark outlines."),
        _style("pencil", "Pencil on paper", "Hatched graphite on white paper."),
    ),
    defaults=Defaults(steps=4, teacher_steps=25, guidance_scale=4.5, size=256),
    sizes=(256, 320, 384, 448, 512),
    max_count=8,
)

# Lies beside the family and measures its pictures; no part of any pipeline.
POCKET_JUDGE = Component("judge", "judge/config.json", "judge/diffusion_pytorch_model.safetensors")

CATALOGUE: dict[str, Family] = {family.name: family for family in (POCKET,)}


def available(family: Family, source: Source) -> Family:
    """The family with only those styles whose weights its source has."""
    present = tuple(style for style in family.styles if source.has(style.component.weights))
    return replace(family, styles=present)
