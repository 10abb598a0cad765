"""A small TSR with the golden weights, and folders in TripoSR's published layout."""

import json
from pathlib import Path

import torch
import yaml
from safetensors.torch import load_file

from perflow_demo.nets import TSR

GOLDEN = Path(__file__).parent / "golden"


def facts(name: str) -> dict:
    """What a golden file's JSON says."""
    return json.loads((GOLDEN / f"{name}.json").read_text())


def arrays(name: str) -> dict[str, torch.Tensor]:
    """A golden file's tensors, floating ones in float32."""
    tensors = load_file(GOLDEN / f"{name}.safetensors")
    return {k: t.float() if t.dtype == torch.float16 else t for k, t in tensors.items()}


def golden_tsr() -> TSR:
    """The small network with the golden weights, strictly loaded, in eval mode."""
    told = facts("e_weights")
    network = TSR.from_config(told["config"], told["image_encoder_config"])
    network.load_state_dict(arrays("e_weights"), strict=True)
    return network.eval().requires_grad_(False)


def write_triposr(folder: Path, config: dict, weights: dict[str, torch.Tensor]) -> Path:
    """`config.yaml` and `model.ckpt` as TripoSR publishes them."""
    folder.mkdir(parents=True, exist_ok=True)
    named = {"decoder_cls": "tsr.models.network_utils.NeRFMLP", **config}
    (folder / "config.yaml").write_text(yaml.safe_dump(named))
    torch.save(weights, folder / "model.ckpt")
    return folder
