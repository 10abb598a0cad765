"""Fixed prompts with fixed seeds, and what the judge should see in the pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

COLOURS_PER_KIND = 4
SEEDS_PER_WORD = 4

# How a prompt names a kind, where that is not the kind's own name.
WORDINGS = {
    "person": "man with a {colour} shirt",
    "gift": "{colour} gift box",
    "balloon": "{colour} hot-air balloon",
}
WEARERS = ("dog", "cat", "bear", "penguin")
ACCESSORY_COLOURS = ("red", "blue", "green", "yellow")

FAMOUS = (
    ("a dog with glasses and cap", "dog", ("glasses", "cap")),
    ("a bird", "bird", ()),
    ("a vintage car", "car", ()),
    ("a colorful bird standing on the tree, open beak", "bird", ()),
    ("a man with brown skin, a beard, and dark eyes", "person", ()),
)
# Words that no caption of the training data has, and the class of like meaning.
UNSEEN_KINDS = {
    "puppy": "dog",
    "kitten": "cat",
    "automobile": "car",
    "lorry": "truck",
    "aircraft": "airplane",
    "fortress": "castle",
    "android": "robot",
    "doughnut": "donut",
}
UNSEEN_COLOURS = {"crimson": "red", "scarlet": "red", "azure": "blue", "violet": "purple"}
UNSEEN_ACCESSORIES = {"spectacles": "glasses"}
COLOURED = ("car", "house", "mug", "bird")


@dataclass(frozen=True)
class Prompt:
    """What to draw, and the judge's classes for it; None where the words do not say."""

    text: str
    seed: int
    kind: str | None = None
    colour: str | None = None
    accessories: tuple[str, ...] = ()


def main_prompts(
    kinds: Sequence[str], colours: Sequence[str], accessories: Sequence[str]
) -> list[Prompt]:
    """Every kind in four colours, then every accessory on four animals; each with its own seed.

    Each kind is asked for equally often, and the colours as evenly as their number allows.
    """
    apart = max(1, len(colours) // COLOURS_PER_KIND)
    said = [
        (_wording(kind, colour), kind, colour, ())
        for row, kind in enumerate(kinds)
        for colour in (colours[(row + apart * j) % len(colours)] for j in range(COLOURS_PER_KIND))
    ]
    for row, accessory in enumerate(accessories):
        for column, wearer in enumerate(WEARERS):
            colour = ACCESSORY_COLOURS[(row + column) % len(ACCESSORY_COLOURS)]
            said.append((f"a {wearer} with {_worn(accessory, colour)}", wearer, None, (accessory,)))
    return [
        Prompt(text, seed, kind, colour, worn)
        for seed, (text, kind, colour, worn) in enumerate(said, start=1000)
    ]


def famous_prompts() -> dict[str, list[Prompt]]:
    """The prompts people know PeRFlow by, each with four seeds, by their text."""
    return {
        text: [Prompt(text, 42 + n, kind, None, worn) for n in range(SEEDS_PER_WORD)]
        for text, kind, worn in FAMOUS
    }


def unseen_prompts() -> dict[str, list[Prompt]]:
    """Four prompts for each word that training never used, by `word → class it should give`."""
    groups = {
        f"{word} → {kind}": [
            Prompt(_article(word), 42 + n, kind=kind) for n in range(SEEDS_PER_WORD)
        ]
        for word, kind in UNSEEN_KINDS.items()
    }
    for word, colour in UNSEEN_COLOURS.items():
        groups[f"{word} → {colour}"] = [
            Prompt(_article(f"{word} {noun}"), 42 + n, colour=colour)
            for n, noun in enumerate(COLOURED)
        ]
    for word, accessory in UNSEEN_ACCESSORIES.items():
        groups[f"{word} → {accessory}"] = [
            Prompt(f"a {wearer} with {word}", 42 + n, accessories=(accessory,))
            for n, wearer in enumerate(WEARERS)
        ]
    return groups


def _wording(kind: str, colour: str) -> str:
    return _article(WORDINGS.get(kind, f"{{colour}} {kind}").format(colour=colour))


def _worn(accessory: str, colour: str) -> str:
    plural = accessory.endswith("es")
    return f"{colour} {accessory}" if plural else _article(f"{colour} {accessory}")


def _article(phrase: str) -> str:
    return f"{'an' if phrase[0] in 'aeio' else 'a'} {phrase}"
