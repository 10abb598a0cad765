"""The teacher's solver and the quantities of a training step, against golden data."""

import json
from pathlib import Path

import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, UNet2DConditionModel
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from perflow_demo.flow import (
    PeRFlowScheduler,
    TimeWindows,
    add_noise,
    apply_delta,
    ddim_timesteps,
    guided,
    interpolate,
    reciprocal_weight,
    solve_window,
    training_target,
)

GOLDEN = Path(__file__).parents[1] / "golden"
ALPHAS = PeRFlowScheduler().alphas_cumprod


def cases(name):
    rows = json.loads((GOLDEN / f"{name}.json").read_text())["cases"]
    return [pytest.param(row, id=row["case"]) for row in rows]


def arrays(name):
    return {key: value.float() for key, value in load_file(GOLDEN / f"{name}.safetensors").items()}


def build_unet():
    config = json.loads((GOLDEN / "b_unet.json").read_text())["config"]
    unet = UNet2DConditionModel(**config)
    unet.load_state_dict(arrays("b_unet"))
    return unet


def as_network(unet):
    return lambda x, t, embeds: unet(x, t, encoder_hidden_states=embeds, return_dict=False)[0]


def close(actual, expected, tolerance):
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)


@pytest.fixture(scope="module")
def teacher():
    return as_network(build_unet().requires_grad_(False))


def test_golden_network(teacher):
    """The network of all cases below is the golden one."""
    data = arrays("b_unet_forward")
    output = teacher(data["sample"], data["timesteps"], data["encoder_hidden_states"])
    close(output, data["output"], 2e-5)


@pytest.mark.parametrize("case", cases("b_solver"))
def test_golden_solver(case, teacher):
    data = arrays("b_solver")
    predict = guided(
        teacher, data["prompt_embeds"], data["negative_prompt_embeds"], case["guidance_scale"]
    )
    used = []

    def recording(latents, timesteps):
        used.append(timesteps)
        return predict(latents, timesteps)

    end = solve_window(
        recording,
        data["latents"],
        torch.tensor(case["t_start"]),
        torch.tensor(case["t_end"]),
        case["num_steps"],
        ALPHAS,
        case["prediction_type"],
    )
    assert torch.equal(torch.stack(used, dim=1).float(), data[f"{case['case']}/timesteps"])
    close(end, data[f"{case['case']}/out"], 1e-4)


@pytest.mark.parametrize("case", cases("b_training_step"))
def test_golden_training_step(case, teacher):
    data = arrays("b_training_step")
    expected = {
        key.split("/")[1]: value for key, value in data.items() if key.startswith(case["case"])
    }
    t, kind = data["timepoints"], case["pred_type"]
    window = TimeWindows(case["num_windows"]).lookup(t, ALPHAS)
    close(window.start, expected["t_start"], 1e-6)
    close(window.end, expected["t_end"], 1e-6)

    begin = (1000 * window.start).round().long()
    start = add_noise(data["latents"], data["noises"], begin, ALPHAS)
    close(start, expected["latents_start"], 1e-5)
    predict = guided(
        teacher, data["text_embeddings"], data["null_embeddings"], case["guidance_scale"]
    )
    end = solve_window(
        predict,
        start,
        window.start,
        window.end,
        case["solving_steps"],
        ALPHAS,
        case["teacher_prediction_type"],
    )
    close(end, expected["latents_end"], 1e-4)
    between = interpolate(start, end, t, window)
    close(between, expected["latents_t"], 1e-4)
    target = training_target(kind, start, end, window)
    close(target, expected["targets"], 5e-4)

    student = build_unet()
    apply_delta(student, arrays("b_student_delta"))
    output = as_network(student)(between, 1000 * t, data["text_embeddings"])
    close(output, expected["model_pred"], 5e-4)
    errors = (output - target).square().mean(dim=(1, 2, 3))
    if case["reweighting_scheme"] == "reciprocal":
        errors = errors * reciprocal_weight(t)
    loss = errors.mean()
    loss.backward()
    torch.testing.assert_close(loss, expected["loss"], rtol=1e-3, atol=0)
    gradients = {name: weight.grad for name, weight in student.named_parameters()}
    norm = torch.stack([gradient.norm() for gradient in gradients.values()]).norm()
    torch.testing.assert_close(norm, expected["grad_norm"], rtol=1e-3, atol=0)
    for key in ("conv_in.weight", "conv_out.bias"):
        reference = expected["grad_" + key.replace(".", "_")]
        tolerance = 1e-3 * reference.abs().max().item()
        torch.testing.assert_close(gradients[key], reference, rtol=0, atol=tolerance)


