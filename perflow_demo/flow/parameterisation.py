"""What the student's output means inside a window: one definition for sampler and losses.

Inside a window [s, e] the flow is a straight line, z_t = z_s + (t - s)/(e - s) (z_e - z_s).
The velocity parameterisation predicts the line's slope. The two noise parameterisations
predict the eps of a linear relation between the line's ends,

    z_e = lam z_s + eta eps                        (PeRFlow, arXiv 2405.07510, section 3.2)

so that a noise-predicting teacher needs little change to become the student:
`diff_eps` reads z_s as z_e diffused further, `ddim_eps` reads z_e as one DDIM step from z_s.
`ddim_v` (this project) does the same for teachers that predict v = alpha eps - sigma x0 (Salimans
and Ho, arXiv 2202.00512): the line is read as A x0 + B eps, with A and B straight between their
values at the window's ends, and alpha, sigma are A, B scaled to alpha^2 + sigma^2 = 1. An unchanged
teacher is then a student that makes one DDIM step in each window.

Everywhere: samples are (B, ...) tensors; times and the fields of a Window are floats or (B,).
"""

import torch

from perflow_demo.flow.windows import Window

NOISE_TYPES = ("diff_eps", "ddim_eps")
PREDICTION_TYPES = (*NOISE_TYPES, "ddim_v", "velocity")

Scalar = float | torch.Tensor


def window_end_estimate(
    prediction_type: str, output: torch.Tensor, sample: torch.Tensor, t: Scalar, window: Window
) -> torch.Tensor:
    """The end z_e of the line through `sample` at time `t`, as the network's output implies it.

    output, sample: (B, ...). t: in (end, start]. Returns (B, ...).
    """
    if prediction_type == "velocity":
        return sample + _column(window.end - t, sample) * output
    if prediction_type == "ddim_v":
        signal, sigma, norm = _line(t, window, sample)
        clean = (signal * sample / norm - sigma * output) / norm
        noise = (sigma * sample / norm + signal * output) / norm
        end_signal, end_sigma, _ = _line(window.end, window, sample)
        return end_signal * clean + end_sigma * noise
    lam, eta = _end_coefficients(prediction_type, window)
    # Eliminate z_s between the line through `sample` and z_e = lam z_s + eta eps.
    divisor = lam * (t - window.start) + (window.end - t)
    from_sample = lam * (window.end - window.start) / divisor
    from_noise = eta * (window.end - t) / divisor
    return _column(from_sample, sample) * sample + _column(from_noise, sample) * output


def velocity(
    prediction_type: str, output: torch.Tensor, sample: torch.Tensor, t: Scalar, window: Window
) -> torch.Tensor:
    """The line's slope dz/dt at `sample`; arguments as in `window_end_estimate`."""
    if prediction_type == "velocity":
        return output
    end = window_end_estimate(prediction_type, output, sample, t, window)
    return (end - sample) / _column(window.end - t, sample)


def training_target(
    prediction_type: str,
    start: torch.Tensor,
    end: torch.Tensor,
    window: Window,
    t: Scalar | None = None,
) -> torch.Tensor:
    """The output the student should give on the line from `start` to `end`.

    start, end: (B, ...) latents at the window's two ends, the latter solved by the teacher.
    t: where on the line, of matter for `ddim_v` alone; None for the start. Returns (B, ...); the
    inverse of `velocity`.
    """
    if prediction_type == "velocity":
        return (end - start) / _column(window.end - window.start, start)
    if prediction_type == "ddim_v":
        (start_signal, start_sigma, _), (end_signal, end_sigma, _) = (
            _line(at, window, start) for at in (window.start, window.end)
        )
        divisor = start_signal * end_sigma - end_signal * start_sigma
        clean = (end_sigma * start - start_sigma * end) / divisor
        noise = (start_signal * end - end_signal * start) / divisor
        signal, sigma, norm = _line(window.start if t is None else t, window, start)
        return (signal * noise - sigma * clean) / norm
    lam, eta = _end_coefficients(prediction_type, window)
    return (end - _column(lam, start) * start) / _column(eta, start)


