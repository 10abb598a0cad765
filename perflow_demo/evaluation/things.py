"""Single things that nothing was trained on: rendered, with their truth, and drawn of a prompt."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import cycle, islice

from PIL.Image import Image

from perflow_demo.errors import UserError
from perflow_demo.evaluation.judging import load_judge
from perflow_demo.evaluation.prompts import Prompt, main_prompts
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from perflow_demo.tasks import text_to_image
from perflow_demo.tasks.text_to_image import TextToImageRequest

WORLD = 9_000  # seed of a world that nothing was trained on


@dataclass(frozen=True)
class Plan:
    """How many things are rendered, and how many drawn of a prompt; the first are shown."""

    rendered: int
    drawn: int
    shown: int


def needs_toyworld() -> None:
    """Raises UserError where what renders things is not installed."""
    if find_spec("numba") is None:
        raise UserError("Things are rendered for this: pip install -r requirements-dev.txt first.")


def drawings(settings: Settings, registry: Registry, count: int) -> Iterator[tuple[Prompt, Image]]:
    """Main prompts without accessories, each with its picture by the family's defaults."""
    classes = load_judge(settings).config
    prompts = main_prompts(classes.kinds, classes.colours, ())
    # A stride that visits every kind once before it visits any of them again.
    order = cycle(prompts[start::4][i] for start in range(4) for i in range(len(prompts) // 4))
    for prompt in islice(order, count):
        request = TextToImageRequest(prompt=prompt.text, seed=prompt.seed)
        yield prompt, text_to_image.run(request, registry).pictures[0]
