"""Text: the text encoder learns what sentences say before anything is drawn from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor, nn
from transformers import ElectraModel

from perflow_demo.models.catalogue import POCKET
from perflow_demo.training.publish import write_module
from perflow_demo.training.synonyms import lend_meanings, synonyms, vocabulary
from perflow_demo.training.text import build_tokenizer, tokenize
from perflow_demo.training.toyworld.captions import describe
from perflow_demo.training.toyworld.scene import SceneWords
from perflow_demo.training.toyworld.shards import Pictures

SAID = 6_000  # scenes whose captions tell which words are known
RARE = 5  # a fact of fewer scenes than this is not asked for


class Reader(nn.Module):
    """A text encoder and, over the mean of its tokens, one logit for each fact."""

    def __init__(self, text_encoder: ElectraModel, facts: int) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        self.facts = nn.Linear(text_encoder.config.hidden_size, facts)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Token ids and mask B×L → logits B×facts."""
        hidden = self.text_encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1) / mask.sum(1).view(-1, 1, 1)
        return self.facts((hidden * weights).sum(1))


class TextObjective:
    """Which facts of a scene does its caption tell? Binary cross-entropy over all of them.

    Facts bind: "the cat is red" is another than "the mushroom is red". So the encoder's tokens
    carry who has which colour before the UNet first asks. The last `held_out` scenes are never
    trained on; `sheet` and the card's figures come from them. lends: whether what is published
    reads words that no caption has as near ones.
    """

    def __init__(
        self, text_encoder: ElectraModel, pictures: Path, held_out: int = 500, lends: bool = True
    ) -> None:
        self.scenes = Pictures(pictures).words
        self.held_out, self.lends = held_out, lends
        counts = Counter(fact for scene in self.scenes for fact in facts(scene))
        names = sorted(fact for fact, count in counts.items() if count >= RARE)
        self.columns = {name: column for column, name in enumerate(names)}
        self.tokenizer = build_tokenizer()
        self.net = Reader(text_encoder, len(names))

    def batch(self, rng: np.random.Generator, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Ids and masks of fresh captions, B×L, and what is true of their scenes, B×facts."""
        return self._take(rng.integers(len(self.scenes) - self.held_out, size=count), rng)

    def loss(
        self, net: Reader, batch, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        ids, mask, truth = batch
        logits = net(ids, mask).float()
        loss = F.binary_cross_entropy_with_logits(logits, truth, reduction="sum") / len(truth)
        return loss, _scores(logits.detach(), truth)

    @torch.no_grad()
    def sheet(self, net: Reader) -> Image.Image:
        """Held-out captions, each with the facts that the encoder reads from it."""
        ids, mask, _ = self._held_out(16)
        names, lines = list(self.columns), []
        for row, logits in zip(ids, net(ids, mask), strict=True):
            said = (logits > 0).nonzero().flatten().tolist()
            lines.append(self.tokenizer.decode(row, skip_special_tokens=True))
            lines.append("    " + "; ".join(names[column] for column in said))
        page = Image.new("RGB", (1280, 16 * len(lines) + 8), "white")
        ImageDraw.Draw(page).multiline_text((6, 4), "\n".join(lines), "black", spacing=4)
        return page

    @torch.no_grad()
    def publish(self, net: Reader, folder: Path) -> dict[str, float]:
        """Saves the text encoder, fp16, and the tokenizer; returns how well it reads."""
        ids, mask, truth = self._held_out(self.held_out)
        rng = np.random.default_rng(0)
        captions = [describe(scene, rng) for scene in self.scenes[:SAID]]
        known = vocabulary(captions, self.tokenizer)
        found = synonyms(known, self.tokenizer.get_vocab()) if self.lends else {}
        lend_meanings(net.text_encoder, self.tokenizer, found)
        write_module(net.text_encoder, folder / "text_encoder")
        self.tokenizer.save_pretrained(folder / "tokenizer")
        words = sorted(known.said.union(found))
        (folder / POCKET.vocabulary).write_text("\n".join(words) + "\n")
        return _scores(net(ids, mask), truth)

    def _held_out(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        rows = np.arange(len(self.scenes) - self.held_out, len(self.scenes))[:count]
        return self._take(rows, np.random.default_rng(0))

    def _take(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        scenes = [self.scenes[row] for row in rows]
        truth = torch.zeros(len(rows), len(self.columns))
        for row, scene in enumerate(scenes):
            known = [self.columns[fact] for fact in facts(scene) if fact in self.columns]
            truth[row, known] = 1.0
        ids, mask = tokenize(self.tokenizer, [describe(scene, rng) for scene in scenes])
        longest = int(mask.sum(1).max())
        return ids[:, :longest], mask[:, :longest], truth


def facts(scene: SceneWords) -> Iterator[str]:
    """All that is true of a scene, a name for each."""
    yield f"place: {scene.place}"
    yield f"things: {scene.relation or 'one'}"
    for thing in scene.things:
        yield thing.kind
        if thing.colour:
            yield f"colour: {thing.colour}"
            yield f"{thing.kind}: {_hue(thing.colour)}"
        if thing.second_colour:
            yield f"{thing.kind}: second {_hue(thing.second_colour)}"
        said = (thing.finish, thing.height, thing.size, thing.framing, *thing.states)
        yield from (f"is: {word}" for word in said if word)
        for detail in (*thing.details, *thing.accessories.values()):
            yield f"has: {detail}"
        for accessory in thing.accessories:
            yield f"{thing.kind}: {accessory}"


def _hue(colour: str) -> str:
    """A colour without its shade."""
    return colour.split(" ")[-1]


def _scores(logits: Tensor, truth: Tensor) -> dict[str, float]:
    """Of the facts told, the share that is true; of the true ones (many unsaid), the share told."""
    told = logits > 0
    right = (told & (truth > 0)).sum().item()
    return {
        "precision": right / max(1, told.sum().item()),
        "recall": right / max(1, truth.sum().item()),
    }
