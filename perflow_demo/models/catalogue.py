"""THE table: every model the program offers is one row, every style one row inside it."""

from dataclasses import replace

from perflow_demo.models import stable_diffusion
from perflow_demo.models.sources import Source
from perflow_demo.models.spec import (
    Component,
    Defaults,
    Drawing,
    Family,
    ForegroundModel,
    MultiviewFamily,
    Refiner,
    Repository,
    SolidModel,
    Style,
)
from perflow_demo.models.stable_diffusion import GB


def _style(name: str, title: str, description: str) -> Style:
    weights = f"styles/{name}/delta.safetensors"
    return Style(name, title, description, Component(f"style {title}", weights=weights))


POCKET = Family(
    name="pocket",
    title="Pocket",
    description="Small toy-like objects and scenes, trained from scratch by this project.",
    licence="Apache-2.0",
    folder="pocket",
    tokenizer=Component("tokenizer", "tokenizer/tokenizer_config.json", "tokenizer/tokenizer.json"),
    text_encoder=Component(
        "text encoder", "text_encoder/config.json", "text_encoder/model.safetensors"
    ),
    vae=Component("autoencoder", "vae/config.json", "vae/diffusion_pytorch_model.safetensors"),
    unet=Component("UNet", "unet/config.json", "unet/diffusion_pytorch_model.safetensors"),
    delta=Component("PeRFlow ΔW", weights="delta/diffusion_pytorch_model.safetensors"),
    scheduler=Component("noise schedule", "scheduler/scheduler_config.json"),
    styles=(
        _style("cel", "Cel-shaded", "Flat bands of colour with dark outlines."),
        _style("pencil", "Pencil", "Hatched with coloured pencils on warm paper."),
    ),
    defaults=Defaults(steps=4, teacher_steps=25, guidance_scale=4.5, size=512),
    sizes=(256, 512),
    max_count=8,
    native_size=256,
    vocabulary="tokenizer/words.txt",
    prediction_type="ddim_v",
    gpu_seconds=15,
)

# Lies beside the family and measures its pictures; no part of any pipeline.
POCKET_JUDGE = Component("judge", "judge/config.json", "judge/diffusion_pytorch_model.safetensors")

CATALOGUE: dict[str, Family] = {
    family.name: family for family in (POCKET, *stable_diffusion.FAMILIES)
}

# Looks at pictures of published families where strangers can ask for them.
SAFETY = stable_diffusion.SAFETY

REFINERS: dict[str, Refiner] = {
    refiner.name: refiner
    for refiner in (
        Refiner(
            name="pocket",
            title="Pocket tile",
            description="Adds detail to toy-like pictures, trained from scratch by this project.",
            licence="Apache-2.0",
            folder="pocket",
            controlnet=Component(
                "ControlNet-tile",
                "controlnet_tile/config.json",
                "controlnet_tile/diffusion_pytorch_model.safetensors",
            ),
            defaults=Defaults(
                steps=4, teacher_steps=25, guidance_scale=1.0, size=1024, fidelity=1.0
            ),
            gpu_seconds=30,
        ),
        Refiner(
            name="tile",
            title="ControlNet-tile",
            description="Adds detail to any picture, published with ControlNet 1.1.",
            licence="CreativeML OpenRAIL-M",
            folder="control_v11f1e_sd15_tile",
            controlnet=Component(
                "ControlNet-tile", "config.json", "diffusion_pytorch_model.safetensors"
            ),
            defaults=Defaults(
                steps=4,
                teacher_steps=25,
                guidance_scale=4.5,
                size=1024,
                negative_prompt="blur, lowres, bad anatomy, bad hands, cropped, worst quality",
            ),
            prompt="best quality",
            repository=Repository("lllyasviel/control_v11f1e_sd15_tile"),
            download_bytes=int(1.4 * GB),  # published in float32 alone
            memory_bytes=int(0.72 * GB),
            gpu_seconds=60,
        ),
    )
}

FOREGROUND: dict[str, ForegroundModel] = {
    model.name: model
    for model in (
        ForegroundModel(
            name="pocket",
            title="Pocket foreground",
            description="Cuts out toy-like things, trained from scratch by this project.",
            licence="Apache-2.0",
            folder="pocket",
            network=Component(
                "foreground network",
                "foreground/config.json",
                "foreground/diffusion_pytorch_model.safetensors",
            ),
            size=256,
            gpu_seconds=5,
        ),
    )
}

