"""Rows of the catalogue: the published Stable Diffusion families, as snapshots on the hub.

Licences, revisions and sizes are those of the repositories' pages; a revision is left open where no
page told it whole. What stays on the device follows from the numbers of parameters in half
precision; the file names are diffusers'.
"""

from dataclasses import replace

from perflow_demo.models.spec import Component, Defaults, Family, Repository, SafetyModel

GB = 10**9
PREFIX = "RAW photo, 8k uhd, dslr, high quality, film grain, highly detailed, masterpiece; "
NEGATIVE = (
    "distorted, blur, smooth, low-quality, warm, haze, over-saturated, high-contrast, "
    "out of focus, dark"
)
XL_NEGATIVE = "distorted, blur, low-quality, haze, out of focus"
OPEN = "CreativeML OpenRAIL-M"
PERFLOW = "CC BY-NC 4.0"  # of what its authors published: not for commercial use
PLUGGED = f"{{}}; ΔW {PERFLOW}"
UNTOLD = "licence not stated by its authors"
DELTA = Component("PeRFlow ΔW", weights="diffusion_pytorch_model.safetensors")
SD15_DELTA = Repository(
    "hansyan/perflow-sd15-delta-weights", "04816c73aee64aadbae133a5053e78fed2c6ac8f", "v0-1"
)


def network(folder: str, title: str) -> Component:
    """A network that diffusers wrote."""
    weights = f"{folder}/diffusion_pytorch_model.safetensors"
    return Component(title, f"{folder}/config.json", weights)


def text_encoder(folder: str, title: str) -> Component:
    """A network that transformers wrote."""
    return Component(title, f"{folder}/config.json", f"{folder}/model.safetensors")


def tokenizer(folder: str) -> Component:
    """CLIP's, as two files of vocabulary."""
    files = (f"{folder}/{name}" for name in ("tokenizer_config.json", "vocab.json", "merges.txt"))
    config, vocabulary, merges = files
    return Component("tokenizer", config, vocabulary, (merges,))


SD15 = Family(
    name="sd15-dreamshaper",
    title="DreamShaper 8 + PeRFlow",
    description="Stable Diffusion 1.5, an all-round fine-tune, with ΔW plugged in.",
    licence=PLUGGED.format(OPEN),
    folder="dreamshaper-8",
    repository=Repository("Lykon/dreamshaper-8", "a7e52b98680b1ba8ff7bce97c7f9f2e2e5337917"),
    delta_repository=SD15_DELTA,
    tokenizer=tokenizer("tokenizer"),
    text_encoder=text_encoder("text_encoder", "text encoder"),
    vae=network("vae", "autoencoder"),
    unet=network("unet", "UNet"),
    delta=DELTA,
    scheduler=Component("noise schedule", "scheduler/scheduler_config.json"),
    styles=(),
    defaults=Defaults(4, 25, 4.5, 512, NEGATIVE),
    sizes=(512, 640, 768),
    max_count=4,
    prompt_prefix=PREFIX,
    refiner="tile",
    multiview="wonder3d",
    solid="triposr",
    download_bytes=int(3.9 * GB),
    memory_bytes=int(2.1 * GB),
    words_bytes=int(0.25 * GB),
    gpu_seconds=30,
)


def _fine_tune(name: str, title: str, repository: Repository, description: str) -> Family:
    """A fine-tune of Stable Diffusion 1.5 that ΔW is added to, published in full precision."""
    return replace(
        SD15,
        name=f"sd15-{name}",
        title=f"{title} + PeRFlow",
        description=f"Stable Diffusion 1.5, {description}, with ΔW plugged in.",
        folder=repository.name.partition("/")[2],
        repository=repository,
        download_bytes=int(6.0 * GB),
    )


def _merged(
    name: str, title: str, steps: int, guidance: float, revision: str = "main", **fields
) -> Family:
    """A fine-tune of Stable Diffusion 1.5 published with ΔW inside."""
    return replace(
        SD15,
        name=f"perflow-sd15-{name.lower()}",
        title=f"PeRFlow {title}",
        description=f"Stable Diffusion 1.5 as {title}, published with ΔW inside.",
        folder=f"perflow-sd15-{name}",
        repository=Repository(f"hansyan/perflow-sd15-{name}", revision),
        delta_repository=None,
        delta=None,
        defaults=replace(SD15.defaults, steps=steps, guidance_scale=guidance),
        download_bytes=int(2.1 * GB),
        **{"licence": PERFLOW} | fields,
    )


