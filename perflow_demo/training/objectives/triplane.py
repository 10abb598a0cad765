"""Triplane: TSR learns from one picture what lies inside a thing, and the colours of its skin."""

from __future__ import annotations

from math import log
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from perflow_demo.evaluation.metrics import means
from perflow_demo.geometry.mesh import upright
from perflow_demo.geometry.turntable import Turntable
from perflow_demo.nets import TSR
from perflow_demo.nets.tsr_views import sample_rays
from perflow_demo.training.publish import write_module
from perflow_demo.training.toyworld.outlines import Outlines, through
from perflow_demo.training.toyworld.rebuilt import LEVEL, Stand, compare, surface, triplane
from perflow_demo.training.toyworld.solid_shards import POINTS, Solids, measured_skin, single

BLURRED = 0.3  # share of batches
RECOLOURED = 0.5  # share of examples
COLOURED = 0.5  # share of the near points that have a colour: those closest to the skin
HELD_OUT = range(3_800, 4_000)
ANYWHERE = 0.5  # share of the points of a thing
RAYS, SAMPLES = 256, 64  # of a thing, half of them through the picture itself; of a ray
RAY_WEIGHT = 0.5  # with 1, parts are there and frayed
SHOWN, SIDES = 6, (0, 120, 240)


class Batch(NamedTuple):
    """images B H W 3 in [0, 1]; points B N 3 in world units, the coloured first; inside B N, 0 or
    1; colours B C 3 in [0, 1]. Of rays, where there are any, origins and unit directions B R 3 in
    the world, and how much of each meets the thing: covered B R in [0, 1]."""

    images: Tensor
    points: Tensor
    inside: Tensor
    colours: Tensor
    origins: Tensor
    directions: Tensor
    covered: Tensor