# No code of the repository is read.
WONDER3D = MultiviewFamily(
    name="wonder3d",
    title="Wonder3D",
    description="Six views of any object, published with the paper of that name.",
    licence=stable_diffusion.PLUGGED.format("AGPL-3.0"),
    folder="wonder3d-v1.0",
    repository=Repository(
        "flamehaze1115/wonder3d-v1.0", "d6d2efc033a06a74d3761268de7295c97e6935d2"
    ),
    delta=stable_diffusion.DELTA,
    delta_repository=stable_diffusion.SD15_DELTA,
    download_bytes=int(4.3 * GB),
    memory_bytes=int(2.6 * GB),
    image_encoder=Component(
        "image encoder", "image_encoder/config.json", "image_encoder/model.safetensors"
    ),
    image_processor=Component("image processor", "feature_extractor/preprocessor_config.json"),
    vae=Component("autoencoder", "vae/config.json", "vae/diffusion_pytorch_model.safetensors"),
    unet=Component(
        "multiview UNet", "unet/config.json", "unet/diffusion_pytorch_model.safetensors"
    ),
    scheduler=Component("noise schedule", "scheduler/scheduler_config.json"),
    defaults=Defaults(steps=4, teacher_steps=20, guidance_scale=1.0, size=256),
    gpu_seconds=45,
)

POCKET_VIEWS = MultiviewFamily(
    name="pocket",
    title="Pocket",
    description="Six views of toy-like objects, trained from scratch by this project.",
    licence="Apache-2.0",
    folder="pocket",
    image_encoder=Component(
        "image tokens",
        "multiview/image_encoder/config.json",
        "multiview/image_encoder/diffusion_pytorch_model.safetensors",
    ),
    image_processor=None,
    vae=POCKET.vae,
    unet=Component(
        "multiview UNet",
        "multiview/unet/config.json",
        "multiview/unet/diffusion_pytorch_model.safetensors",
    ),
    scheduler=POCKET.scheduler,
    delta=POCKET.delta,
    defaults=Defaults(steps=4, teacher_steps=25, guidance_scale=1.0, size=256, variety=0.4),
    prediction_type=POCKET.prediction_type,
    cleared=True,
    gpu_seconds=15,
)

MULTIVIEW: dict[str, MultiviewFamily] = {family.name: family for family in (POCKET_VIEWS, WONDER3D)}

SOLIDS: dict[str, SolidModel] = {
    model.name: model
    for model in (
        SolidModel(
            name="pocket",
            title="Pocket 3D",
            description="Solids of toy-like things, trained from scratch by this project.",
            licence="Apache-2.0",
            folder="pocket",
            network=Component(
                "3D network", "tsr/config.json", "tsr/diffusion_pytorch_model.safetensors"
            ),
            lens=(4.35, 0.2),  # as far as Toy World's; it shows the box of ±0.87
            resolution=128,  # its planes have 32 cells along a side
            gpu_seconds=45,
        ),
        SolidModel(
            name="triposr",
            title="TripoSR",
            description="Solids of any object, published with the paper of that name.",
            licence="MIT",
            folder="TripoSR",
            network=Component("TripoSR", "config.yaml", "model.safetensors"),
            lens=(1.9, 0.364),  # 40° wide
            checkpoint="model.ckpt",
            drawing=Drawing("diff_eps", steps=6, guidance_scale=7.0),  # Stable Diffusion 1.5
            repository=Repository(
                "stabilityai/TripoSR", "c1cf7716aed5aa6c1c5e174657791ef0e1327bde"
            ),
            download_bytes=int(1.7 * GB),
            memory_bytes=int(0.84 * GB),
            gpu_seconds=60,
        ),
    )
}


def has_solid(model: SolidModel, source: Source) -> bool:
    """Whether all files of the network are there."""
    weights = (model.network.weights, model.checkpoint)
    return source.has(model.network.config) and any(name and source.has(name) for name in weights)


def available(family: Family, source: Source) -> Family:
    """The family with only those styles whose weights its source has."""
    present = tuple(style for style in family.styles if source.has(style.component.weights))
    return replace(family, styles=present)
