"""Words that no caption uses mean what their neighbours mean."""

import pytest
import torch

from perflow_demo.training.text import (
    EMBEDDING,
    MAX_LENGTH,
    build_text_encoder,
    build_tokenizer,
    piece_embeddings,
    token_meanings,
    tokenize,
)
from perflow_demo.training.toyworld.kinds import KINDS

NEIGHBOURS = {
    "puppy": "dog",
    "kitten": "cat",
    "automobile": "car",
    "aircraft": "airplane",
    "cottage": "house",
    "fortress": "castle",
}
pytestmark = pytest.mark.usefixtures("minilm")


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer()


def nearest(tokenizer, rows_of, unseen: str) -> str:
    """The one-piece kind name whose row is nearest in angle to a word's."""
    names = [name for name in KINDS if len(tokenizer.tokenize(name)) == 1]
    assert tokenizer.tokenize(unseen) == [unseen]
    rows = rows_of(torch.tensor(tokenizer.convert_tokens_to_ids([unseen, *names])))
    word, *kinds = torch.nn.functional.normalize(rows, dim=1)
    return names[int((torch.stack(kinds) @ word).argmax())]


@pytest.mark.parametrize(("unseen", "known"), NEIGHBOURS.items())
def test_unseen_words_are_embedded_beside_their_kind(tokenizer, unseen, known):
    assert nearest(tokenizer, piece_embeddings, unseen) == known


@pytest.mark.slow
def test_unseen_words_start_beside_their_kind(tokenizer):
    meanings = token_meanings()
    assert meanings.shape == (30_522, EMBEDDING)
    assert meanings.std().item() == pytest.approx(0.5, rel=1e-3)
    found = {word: nearest(tokenizer, meanings.__getitem__, word) for word in NEIGHBOURS}
    assert found == NEIGHBOURS


def test_captions_are_padded_and_cut_to_one_length(tokenizer):
    ids, mask = tokenize(tokenizer, ["", "a red dog", "very " * 100])
    assert ids.shape == mask.shape == (3, MAX_LENGTH)
    assert mask.sum(1).tolist() == [2, 5, MAX_LENGTH]
    assert tokenizer.decode(ids[1], skip_special_tokens=True) == "a red dog"


def test_the_encoder_ignores_padding_and_keeps_its_meanings_frozen(tokenizer):
    torch.manual_seed(0)
    encoder = build_text_encoder(64, 1, semantic=False).eval()
    assert encoder.config.use_attention_mask
    assert not encoder.embeddings.word_embeddings.weight.requires_grad
    ids, mask = tokenize(tokenizer, ["a red dog"])
    with torch.no_grad():
        padded = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        alone = encoder(input_ids=ids[:, :5], attention_mask=mask[:, :5]).last_hidden_state
    assert padded.shape == (1, MAX_LENGTH, 64)
    torch.testing.assert_close(padded[:, :5], alone, rtol=1e-4, atol=1e-5)
