"""Writes a small mirror folder in the layout of flamehaze1115/wonder3d-v1.0, random weights inside.

The weights are those of the golden files, so that what is drawn with them is known too.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from perflow_demo.nets import UNetMV2DConditionModel

GOLDEN = Path(__file__).parent / "golden"
OLD_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def write_wonder3d(folder: Path) -> Path:
    """Write the mirror below `folder`; returns the mirror's own folder."""
    mirror = folder / "wonder3d-v1.0"
    code = "mvdiffusion.models.unet_mv2d_condition"
    _write_json(
        mirror / "model_index.json",
        {
            "_class_name": "MVDiffusionImagePipeline",
            "unet": [code, "UNetMV2DConditionModel"],
            "vae": ["diffusers", "AutoencoderKL"],
        },
    )
    (mirror / f"{code}.py").write_text("raise SystemExit('a mirror brought code, and it was run')")
    _write_unet(mirror / "unet")
    _write_vae(mirror / "vae")
    _write_image_encoder(mirror)
    schedule = _golden_json("d_pipeline")["scheduler_config"]
    schedule |= {"_class_name": "DDIMScheduler", "prediction_type": "epsilon"}
    schedule |= {"steps_offset": 1, "clip_sample": False, "set_alpha_to_one": False}
    _write_json(mirror / "scheduler" / "scheduler_config.json", schedule)
    return mirror


def random_delta(path: Path, seed: int = 0) -> dict[str, torch.Tensor]:
    """Write a ΔW as a text-to-image UNet of the mirror's size would have it; returns it."""
    with torch.device("meta"):
        keys = UNetMV2DConditionModel.from_config(_golden_json("d_unet")["config"]).state_dict()
    generator = torch.Generator().manual_seed(seed)
    delta = {
        key: 0.01 * torch.randn(weight.shape, generator=generator)
        for key, weight in keys.items()
        if "joint_mid" not in key and "class_embedding" not in key
    }
    delta["conv_in.weight"] = delta["conv_in.weight"][:, :4].contiguous()
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(delta, path)
    return delta


def _write_unet(folder: Path) -> None:
    # The last two keys stood in a checkpoint's file, and no published code reads them.
    config = _golden_json("d_unet")["config"] | {"_class_name": "UNetMV2DConditionModel"}
    config |= {"joint_attention": False, "joint_attention_twice": True}
    _write_json(folder / "config.json", config)
    _write_weights(folder / "diffusion_pytorch_model.safetensors", load_file(_golden("d_unet")))


def _write_vae(folder: Path) -> None:
    config = _golden_json("d_vae")["config"] | {"_class_name": "AutoencoderKL"}
    _write_json(folder / "config.json", config)
    weights = load_file(_golden("d_vae"))
    old = {}
    for key, weight in weights.items():
        for today, before in OLD_NAMES.items():
            key = key.replace(f".{today}.", f".{before}.") if ".attentions." in key else key
        old[key] = weight
    _write_weights(folder / "diffusion_pytorch_model.safetensors", old)


def _write_image_encoder(mirror: Path) -> None:
    golden = _golden_json("d_image_encoder")
    config = golden["config"] | {"layer_norm_eps": golden["layer_norm_eps"]}
    config |= {
        "model_type": "clip_vision_model",
        "architectures": ["CLIPVisionModelWithProjection"],
        "num_channels": 3,
    }
    _write_json(mirror / "image_encoder" / "config.json", config)
    weights = load_file(_golden("d_image_encoder"))
    weights["vision_model.embeddings.position_ids"] = torch.arange(17).unsqueeze(0)
    _write_weights(mirror / "image_encoder" / "model.safetensors", weights)
    processor = golden["image_processor"]
    _write_json(
        mirror / "feature_extractor" / "preprocessor_config.json",
        {
            "feature_extractor_type": "CLIPFeatureExtractor",
            "size": {"shortest_edge": processor["resize_shortest_edge"]},
            "crop_size": {"height": processor["center_crop"], "width": processor["center_crop"]},
            "resample": 3,
            "do_resize": True,
            "do_center_crop": True,
            "do_normalize": True,
            "do_convert_rgb": True,
            "image_mean": processor["mean"],
            "image_std": processor["std"],
        },
    )


def _golden(name: str) -> Path:
    return GOLDEN / f"{name}.safetensors"


def _golden_json(name: str) -> dict:
    return json.loads((GOLDEN / f"{name}.json").read_text())


def _write_json(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def _write_weights(path: Path, weights: dict[str, torch.Tensor]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, path)
