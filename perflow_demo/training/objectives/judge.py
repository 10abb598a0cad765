"""Judge: kind, main colour and accessories of single things, from pictures made a little worse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from perflow_demo.nets import Judge
from perflow_demo.training.objectives.autoencoder import grid, to_tensor
from perflow_demo.training.objectives.backgrounds import window
from perflow_demo.training.publish import write_packed
from perflow_demo.training.toyworld.accessories import ACCESSORIES
from perflow_demo.training.toyworld.kinds import KINDS
from perflow_demo.training.toyworld.palette import COLOURS
from perflow_demo.training.toyworld.scene import ThingWords
from perflow_demo.training.toyworld.shards import Pictures

UNKNOWN = -100  # a colourful thing has no main colour to learn


class JudgeObjective:
    """Cross-entropy for kind and colour, binary for accessories; on moved, blurred, noisy views.

    The last `held_out` pictures are never trained on; `sheet` and the log's figures come from them.
    """

    def __init__(self, folder: Path, held_out: int = 1500, **config) -> None:
        self.net = Judge(tuple(KINDS), tuple(COLOURS), tuple(ACCESSORIES), **config)
        self.pictures = Pictures(folder)
        single = [i for i, words in enumerate(self.pictures.words) if not words.relation]
        self.training, self.held_out = single[:-held_out], single[-held_out:]

    def batch(self, rng: np.random.Generator, count: int) -> tuple[Tensor, ...]:
        rows = [self.training[i] for i in rng.integers(len(self.training), size=count)]
        pixels, *labels = self._take(rows)
        sides = rng.uniform(0.8, 1.1, (count, 1)) * rng.uniform(0.95, 1.05, (count, 2))
        sides[:, 0] *= rng.choice((-1, 1), count)
        pixels = window(pixels, sides, rng.uniform(-0.15, 0.15, (count, 2)))
        worse = int(rng.integers(1, 5))
        if worse > 1:
            pixels = F.interpolate(F.avg_pool2d(pixels, worse), pixels.shape[-2:], mode="bilinear")
        noise = torch.from_numpy(
            rng.normal(0, rng.uniform(0, 0.06), pixels.shape).astype(np.float32)
        )
        return pixels + noise, *labels

    def loss(
        self, net: Judge, batch, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        pixels, kind, colour, accessories = batch
        said = net(pixels.contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(said.kind.float(), kind)
        loss = loss + F.cross_entropy(said.colour.float(), colour, ignore_index=UNKNOWN)
        loss = loss + F.binary_cross_entropy_with_logits(said.accessories.float(), accessories)
        return loss, {"kind": (said.kind.argmax(1) == kind).float().mean().item()}

    @torch.no_grad()
    def accuracy(self, net: Judge) -> dict[str, float]:
        """Shares right on the held-out renders."""
        hits: dict[str, list[Tensor]] = {"kind": [], "colour": [], "accessories": []}
        for start in range(0, len(self.held_out), 50):
            pixels, kind, colour, accessories = self._take(self.held_out[start : start + 50])
            said = net(pixels)
            hits["kind"].append(said.kind.argmax(1) == kind)
            hits["colour"].append((said.colour.argmax(1) == colour)[colour != UNKNOWN])
            hits["accessories"].append((said.accessories > 0) == (accessories > 0))
        return {name: torch.cat(found).float().mean().item() for name, found in hits.items()}

    @torch.no_grad()
    def sheet(self, net: Judge) -> Image.Image:
        """The twelve held-out pictures whose kind it is least right about."""
        figures = self.accuracy(net)
        print({name: round(share, 4) for name, share in figures.items()}, flush=True)
        pixels, kind, *_ = self._take(self.held_out[:400])
        sure = net(pixels).kind.log_softmax(1).gather(1, kind[:, None])[:, 0]
        return grid(pixels[sure.argsort()[:12]], columns=6)

    def publish(self, net: Judge, folder: Path) -> dict[str, float]:
        """Saves it, packed; returns its held-out accuracy."""
        figures = self.accuracy(net)
        write_packed(net, folder / "judge")
        return figures

    def _take(self, rows: list[int]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        pixels = to_tensor(np.stack([self.pictures[i] for i in rows]))
        things = [self.pictures.words[i].things[0] for i in rows]
        kinds, colours = self.net.config.kinds, self.net.config.colours
        worn = [
            [float(name in t.accessories) for name in self.net.config.accessories] for t in things
        ]
        return (
            F.interpolate(pixels, (128, 128), mode="area"),
            torch.tensor([kinds.index(thing.kind) for thing in things]),
            torch.tensor([_colour_index(thing, colours) for thing in things]),
            torch.tensor(worn),
        )


def _colour_index(thing: ThingWords, colours: tuple[str, ...]) -> int:
    name = thing.colour.split()[-1]
    return colours.index(name) if name in colours else UNKNOWN
