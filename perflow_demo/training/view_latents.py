"""Six views of many things, rendered and encoded once: latents on disk."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from perflow_demo.geometry.views import DOMAINS, VIEWS
from perflow_demo.nets import PocketAutoencoder
from perflow_demo.training.latents import fingerprint
from perflow_demo.training.objectives.autoencoder import to_tensor
from perflow_demo.training.toyworld.processes import mapped
from perflow_demo.training.toyworld.rows import Rows, lacking, save
from perflow_demo.training.toyworld.six_views import six_views

SHARD = 250


class ViewLatents(Rows):
    """The things of a folder of shards, each 13×C×h×w float16: picture, normals, colours."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, SHARD)

    def take(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Of those things the pictures, B C h w, and the views, B 2 6 C h w, both float32."""
        latents = torch.from_numpy(np.stack([self[row] for row in rows])).float()
        return latents[:, 0], latents[:, 1:].unflatten(1, (len(DOMAINS), len(VIEWS)))


def encoded_views(
    vae: Path, data: Path, seed: int, count: int, size: int, processes: int = 2
) -> ViewLatents:
    """Things 0…count−1 of the world `seed` under the autoencoder in `vae`, cached in `data`.

    Shards that are there already are kept.
    """
    folder = data / f"views-{seed}-{size}-{fingerprint(vae, 'encoder.')}"
    missing = lacking(folder, count, SHARD)
    if missing:
        autoencoder = PocketAutoencoder.from_pretrained(vae)
        for indices in missing:
            rendered = mapped(partial(_pages, seed, size), indices, chunk=5, processes=processes)
            save([_encode(autoencoder, pages) for pages in rendered], folder, indices)
            print(f"{folder.name}: {indices.stop} of {count} things", flush=True)
    return ViewLatents(folder)


def _pages(seed: int, size: int, index: int) -> np.ndarray:
    """13×size×size×3 uint8."""
    views = six_views(seed, index, size)
    return np.concatenate([views.picture[None], views.normals, views.colours])


@torch.no_grad()
def _encode(autoencoder: PocketAutoencoder, pages: np.ndarray) -> np.ndarray:
    # torch's own method, since that of diffusers 0.42 warns at every cast, needed or not.
    autoencoder = nn.Module.to(autoencoder, torch.bfloat16, memory_format=torch.channels_last)
    pixels = to_tensor(pages).to(torch.bfloat16)
    return autoencoder.encode(pixels).latents.half().numpy()
