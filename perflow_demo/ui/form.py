"""The controls of a tab as a request."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from perflow_demo.tasks.text_to_image import RANDOM
from perflow_demo.ui import events

SEEDS = {"seed", "drawing_seed"}


@dataclass(frozen=True)
class Form:
    """fields: a component for each field of the request that has one; keep: the seed's switch."""

    fields: dict[str, Any]
    keep: gr.Checkbox

    @property
    def inputs(self) -> list:
        """What `asked` reads."""
        return [*self.fields.values(), self.keep]

    def asked(self, *values) -> dict[str, Any]:
        """Fields of the request that values of `inputs` stand for."""
        *values, keep = values
        asked = dict(zip(self.fields, values, strict=True))
        for name in SEEDS & asked.keys():
            if not keep or asked[name] is None:
                asked[name] = RANDOM
        # Components have no None: for these it is no choice, no number and "as trained".
        for name in ("style", "faces", "windows"):
            if name in asked:
                asked[name] = asked[name] or None
        return asked

    def wire(self, page: gr.Blocks) -> None:
        """gradio shows a number without a value as 0, which is a seed."""
        for name in SEEDS & self.fields.keys():
            page.load(None, None, self.fields[name], js="() => null", **events.AT_ONCE)
