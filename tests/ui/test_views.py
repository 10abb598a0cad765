"""The HTML of stage and history: whatever words come in, none become markup."""

from html.parser import HTMLParser

import gradio as gr
import pytest
from PIL import Image

from perflow_demo.errors import BadRequest
from perflow_demo.tasks.contract import Loading, Timings
from perflow_demo.tasks.text_to_image import TextToImageRequest
from perflow_demo.ui import history, stage

ATTACK = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>"
PICTURE = Image.new("RGB", (512, 512), "teal")


class Tags(HTMLParser):
    """Names of the elements and of their attributes."""

    def __init__(self, html: str):
        super().__init__()
        self.names: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.names |= {tag, *(name for name, _ in attrs)}


def request(**values) -> TextToImageRequest:
    values = {"steps": 4, "guidance_scale": 4.5, "size": 512, "seed": 42} | values
    return TextToImageRequest(**{"prompt": "a bird"} | values)


@pytest.mark.parametrize(
    "html",
    [
        stage.done(
            stage.Finished([stage.Shown("x", ATTACK, ATTACK, ATTACK, 1)], [], [ATTACK], ATTACK),
            4,
            {"refine": "Refine"},
            ATTACK,
        ),
        stage.message("failed", ATTACK, 4),
        stage.reopened("data:image/jpeg;base64,", ATTACK, 4),
        stage.loading(Loading(ATTACK, 1, 2), 4),
        history.panel(
            [
                {
                    "id": ATTACK,
                    "recipe": {"prompt": ATTACK, "count": ATTACK},
                    "thumb": history.PICTURE + ATTACK,
                }
            ]
        ),
    ],
    ids=["done", "failed", "reopened", "loading", "history"],
)
def test_words_never_become_markup(html):
    assert not {"script", "onerror"} & Tags(html).names


def test_the_recipe_line_says_what_was_run_and_how_long_it_took():
    timings = Timings(load=0.0, text=0.02, denoise=0.41, preview=0.0, decode=0.18)
    assert stage.recipe_line(request(), [42], timings) == (
        "seed 42 · 4 steps · CFG 4.5 · 0.61 s (text 0.02 · denoise 0.41 · decode 0.18)"
    )
    teacher = request(acceleration="teacher", steps=25, style="cel")
    assert stage.recipe_line(teacher, [7]) == "seed 7 · 25 steps · CFG 4.5 · teacher · cel"


def test_a_load_tells_what_and_how_far():
    assert "Loading UNet — 12.5 of 33.8 MB" in stage.loading(
        Loading("UNet", 12_500_000, 33_800_000), 4
    )


def test_history_gives_its_entries_back():
    entries = [history.entry(request(seed=seed), PICTURE) for seed in range(3)]
    again, thumbnail = history.find(entries, entries[1]["id"], TextToImageRequest)
    assert again == request(seed=1)
    assert thumbnail.startswith(history.PICTURE)
    assert len(thumbnail) < 16_000


@pytest.mark.parametrize(
    ("recipe", "name"),
    [
        ({"prompt": "a dog"}, "a dog"),
        ({"prompt": None, "source": {"prompt": "a cat"}}, "a cat"),
        ({"prompt": "", "source": None}, "a picture of one’s own"),
    ],
)
def test_an_entry_of_the_history_has_a_name(recipe, name):
    strip = history.panel([{"id": "a", "recipe": recipe, "thumb": history.PICTURE}])
    assert f'aria-label="Reopen: {name}"' in strip


@pytest.mark.parametrize(
    "junk", [None, "junk", [1, {}], [{"id": "a", "recipe": 1, "thumb": "javascript:x"}]]
)
def test_a_history_of_another_shape_counts_as_empty(junk):
    assert history.panel(junk) == ""
    with pytest.raises(BadRequest):
        history.find(junk, "a", TextToImageRequest)


def test_a_recipe_of_another_family_brings_that_familys_choices():
    from types import SimpleNamespace

    from perflow_demo.models.catalogue import CATALOGUE, POCKET
    from perflow_demo.ui.image_form import ImageForm

    larger = CATALOGUE["perflow-sdxl-dreamshaper"]
    registry = SimpleNamespace(
        families=lambda: [POCKET, larger], family=CATALOGUE.get, names_repositories=False
    )
    fields = dict.fromkeys(TextToImageRequest.model_fields)
    form = ImageForm(fields, None, registry, None, None, None)
    asked = request(family=larger.name, size=1024, count=2)
    *values, keep, held = form.filled(form.reopened(asked))
    values = dict(zip(fields, values, strict=True))
    assert keep and held == larger.name
    assert (values["size"]["choices"][-1], values["size"]["value"]) == (1024, 1024)
    assert (values["count"]["maximum"], values["count"]["value"]) == (2, 2)
    assert values["delta"] == ""


def test_a_family_that_another_tab_has_brought_brings_its_own_settings():
    from types import SimpleNamespace

    from perflow_demo.models.catalogue import CATALOGUE
    from perflow_demo.ui.image_form import ImageForm

    registry = SimpleNamespace(family=CATALOGUE.get)
    form = ImageForm({}, None, registry, None, None, None)
    larger = "perflow-sdxl-dreamshaper"
    *values, held = form.switched(larger, "perflow", "pocket")
    values = dict(zip(form.own, values, strict=True))
    assert (values["steps"], values["guidance_scale"]) == (6, 2.0)
    assert (values["size"]["value"], values["count"]["maximum"]) == (1024, 2)
    assert held == larger
    assert form.switched("pocket", "perflow", held="pocket") == gr.skip()


@pytest.mark.parametrize("asked", [{"family": "perflow-sdxl-dreamshaper"}, {"delta": "mine"}])
def test_a_recipe_of_what_the_page_does_not_offer_is_refused(asked):
    from types import SimpleNamespace

    from perflow_demo.models.catalogue import CATALOGUE, POCKET
    from perflow_demo.ui.image_form import ImageForm

    registry = SimpleNamespace(
        families=lambda: [POCKET],
        family=CATALOGUE.get,
        deltas=lambda: ("theirs",),
        names_repositories=True,
    )
    with pytest.raises(BadRequest, match="not offer|not here"):
        ImageForm({}, None, registry, None, None, None).reopened(request(**{"size": None} | asked))