@given(
    st.sampled_from(["epsilon", "v_prediction"]),
    st.sampled_from([1, 2, 5, 10]),  # whole strides: each step lands where the next begins
    st.integers(0, 2**32 - 1),
)
def test_a_teacher_that_knows_the_picture_is_solved_exactly(kind, steps, seed):
    """Its picture and noise are constant along the flow, so that DDIM makes no error."""
    clean, noise = torch.randn(2, 2, 3, 2, generator=torch.Generator().manual_seed(seed))

    def predict(latents, timesteps):
        alpha = ALPHAS[timesteps].reshape(-1, 1, 1)
        if kind == "epsilon":
            return (latents - alpha.sqrt() * clean) / (1 - alpha).sqrt()
        return (alpha.sqrt() * latents - clean) / (1 - alpha).sqrt()

    t_start, t_end = torch.tensor([0.75, 1.0]), torch.tensor([0.5, 0.75])
    start = add_noise(clean, noise, (1000 * t_start).long(), ALPHAS)
    _, landings = ddim_timesteps(t_start, t_end, steps)
    end = solve_window(predict, start, t_start, t_end, steps, ALPHAS, kind)
    expected = add_noise(clean, noise, landings[:, -1] + 1, ALPHAS)
    close(end, expected, 1e-4)


@given(st.integers(1, 10), st.integers(1, 16), st.data())
def test_ddim_steps_cover_their_window(num_windows, steps, data):
    bounds = TimeWindows(num_windows).boundaries
    k = data.draw(st.integers(0, num_windows - 1))
    begin, landing = ddim_timesteps(torch.tensor([bounds[k]]), torch.tensor([bounds[k + 1]]), steps)
    assert begin[0, 0] == round(1000 * bounds[k] - 1)
    assert (landing < begin).all()
    # Each step lands where the next one begins, the last at the window's end, up to rounding.
    nexts = torch.cat([begin[0, 1:], torch.tensor([round(1000 * bounds[k + 1] - 1)])])
    assert ((landing[0] - nexts).abs() <= 1).all()


def test_guidance_needs_a_negative_prompt():
    with pytest.raises(ValueError, match="negative_prompt_embeds"):
        guided(torch.add, torch.zeros(1, 5, 32), guidance_scale=7.5)


@pytest.mark.parametrize("steps", [0, -1])
def test_a_window_needs_a_step(steps):
    with pytest.raises(ValueError, match="at least 1"):
        ddim_timesteps(torch.tensor([1.0]), torch.tensor([0.75]), steps)


def test_other_teachers_are_refused():
    with pytest.raises(ValueError, match="not 'sample'"):
        solve_window(
            lambda latents, timesteps: latents,
            torch.zeros(1, 4, 2, 2),
            torch.tensor([1.0]),
            torch.tensor([0.75]),
            2,
            ALPHAS,
            "sample",
        )


def test_the_second_order_is_that_of_dpm_solver(teacher):
    data = arrays("b_solver")
    predict = guided(teacher, data["prompt_embeds"])
    rows = len(data["latents"])
    end = torch.full((rows,), 0.1)  # its last step would be continued further than ours
    ours = solve_window(predict, data["latents"], torch.ones(rows), end, 9, ALPHAS, order=2)
    theirs = DPMSolverMultistepScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
        timestep_spacing="trailing", final_sigmas_type="sigma_min", lower_order_final=False,
    )  # fmt: skip
    theirs.set_timesteps(10)
    latents = data["latents"]
    for t in theirs.timesteps[:-1]:
        latents = theirs.step(predict(latents, t.expand(rows)), t, latents).prev_sample
    close(ours, latents, 1e-4)


def test_the_second_order_ends_nearer_the_picture_where_little_noise_is_left():
    """Of Gaussian data of spread s the whole way is known: from unit noise to s times it."""
    spread, start = 0.3, torch.randn(1, 4, 8, 8)

    def exact(latents, timesteps):
        alpha = ALPHAS[timesteps].view(-1, 1, 1, 1)
        return latents * (1 - alpha).sqrt() / (alpha * spread**2 + 1 - alpha)

    def landing(steps, order):
        ends = torch.ones(1), torch.zeros(1)
        return solve_window(exact, start, *ends, steps, ALPHAS, order=order)

    wanted = landing(1000, 1)
    errors = [(landing(20, order) - wanted).norm() / wanted.norm() for order in (1, 2)]
    assert errors[1] < 0.02 < errors[0] / 2


def test_there_is_no_third_order():
    ends = torch.ones(1), torch.zeros(1)
    with pytest.raises(ValueError, match="order"):
        solve_window(lambda x, t: x, torch.zeros(1, 1), *ends, 1, ALPHAS, order=3)
