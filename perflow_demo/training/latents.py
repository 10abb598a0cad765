"""Pictures encoded once: latents on disk with their words."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from diffusers.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors.torch import load_file
from torch import Tensor, nn

from perflow_demo.nets import PocketAutoencoder
from perflow_demo.training.objectives.autoencoder import to_tensor
from perflow_demo.training.toyworld.scene import SceneWords
from perflow_demo.training.toyworld.shards import Pictures


class Latents:
    """Encoded pictures of one size, N×C×h×w float16, with their words."""

    def __init__(self, folder: Path) -> None:
        self._values = np.load(folder / "latents.npy", mmap_mode="r")
        self.pixels = 16 * self._values.shape[-1]
        rows = json.loads((folder / "words.json").read_text())
        self.words = [SceneWords.from_json(row) for row in rows]

    def __len__(self) -> int:
        return len(self.words)

    def take(self, rows: np.ndarray) -> Tensor:
        """Those rows: B C h w float32."""
        return torch.from_numpy(self._values[rows]).float()

    def crops(self, rows: np.ndarray, corners: np.ndarray, side: int) -> Tensor:
        """Of those rows squares of `side`: B C side side float32.

        corners: B×2, the top and left of each, in latents.
        """
        squares = [
            self._values[row, :, top : top + side, left : left + side]
            for row, (top, left) in zip(rows, corners, strict=True)
        ]
        return torch.from_numpy(np.stack(squares)).float()


def encoded(pictures: Path, vae: Path, data: Path) -> Latents:
    """The Latents of a folder of shards under the autoencoder in `vae`, cached in `data`.

    Encoded anew where the folder has grown.
    """
    shards = Pictures(pictures)
    folder = data / f"latents-{pictures.name}-{fingerprint(vae, 'encoder.')}"
    if not (folder / "words.json").exists() or len(Latents(folder)) != len(shards):
        encode(shards, PocketAutoencoder.from_pretrained(vae), folder)
    return Latents(folder)


def fingerprint(folder: Path, part: str = "") -> str:
    """Names the weights of a network in `folder`, or of that part of it.

    Whatever becomes of a decoder, latents stay as they are.
    """
    weights = load_file(folder / SAFETENSORS_WEIGHTS_NAME)
    digest = hashlib.sha256()
    for key in sorted(key for key in weights if key.startswith(part)):
        digest.update(weights[key].numpy().tobytes())
    return digest.hexdigest()[:12]


@torch.no_grad()
def encode(
    pictures: Pictures, autoencoder: PocketAutoencoder, folder: Path, batch: int = 16
) -> None:
    """Writes the Latents of all `pictures` into `folder` (in bf16, about 60 pictures a second)."""
    folder.mkdir(parents=True, exist_ok=True)
    # torch's own method, since that of diffusers 0.42 warns at every cast, needed or not.
    autoencoder = nn.Module.to(autoencoder, torch.bfloat16, memory_format=torch.channels_last)
    chunks = []
    for start in range(0, len(pictures), batch):
        pixels = np.stack([pictures[i] for i in range(start, min(start + batch, len(pictures)))])
        batched = to_tensor(pixels).to(torch.bfloat16, memory_format=torch.channels_last)
        chunks.append(autoencoder.encode(batched).latents.half().numpy())
    np.save(folder / "latents.npy", np.concatenate(chunks))
    (folder / "words.json").write_text(json.dumps([words.to_json() for words in pictures.words]))
