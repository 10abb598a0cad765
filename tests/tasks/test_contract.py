"""A request is checked by whatever way it is made; forms read its limits from the same place."""

import pytest

from perflow_demo.errors import BadRequest
from perflow_demo.tasks.contract import Timings
from perflow_demo.tasks.table import TASKS
from perflow_demo.tasks.text_to_image import MAX_SEED, TextToImageRequest

LIMITS = [
    ({"prompt": ""}, "Prompt is empty; it has to be a text of 1 to 2000 characters."),
    ({"prompt": " \n"}, "Prompt is empty; it has to be a text of 1 to 2000 characters."),
    ({"prompt": "x" * 2001}, "Prompt is too long (2001)"),
    ({"prompt": None}, "Prompt has to be a text"),
    ({"negative_prompt": "x" * 2001}, "Negative prompt is too long"),
    ({"acceleration": "lcm"}, "Acceleration has to be perflow or teacher, not 'lcm'."),
    ({"steps": 0}, "Steps has to be a whole number from 1 to 50, not 0."),
    ({"steps": 51}, "Steps has to be a whole number from 1 to 50, not 51."),
    ({"steps": 4.5}, "Steps has to be a whole number from 1 to 50, not 4.5."),
    ({"guidance_scale": 0.5}, "Guidance has to be a number from 1 to 20, not 0.5."),
    ({"guidance_scale": float("nan")}, "Guidance has to be a number from 1 to 20, not nan."),
    ({"guidance_scale": float("inf")}, "Guidance has to be a number from 1 to 20, not inf."),
    ({"size": 63}, "Size has to be a whole number from 64 to 2048, not 63."),
    ({"count": 0}, "Count has to be a whole number from 1 to 16, not 0."),
    ({"count": 17}, "Count has to be a whole number from 1 to 16, not 17."),
    ({"seed": -2}, f"Seed has to be a whole number from -1 to {MAX_SEED}, not -2."),
    ({"windows": 3}, "Time windows has to be 1 or 2 or 4, not 3."),
    ({"speed": 3}, "There is no setting 'speed'"),
]


@pytest.mark.parametrize(("values", "sentence"), LIMITS)
def test_a_value_out_of_range_is_answered_with_one_sentence(values, sentence):
    for make in (lambda v: TextToImageRequest(**v), TextToImageRequest.model_validate):
        with pytest.raises(BadRequest) as caught:
            make({"prompt": "a dog"} | values)
        assert str(caught.value).startswith(sentence)
        assert "\n" not in str(caught.value)
        assert str(caught.value).endswith(".")


@pytest.mark.parametrize("values", [None, [], "a dog", 3])
def test_what_is_no_set_of_settings_is_refused(values):
    with pytest.raises(BadRequest, match="set of settings"):
        TextToImageRequest.model_validate(values)


def test_bounds_belong_to_the_range_and_forms_read_the_same_ones():
    controls = TextToImageRequest.controls()
    for name in ("steps", "guidance_scale", "size", "count", "seed"):
        control = controls[name]
        for value in (control.minimum, control.maximum):
            assert getattr(TextToImageRequest(prompt="a dog", **{name: value}), name) == value
    assert controls["prompt"].required
    assert controls["windows"].choices == (1, 2, 4)
    assert controls["windows"].kind is int
    assert controls["acceleration"].default == "perflow"
    assert all(control.title and control.help for control in controls.values())


def test_sliders_give_floats_and_no_style_is_the_base():
    request = TextToImageRequest(prompt="  a dog ", steps=4.0, style="")
    assert (request.prompt, request.steps, request.style) == ("a dog", 4, None)
    assert isinstance(request.steps, int)


def test_a_total_is_the_sum_of_its_stages():
    assert Timings(load=1, text=2, denoise=4, preview=8, decode=16).total == 31


def test_every_task_stands_in_the_table_under_its_own_name():
    assert all(name == task.name == task.request.task for name, task in TASKS.items())
