"""What is said below a viewer while a run goes on, and when it has ended, as HTML."""

from collections.abc import Iterable
from html import escape

from perflow_demo.tasks.contract import Loading

# As high as a recipe and its actions, so that nothing moves when they come.
NO_RECIPE = '<p class="recipe">&nbsp;</p><div class="actions"></div>'


def words(state: str, sentence: str, rest: str = "", busy: bool = False) -> str:
    """A sentence, then markup. state: of the run, as in `data-state`."""
    spoken = said(sentence, "alert" if state == "failed" else "status")
    flag = " data-busy" if busy else ""
    return f'<div class="stage" data-state="{state}"{flag}>{spoken}{rest}</div>'


def said(sentence: str, role: str) -> str:
    """A sentence, if there is one. role: how readers of the screen take it."""
    return f'<p class="said" role="{role}">{escape(sentence)}</p>' if sentence else ""


def busy(sentence: str, done: float, of: float, rest: str = "") -> str:
    """A run that has done so much of it, then markup."""
    bar = f'<progress value="{done:.2f}" max="{of}"></progress>'
    return words("running", sentence, bar + rest, busy=True)


def loading(event: Loading) -> str:
    """What is being read, and how much of it is there."""
    words = f"Loading {event.component}"
    if event.bytes_total:
        words += f" — {event.bytes_done / 1e6:.1f} of {event.bytes_total / 1e6:.1f} MB"
    return words


def recipe(line: str, actions: str = "") -> str:
    """How a result came about, in one line, and what can be done with it (markup)."""
    return f'<p class="recipe">{escape(line)}</p><div class="actions">{actions}</div>'


def notes(sentences: Iterable[str]) -> str:
    """What differs from what was asked for."""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<ul class="notes">{items}</ul>' if items else ""


def download(url: str, name: str, title: str, hint: str = "") -> str:
    """A link that saves a file under its name."""
    hint = f' title="{escape(hint)}"' if hint else ""
    place = f'href="{escape(url)}" download="{escape(name)}"'
    return f'<a class="action" {place}{hint}>{escape(title)}</a>'
