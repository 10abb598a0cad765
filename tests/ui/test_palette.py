"""The page's colours against each other, by WCAG 2's contrast (1.4.3 and 1.4.11)."""

import re

import pytest

from perflow_demo.ui import theme

CSS = (theme.ASSETS / "page.css").read_text(encoding="utf-8")
GROUNDS = ("paper", "surface", "sunken")
TEXT, SHAPE = 4.5, 3.0


def palette(selector: str) -> dict[str, str]:
    (rules,) = re.findall(rf"^{re.escape(selector)} {{(.*?)^}}", CSS, re.MULTILINE | re.DOTALL)
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", rules))


def light(colour: str) -> float:
    """Relative luminance."""
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted(map(light, (one, other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_measure_is_that_of_the_standard():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.fixture(params=[":root", ".dark"])
def colours(request):
    return palette(request.param)


def test_words_can_be_read_on_every_ground(colours):
    pairs = [(ink, on) for ink in ("ink", "ink-soft", "ink-faint", "danger") for on in GROUNDS]
    pairs += [("on-accent", "accent"), ("on-accent", "accent-strong"), ("ink", "accent-soft")]
    faint = [p for p in pairs if contrast(colours[p[0]], colours[p[1]]) < TEXT]
    assert faint == []


def test_borders_of_fields_and_the_focus_can_be_seen(colours):
    pairs = [("field", "paper"), ("field", "surface"), *(("accent", on) for on in GROUNDS)]
    faint = [p for p in pairs if contrast(colours[p[0]], colours[p[1]]) < SHAPE]
    assert faint == []


def test_fields_have_that_border_in_both_themes():
    for name in ("input_border_color", "checkbox_border_color"):
        assert getattr(theme.THEME, name) == getattr(theme.THEME, f"{name}_dark") == "var(--field)"


def test_both_themes_have_the_same_colours():
    assert palette(":root").keys() == palette(".dark").keys()