SD21 = replace(
    SD15,
    name="perflow-sd21-artius",
    title="PeRFlow Artius (SD 2.1)",
    description="Stable Diffusion 2.1 at 768 pixels, published with ΔW inside.",
    licence=PERFLOW,
    folder="perflow-sd21-artius",
    repository=Repository(
        "hansyan/perflow-sd21-artius", "ca500d6ed88facee1df9a58d43b6c09c6c52cec6"
    ),
    delta_repository=None,
    delta=None,
    defaults=Defaults(8, 25, 7.5, 768, NEGATIVE),
    sizes=(512, 768),
    prediction_type="velocity",
    refiner=None,
    download_bytes=int(2.6 * GB),
    memory_bytes=int(2.6 * GB),
    words_bytes=int(0.68 * GB),
    gpu_seconds=60,
)


def _xl(name: str, title: str, revision: str) -> Family:
    """SDXL, published with ΔW inside."""
    return replace(
        SD21,
        name=f"perflow-sdxl-{name}",
        title=f"PeRFlow {title} (SDXL)",
        description="SDXL at 1024 pixels, published with ΔW inside.",
        folder=f"perflow-sdxl-{name}",
        repository=Repository(f"hansyan/perflow-sdxl-{name}", revision, "v0-fix"),
        tokenizer_2=tokenizer("tokenizer_2"),
        text_encoder_2=text_encoder("text_encoder_2", "second text encoder"),
        defaults=Defaults(6, 30, 2.0, 1024, XL_NEGATIVE),
        sizes=(768, 1024),
        max_count=2,
        prediction_type="ddim_eps",
        download_bytes=int(6.9 * GB),
        memory_bytes=int(7.1 * GB),
        words_bytes=int(1.64 * GB),
    )


SAFETY = SafetyModel(
    name="safety",
    title="Safety checker",
    description="Tells pictures unfit for strangers, published with Stable Diffusion 1.",
    licence=UNTOLD,
    folder="stable-diffusion-safety-checker",
    network=Component("safety checker", "config.json", "model.safetensors"),
    image_processor=Component("image processor", "preprocessor_config.json"),
    repository=Repository("CompVis/stable-diffusion-safety-checker"),
    download_bytes=int(1.2 * GB),  # published in float32 alone
    memory_bytes=int(0.61 * GB),
    gpu_seconds=5,
)

FAMILIES = (
    SD15,
    _fine_tune(
        "realistic-vision",
        "Realistic Vision 5.1",
        Repository(
            "SG161222/Realistic_Vision_V5.1_noVAE", "672a55008829cf5e581a6a33159daf03c44a0f0b"
        ),
        "a fine-tune for photographs",
    ),
    _fine_tune(
        "landscape",
        "Landscape Realistic",
        Repository("stablediffusionapi/landscape-realistic-pro"),
        "a fine-tune for landscapes",
    ),
    _fine_tune(
        "disney",
        "Disney Cartoon",
        Repository(
            "stablediffusionapi/disney-pixar-cartoon", "ac09f29885253b7ed5b5aecc9c4fb053b528047a"
        ),
        "a fine-tune for cartoons",
    ),
    _merged("dreamshaper", "DreamShaper", 8, 7.5),
    _merged(
        "realisticVisionV51",
        "Realistic Vision 5.1",
        6,
        6.0,
        "36fb721768d1341e32e997e477aec6067d833a69",
    ),
    _merged("architectureexterior", "Architecture Exterior", 4, 4.5),
    _merged("disney", "Disney", 8, 7.5, licence=UNTOLD),
    SD21,
    _xl("dreamshaper", "DreamShaper", "e8c8ecfb9cd5b750f5966a56b3c7901eaadf676c"),
    _xl("base", "SDXL base", "d39740b76d8aa1c66bbb112739512e3edfbc782c"),
)
