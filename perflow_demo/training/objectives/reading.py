"""Reading: the image encoder says of a picture what the text encoder says of its caption."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers.models.attention_processor import AttnProcessor
from PIL import Image
from torch import Tensor

from perflow_demo.nets import LatentTokens
from perflow_demo.training.latents import Latents
from perflow_demo.training.objectives.autoencoder import grid
from perflow_demo.training.objectives.teacher import TeacherObjective, teacher_schedule
from perflow_demo.training.publish import write_packed
from perflow_demo.training.text import tokenize
from perflow_demo.training.toyworld.captions import brief

NOISE = 0.5  # at most, on latents of unit variance: pictures that were drawn are less exact
SHOWN = 12


class ReadingObjective:
    """Mean square error between the tokens of a picture and the text encoder's of its caption.

    What CLIP does for Wonder3D, at this family's size: the UNet that goes on from the teacher
    understands from its first step what the picture shows, which a few thousand things with their
    views would not have taught it. The last `held_out` pictures are never trained on.
    """

    def __init__(
        self, net: LatentTokens, teacher: TeacherObjective, data: Latents, held_out: int = 400
    ) -> None:
        for block in net.blocks:  # see TeacherObjective
            block.attn1.set_processor(AttnProcessor())
        self.net, self.data = net, data
        self.teacher = teacher.net.eval().requires_grad_(False)
        self.autoencoder, self.tokenizer = teacher.autoencoder, teacher.tokenizer
        self.sample = teacher.sample
        self.captions = [brief(words) for words in data.words]
        self.trained = len(data) - held_out

    def batch(self, rng: np.random.Generator, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Latents B C h w, their captions' ids and masks."""
        rows = rng.integers(self.trained, size=count)
        return self.data.take(rows), *self._words(rows)

    def loss(
        self, net: LatentTokens, batch, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        latents, ids, mask = batch
        level = NOISE * torch.rand(len(latents), 1, 1, 1, generator=generator)
        noisy = latents + level * torch.randn(latents.shape, generator=generator)
        wanted = self._said(ids, mask)
        return (net(noisy).float() - wanted).square().mean(), {}

    @torch.no_grad()
    def sheet(self, net: LatentTokens) -> Image.Image:
        """Held-out pictures, and below what the teacher draws when told what `net` reads."""
        shown = self.data.take(self._held_out()[:SHOWN])
        tokens, nothing = net(shown), self._said(*self._tokenized([""])).expand(len(shown), -1, -1)
        drawn = self.sample(
            self.teacher, teacher_schedule(), torch.cat([nothing, tokens]),
            steps=25, guidance_scale=4.5, side=shown.shape[-1],
        )  # fmt: skip
        pixels = self.autoencoder.decode(torch.cat([shown, drawn])).sample.float()
        return grid(pixels, columns=len(shown))

    @torch.no_grad()
    def publish(self, net: LatentTokens, folder: Path) -> dict[str, float]:
        """Saves the image encoder; returns how often the held-out caption nearest to what it says
        is of the right kind, and of the right kind and colour."""
        write_packed(net, folder / "multiview" / "image_encoder")
        rows = self._held_out()
        said = net(self.data.take(rows)).flatten(1)
        nearest = torch.cdist(said, self._said(*self._words(rows)).flatten(1)).argmin(1)
        things = [self.data.words[row].things[0] for row in rows]
        pairs = [(thing, things[index]) for thing, index in zip(things, nearest, strict=True)]
        kind = np.mean([one.kind == other.kind for one, other in pairs])
        both = np.mean([(a.kind, a.colour) == (b.kind, b.colour) for a, b in pairs])
        return {"kind": float(kind), "kind_and_colour": float(both)}

    def _held_out(self) -> np.ndarray:
        return np.arange(self.trained, len(self.data))

    def _words(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        return self._tokenized([self.captions[row] for row in rows])

    def _tokenized(self, captions: list[str]) -> tuple[Tensor, Tensor]:
        length = self.net.config.tokens
        ids, mask = tokenize(self.tokenizer, captions)
        return ids[:, :length], mask[:, :length]

    def _said(self, ids: Tensor, mask: Tensor) -> Tensor:
        """What the text encoder says, B L C; where a caption has ended, its last token again."""
        said = self.teacher.context(ids, mask).float()
        last = mask.sum(1) - 1
        places = torch.minimum(torch.arange(ids.shape[1]), last[:, None])
        return said.take_along_dim(places[..., None], 1)