def interpolate(start: torch.Tensor, end: torch.Tensor, t: Scalar, window: Window) -> torch.Tensor:
    """The point at time `t` on the line from `start` to `end`, both (B, ...)."""
    fraction = (t - window.start) / (window.end - window.start)
    return start + _column(fraction, start) * (end - start)


def clean_estimate(
    slope: torch.Tensor, sample: torch.Tensor, t: Scalar, window: Window
) -> torch.Tensor:
    """An estimate of the clean sample from the line through `sample` with the given slope.

    The line's ends are read as one pair of points of the diffusion,
    z_s = sqrt(a_s) x0 + sqrt(1-a_s) n and z_e = sqrt(a_e) x0 + sqrt(1-a_e) n, and x0 follows by
    eliminating n. For `ddim_eps` this is DDIM's x0 exactly; it corrects `diff_eps`, whose eps is
    not n, and avoids running the velocity straight on to t = 0, which leaves most of the noise
    in, because the flow bends at every window. A window that ends at time 0 ends at the clean
    sample itself, so the last estimate is the result.

    slope, sample: (B, ...). Returns (B, ...). Source: this project.
    """
    start = sample + _column(window.start - t, sample) * slope
    end = sample + _column(window.end - t, sample) * slope
    alpha_end = window.alpha_end + (1 - window.alpha_end) * (window.end <= 0)
    noise_start, noise_end = (1 - window.alpha_start) ** 0.5, (1 - alpha_end) ** 0.5
    divisor = alpha_end**0.5 * noise_start - window.alpha_start**0.5 * noise_end
    return _column(noise_start / divisor, sample) * end - (
        _column(noise_end / divisor, sample) * start
    )


def reciprocal_weight(t: torch.Tensor) -> torch.Tensor:
    """Loss weight 1 / (2.3 max(0.1, 1 - t)) of the PeRFlow reference: noisy times count more."""
    return 1 / (2.3 * (1 - t).clamp(min=0.1))


def _line(t: Scalar, window: Window, like: torch.Tensor) -> tuple[Scalar, Scalar, Scalar]:
    """A, B of `ddim_v` at time `t`, and sqrt(A^2 + B^2)."""
    fraction = (t - window.start) / (window.end - window.start)
    signal = window.alpha_start**0.5 + fraction * (window.alpha_end**0.5 - window.alpha_start**0.5)
    noise_start, noise_end = (1 - window.alpha_start) ** 0.5, (1 - window.alpha_end) ** 0.5
    sigma = noise_start + fraction * (noise_end - noise_start)
    norm = (signal**2 + sigma**2) ** 0.5
    return _column(signal, like), _column(sigma, like), _column(norm, like)


def _end_coefficients(prediction_type: str, window: Window) -> tuple[Scalar, Scalar]:
    """lam and eta of z_e = lam z_s + eta eps."""
    alpha_start, alpha_end = window.alpha_start, window.alpha_end
    if prediction_type == "diff_eps":
        gamma = (alpha_start / alpha_end) ** 0.5
        return 1 / gamma, -((1 - gamma**2) ** 0.5) / gamma
    if prediction_type == "ddim_eps":
        lam = (alpha_end / alpha_start) ** 0.5
        return lam, (1 - alpha_end) ** 0.5 - lam * (1 - alpha_start) ** 0.5
    raise ValueError(f"unknown prediction type {prediction_type!r}, known: {PREDICTION_TYPES}")


def _column(value: Scalar, like: torch.Tensor) -> Scalar:
    """A factor for `like`: (B,) becomes (B, 1, ..., 1) in its dtype; a float stays as it is."""
    if isinstance(value, torch.Tensor):
        return value.to(like).reshape(-1, *[1] * (like.ndim - 1))
    return value
