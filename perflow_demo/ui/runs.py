"""The runs that are going on: shown until they end, stopped, and explained where they fail."""

from collections.abc import Callable, Iterator
from contextlib import closing
from threading import Event
from typing import Any

import gradio as gr

from perflow_demo.errors import UserError
from perflow_demo.ui import events
from perflow_demo.ui.header import Header, resident

FAULT = "Something went wrong inside the program; its log says what. Please try again."
STOPPED = "Stopped. Press Enter to start again."


class Runs:
    """The runs of a tab, by visitor, so that a stop is told when it is true.

    Told earlier, the stage would still get the view of the step that was under way.
    """

    def __init__(self) -> None:
        self._ended: dict[str, Event] = {}

    def shown(
        self, visitor: gr.Request, views: Iterator[list], failed: Callable[[str], list]
    ) -> Iterator[list]:
        """The views of a visitor's run and, where it fails, that of a sentence which says why.

        Closing the iterator stops the run.
        """
        ended = self._ended[visitor.session_hash] = Event()
        try:
            with closing(views) as seen:
                yield from seen
        except UserError as error:
            yield failed(str(error))
        except gr.Error as error:  # a lent GPU's: its time is used up, or nobody lends one
            yield failed(error.message)
        except Exception:
            yield failed(FAULT)
            raise
        finally:
            ended.set()

    def listener(
        self, views: Callable[..., Iterator[list]], failed: Callable[[str], list]
    ) -> Callable:
        """What an event calls to show a run; views: makes those of a run from its inputs."""

        def show(visitor: gr.Request, *values) -> Iterator[list]:
            yield from self.shown(visitor, views(*values), failed)

        return show

    def wait(self, visitor: gr.Request, seconds: float = 60) -> None:
        """Return when the visitor's latest run, if any, has ended."""
        if visitor.session_hash in self._ended:
            self._ended[visitor.session_hash].wait(seconds)

    def forget(self, visitor: gr.Request) -> None:
        """The visitor has left."""
        self._ended.pop(visitor.session_hash, None)

    def wire(
        self, going: list, stop: gr.Button, shown: Any, stopped: Callable[..., Any],
        header: Header, page: gr.Blocks, kept: tuple[gr.State, ...] = (),
    ) -> None:  # fmt: skip
        """Wire what every tab does around the events `going`, each of which starts a run.

        stopped: values of `kept` → those of `shown`, a component or a list of some, when the button
        has stopped a run.
        """

        def told(visitor: gr.Request, *values) -> Any:
            self.wait(visitor)
            return stopped(*values)

        def left(visitor: gr.Request) -> None:
            self.forget(visitor)

        for started in going:
            started.then(lambda: resident(header.registry), None, header.chip, **events.AT_ONCE)
        # Two events in this order: the view of the stop has to come after the last of the run.
        stop.click(None, None, None, cancels=going, **events.INTERNAL)
        events.then_enter_runs(stop.click(told, [*kept], shown, **events.MAY_FAIL))
        page.unload(left)