class TriplaneObjective:
    """Inside and outside at points, by cross-entropy and by the soft overlap of the volumes, and L1
    of colours near the skin.

    The nearest points have colours only: on which side of the skin they lie is a coin tossed to a
    network that does not place it that exactly, and drowned what it could learn.
    The logit is the logarithm of density_act over LEVEL, so the surface lies where density_act is
    LEVEL and meshes of any size are extracted as from the published weights. Every example is
    mirrored half of the time, and has its red, green and blue exchanged half of the time: there are
    few things, and a shape has any colour. folder: of the solids of the world `seed`; those with
    the numbers `held_out` are never trained on.
    outlines: of the same things, for the finishing phase. A network that is not sure how far away a
    thin part is makes every place for it improbable, and leaves it out; but it sees which rays meet
    it, and a ray meets something only if one of its points is inside.
    """

    def __init__(
        self,
        folder: Path,
        seed: int,
        network: TSR,
        held_out: range = HELD_OUT,
        points: int = 4096,
        colour_weight: float = 1.0,
        outlines: Outlines | None = None,
    ) -> None:
        self.net = network
        self.solids, self.seed = Solids(folder), seed
        self.held_out = held_out
        self.training = [i for i in range(len(self.solids)) if i not in held_out]
        self.points, self.anywhere = points, int(ANYWHERE * points)
        self.colour_weight = colour_weight
        self.outlines = outlines

    def batch(self, rng: np.random.Generator, count: int) -> Batch:
        """`count` pictures of things, an eighth of the points near the skin and coloured, three
        eighths farther off it and the others anywhere. Drawn pictures are softer than rendered
        ones, so some batches are."""
        rows = [self._example(rng) for _ in range(count)]
        batch = Batch(*(torch.from_numpy(np.stack(part)) for part in zip(*rows, strict=True)))
        if rng.random() < BLURRED:
            batch = batch._replace(images=_blurred(batch.images, int(rng.integers(2, 5))))
        return batch

    def loss(self, net: TSR, batch: Batch, generator: torch.Generator):
        codes = net.scene_codes(batch.images).float()
        pairs = zip(codes, batch.points, strict=True)
        answers = [net.query(code, points) for code, points in pairs]
        logits = torch.stack([_logits(net, answer) for answer in answers])
        near = batch.colours.shape[1]
        colours = torch.stack([a["color"][:near] for a in answers])
        outline = F.binary_cross_entropy_with_logits(logits[:, near:], batch.inside[:, near:])
        colour = (colours - batch.colours).abs().mean()
        anywhere = np.s_[:, -self.anywhere :]
        overlap = _overlap(logits[anywhere].sigmoid(), batch.inside[anywhere])
        found, truth = logits.detach()[anywhere] > 0, batch.inside[anywhere] > 0
        figures = {
            "outline": outline.item(),
            "overlap": overlap.item(),
            "colour": colour.item(),
            "iou": ((found & truth).sum() / (found | truth).sum().clamp(min=1)).item(),
        }
        loss = outline + 1 - overlap + self.colour_weight * colour
        if self.outlines is not None:
            met, covered = _met(net, codes, batch)
            figures["drawn"] = ((met.detach() > 0) == (covered > 0.5)).float().mean().item()
            loss = loss + RAY_WEIGHT * F.binary_cross_entropy_with_logits(met, covered)
        return loss, figures

    @torch.no_grad()
    def sheet(self, net: TSR) -> Image.Image:
        """Held-out pictures, and below them the meshes made of them, from three sides."""
        columns = []
        for index in self.held_out[:SHOWN]:
            picture = self.solids[index]["views"][0]
            mesh = upright(surface(net, triplane(net, picture), 96))
            if mesh.empty:
                sides = [np.full_like(picture, 255)] * len(SIDES)
            else:
                table = Turntable(mesh, len(picture))
                sides = [np.asarray(table.view(azimuth)) for azimuth in SIDES]
            columns.append(np.concatenate([picture, *sides]))
        return Image.fromarray(np.concatenate(columns, 1))

    @torch.no_grad()
    def publish(self, net: TSR, folder: Path) -> dict[str, float]:
        """Saves it, fp16; returns how well it rebuilds held-out things from their first picture."""
        write_module(net, folder / "tsr")
        return self.measure(net)

    def measure(self, net: TSR, resolution: int = 128) -> dict[str, float]:
        """Means of `compare` over held-out things, from their first pictures."""
        found = []
        for index in self.held_out:
            skin = measured_skin(single(self.seed, index), np.random.default_rng(index))
            found.append(compare(net, self.solids[index], skin, resolution))
        return means(found)

    def _example(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        index = rng.choice(self.training)
        row = self.solids[index]
        which = rng.integers(len(row["views"]))
        stand = Stand.seen(row["skin"], row["cameras"][which], self.net.radius)
        near = int(POINTS * COLOURED)
        closest = rng.integers(near, size=(self.points - self.anywhere) // 4)
        farther = rng.integers(near, POINTS, self.points - self.anywhere - len(closest))
        everywhere = rng.integers(POINTS, 2 * POINTS, self.anywhere)
        chosen = np.concatenate([closest, farther, everywhere])
        image, places = row["views"][which], stand.place(row["points"][chosen])
        origins, directions, covered = self._rays(index, which, stand, rng)
        if rng.random() < 0.5:
            image = image[:, ::-1]
            places, origins, directions = (x * (1, -1, 1) for x in (places, origins, directions))
        channels = rng.permutation(3) if rng.random() < RECOLOURED else np.arange(3)
        return (
            np.asarray(image[..., channels], np.float32) / 255,
            places.astype(np.float32),
            row["inside"][chosen].astype(np.float32),
            row["colours"][closest][:, channels].astype(np.float32) / 255,
            origins.astype(np.float32),
            directions.astype(np.float32),
            covered,
        )

    def _rays(
        self, index: int, which: int, stand: Stand, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A row of the batch's rays: those through the picture `which`, and as many through any
        outline of the thing."""
        if self.outlines is None:
            return np.empty((0, 3)), np.empty((0, 3)), np.empty(0, np.float32)
        row = self.outlines[index]
        seen = [through(row, v, RAYS // 2, rng) for v in (which, rng.integers(len(row["alphas"])))]
        origins, directions, covered = (np.concatenate(part) for part in zip(*seen, strict=True))
        return stand.place(origins), directions @ stand.turn, covered


def _logits(net: TSR, answers: dict[str, Tensor]) -> Tensor:
    """N, above zero inside, of what `query` says of N points."""
    return answers["density"][:, 0] + net.density_bias - log(LEVEL)


def _met(net: TSR, codes: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """The logit of each ray that crosses the world's box, which is that of the densest of its
    points, and how much of the ray should meet the thing."""
    logits, wanted = [], []
    rays = zip(codes, batch.origins, batch.directions, batch.covered, strict=True)
    for code, origins, directions, covered in rays:
        points, crosses = sample_rays(origins, directions, net.radius, SAMPLES)
        points = points[crosses]
        with torch.no_grad():
            densest = net.query(code, points)["density"][..., 0].argmax(1)
        logits.append(_logits(net, net.query(code, points[torch.arange(len(points)), densest])))
        wanted.append(covered[crosses])
    return torch.cat(logits), torch.cat(wanted)


def _overlap(found: Tensor, truth: Tensor) -> Tensor:
    """The mean over things of how much volumes overlap, intersection over union: B N in [0, 1]."""
    both = (found * truth).sum(1)
    return ((both + 1) / (found.sum(1) + truth.sum(1) - both + 1)).mean()


def _blurred(images: Tensor, times: int) -> Tensor:
    """Images B H W 3 made so many times smaller, and as large as they were again."""
    small = F.avg_pool2d(images.movedim(-1, 1), times)
    return F.interpolate(small, images.shape[1:3], mode="bilinear").movedim(1, -1)
