"""The teacher's probability-flow ODE inside a window, solved by DDIM in diffusion time.

Teacher timesteps count 0..T-1 (T = 1000) and index the table of cumulative alphas; the
student's count 1..T, one higher, so that the window boundary t = 1 is timestep T.
"""

from collections.abc import Callable

import torch

Predict = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # (latents, timesteps) -> output


def add_noise(
    clean: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor, alphas_cumprod: torch.Tensor
) -> torch.Tensor:
    """Forward diffusion: sqrt(a) clean + sqrt(1-a) noise with a = alphas_cumprod[timesteps - 1].

    clean, noise: (B, ...). timesteps: (B,) or (1,) integers in 1..T. alphas_cumprod: (T,).
    Raises ValueError for timesteps outside. Source: DDPM (arXiv 2006.11239), equation 4.
    """
    if (timesteps < 1).any() or (timesteps > len(alphas_cumprod)).any():
        raise ValueError(
            f"timesteps count from 1 to {len(alphas_cumprod)}, got {timesteps.tolist()}"
        )
    index = timesteps.long().to(alphas_cumprod.device) - 1
    alpha = _column(alphas_cumprod[index], clean)
    return alpha.sqrt().to(clean.dtype) * clean + (1 - alpha).sqrt().to(clean.dtype) * noise


def guided(
    network: Callable[..., torch.Tensor],
    prompt_embeds: torch.Tensor,
    negative_prompt_embeds: torch.Tensor | None = None,
    guidance_scale: float = 1.0,
) -> Predict:
    """`network` with its prompt bound and classifier-free guidance inside.

    network: called as network(latents, timesteps, embeds) on the batch [negative, positive].
    prompt_embeds, negative_prompt_embeds: (B, L, D); the negative ones are needed, and used, only
    for guidance_scale > 1. Source: arXiv 2207.12598, equation 6.
    """
    if guidance_scale <= 1:
        return lambda latents, timesteps: network(latents, timesteps, prompt_embeds)
    if negative_prompt_embeds is None:
        raise ValueError("guidance_scale > 1 needs negative_prompt_embeds")
    embeds = torch.cat([negative_prompt_embeds, prompt_embeds])

    def predict(latents: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        output = network(torch.cat([latents] * 2), torch.cat([timesteps] * 2), embeds)
        negative, positive = output.chunk(2)
        return negative + guidance_scale * (positive - negative)

    return predict


def ddim_timesteps(
    t_start: torch.Tensor, t_end: torch.Tensor, num_steps: int, num_train_timesteps: int = 1000
) -> tuple[torch.Tensor, torch.Tensor]:
    """Where each DDIM step begins and lands: two (B, num_steps) integer tensors.

    t_start, t_end: (B,) window ends in [0, 1]. num_steps: at least 1, else ValueError.
    The stride is floored, so a step may land one index beside the next one's begin; an index
    below 0 means the end of the table (PeRFlow reference).
    """
    if num_steps < 1:
        raise ValueError(f"num_steps must be at least 1, got {num_steps}")
    length = (t_start - t_end).float()[:, None]
    fractions = torch.arange(num_steps, device=t_start.device) / num_steps
    times = t_start.float()[:, None] - length * fractions
    # Division by the single-precision timestep, as the reference does, decides which way an
    # exact half rounds: 186.5 goes up, 686.5 down.
    begin = torch.round(num_train_timesteps - 1 + (times - 1) / (1 / num_train_timesteps)).long()
    # The small offset keeps a whole stride from being floored away by rounding error.
    stride = torch.floor(num_train_timesteps * length / num_steps + 1e-3).long()
    return begin, begin - stride


@torch.no_grad()
def solve_window(
    predict: Predict,
    latents: torch.Tensor,
    t_start: torch.Tensor,
    t_end: torch.Tensor,
    num_steps: int,
    alphas_cumprod: torch.Tensor,
    prediction_type: str = "epsilon",
    order: int = 1,
) -> torch.Tensor:
    """The teacher's latents at the window's end, from those at its start.

    predict: (latents, timesteps (B,)) -> teacher output, for instance from `guided`.
    latents: (B, ...) at t_start. t_start, t_end: (B,), each sample its own window.
    num_steps: at least 1. alphas_cumprod: (T,). prediction_type: "epsilon" or "v_prediction".
    order: 1, or 2 to let each step but the first continue the change since the one before, at most
    as far again, which costs no further call.
    Raises ValueError for others. Source: DDIM (arXiv 2010.02502), equation 12 without noise; for
    the second order DPM-Solver++ (arXiv 2211.01095), algorithm 2, whose first order DDIM is.
    """
    if order not in (1, 2):
        raise ValueError(f"order must be 1 or 2, got {order}")
    table = alphas_cumprod.to(device=latents.device, dtype=torch.float32)
    begins, landings = ddim_timesteps(t_start, t_end, num_steps, len(table))
    before = None
    for begin, landing in zip(begins.unbind(1), landings.unbind(1), strict=True):
        alpha = _column(table[begin], latents)
        reached = _column(table[landing.clamp(min=0)], latents)
        clean, noise = split_output(predict(latents, begin), latents, alpha, prediction_type)
        if order == 2:
            stride = torch.logit(reached) - torch.logit(alpha)
            found, last = (clean, stride), before or (clean, stride)
            # A last step to hardly any noise is several times as long as the one before it; a
            # change continued that far is mostly error.
            clean = clean + (clean - last[0]) * (stride / (2 * last[1])).clamp(max=1)
            noise = (latents - alpha.sqrt() * clean) / (1 - alpha).sqrt()
            before = found
        latents = (reached.sqrt() * clean + (1 - reached).sqrt() * noise).to(latents.dtype)
    return latents


def split_output(
    output: torch.Tensor, latents: torch.Tensor, alpha: torch.Tensor, prediction_type: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """Clean sample and noise that a teacher's output implies at signal variance `alpha`.

    v-prediction: arXiv 2202.00512, appendix D.
    """
    signal, sigma = alpha.sqrt(), (1 - alpha).sqrt()
    if prediction_type == "epsilon":
        return (latents - sigma * output) / signal, output
    if prediction_type == "v_prediction":
        return signal * latents - sigma * output, signal * output + sigma * latents
    raise ValueError(f"a teacher predicts 'epsilon' or 'v_prediction', not {prediction_type!r}")


def _column(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """(B,) values as (B, 1, ..., 1) on the device of `like`."""
    return values.to(like.device).reshape(-1, *[1] * (like.ndim - 1))
