"""A request's words, read for a network that draws."""

from collections.abc import Generator
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

from perflow_demo.tasks.contract import Progress, Request, clocked
from perflow_demo.tasks.leasing import lease

if TYPE_CHECKING:
    from torch import Tensor

    from perflow_demo.models.spec import Family
    from perflow_demo.registry import Registry


def read(
    request: Request, chosen: dict[str, Any], registry: "Registry", seconds: dict[str, float]
) -> "Generator[Progress, None, tuple[tuple[Tensor, Tensor | None], list[str]]]":
    """Yield Loading; return the embeddings of `sampling.encode`, and notes on what was cut.

    request: with nothing left open. chosen: arguments of the registry's leases. seconds: filled by
    stage. What reads the words is lent no longer, so that it can make room for what draws.
    """
    with ExitStack() as stack:
        with clocked(seconds, "load"):
            words = yield from lease(stack, partial(registry.lease_words, **chosen))
        from perflow_demo.tasks import sampling  # it imports torch, which the page does without

        with clocked(seconds, "text"):
            texts, guide = (request.prompt, request.negative_prompt), request.guidance_scale > 1
            embeds, rests = sampling.encode(words, texts, request.count, guide)
        return embeds, cut_notes(request, rests, words.tokenizer.model_max_length)


def word_notes(request: Request, family: "Family", registry: "Registry") -> list[str]:
    """A sentence on the words of the prompt that the family never learnt, if there are any."""
    words = [f"“{word}”" for word in registry.unlearnt(family, request.prompt)]
    if not words:
        return []
    said = " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    return [f"{family.title} never learnt {said}; it draws simple things, named in plain words."]


def cut_notes(request: Request, rests: list[str], tokens: int) -> list[str]:
    """Sentences on what of prompt and negative prompt lies beyond so many tokens."""
    titles = [request.controls()[name].title for name in ("prompt", "negative_prompt")]
    return [
        f"{title}: the model reads {tokens} tokens, what came after them was cut: “{rest}”"
        for title, rest in zip(titles, rests, strict=True)
        if rest
    ]
