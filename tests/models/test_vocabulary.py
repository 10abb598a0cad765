"""Words that a family never learnt are told, and no others."""

import pytest

from perflow_demo.evaluation.prompts import FAMOUS
from perflow_demo.models.catalogue import POCKET
from perflow_demo.models.sources import Folder
from perflow_demo.models.vocabulary import unlearnt
from perflow_demo.settings import ASSETS

FILE = "words.txt"


@pytest.fixture
def source(tmp_path):
    (tmp_path / FILE).write_text("a\ncap\ndog\nwith\n")
    return Folder(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a dog with a cap", ()),
        ("Dogs with 2 CAPS!", ()),
        ("an android, a dog, an Android", ("android",)),
        ("a dog for the rabbit", ("the", "rabbit")),
        ("собака", ("собака",)),
        ("", ()),
    ],
)
def test_words_that_are_not_in_the_file_are_unlearnt(source, text, words):
    assert unlearnt(text, source, FILE) == words


def test_a_family_without_such_a_file_knows_all(tmp_path):
    assert unlearnt("an android", Folder(tmp_path), FILE) == ()


@pytest.mark.parametrize("prompt", [text for text, _, _ in FAMOUS])
def test_pocket_has_learnt_the_words_of_the_prompts_it_is_known_for(prompt):
    assert unlearnt(prompt, Folder(ASSETS / "pocket"), POCKET.vocabulary) == ()


def test_pocket_reads_words_that_mean_what_it_has_learnt_and_tells_others():
    source = Folder(ASSETS / "pocket")
    assert unlearnt("an azure puppy wearing spectacles", source, POCKET.vocabulary) == ()
    assert unlearnt("an android in a lorry", source, POCKET.vocabulary) == ("android", "lorry")
