"""What is said below a viewer while a run goes on, and when it has ended, as HTML."""

from html import escape


def words(state: str, sentence: str, rest: str = "", busy: bool = False) -> str:
    """A sentence, then markup. state: of the run, as in `data-state`."""
    role = "alert" if state == "failed" else "status"
    said = f'<p class="said" role="{role}">{escape(sentence)}</p>' if sentence else ""
    flag = " data-busy" if busy else ""
    return f'<div class="stage" data-state="{state}"{flag}>{said}{rest}</div>'


def busy(sentence: str, done: float, of: float) -> str:
    """A run that has done so much of it."""
    bar = f'<progress value="{done:.2f}" max="{of}"></progress>'
    return words("running", sentence, bar, busy=True)
