"""The split of the time axis, 1 (noise) down to 0 (clean), into equal windows."""

import itertools
from dataclasses import dataclass

import torch

# A time point this close above a boundary already belongs to the window below it:
# a tenth of one training timestep (PeRFlow reference, window lookup).
BOUNDARY_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Window:
    """One time window, or a batch of them: `start` > `end`, with the teacher's alphas there.

    Every field is a float or a tensor of shape (B,), one window per sample.
    alpha_start, alpha_end: cumulative alphas (signal variance, 0..1) at the window's ends.
    """

    start: float | torch.Tensor
    end: float | torch.Tensor
    alpha_start: float | torch.Tensor
    alpha_end: float | torch.Tensor


@dataclass(frozen=True)
class TimeWindows:
    """`num_windows` windows of equal length that partition [t_noise, t_clean].

    num_windows: at least 1. 1 >= t_noise > t_clean >= 0, else ValueError.
    Source: PeRFlow (arXiv 2405.07510), section 3.1.
    """

    num_windows: int = 4
    t_noise: float = 1.0
    t_clean: float = 0.0

    def __post_init__(self):
        if self.num_windows < 1:
            raise ValueError(f"num_windows must be at least 1, got {self.num_windows}")
        if not 1 >= self.t_noise > self.t_clean >= 0:
            raise ValueError(
                f"need 1 >= t_noise > t_clean >= 0, got {self.t_noise} and {self.t_clean}"
            )

    @property
    def boundaries(self) -> list[float]:
        """The num_windows + 1 window ends, falling from t_noise to t_clean."""
        # Counted up from t_clean: 1/5 * 1000 is timestep 200, but (1 - 4/5) * 1000 is 199.99..
        length = (self.t_noise - self.t_clean) / self.num_windows
        inner = [self.t_clean + k * length for k in range(self.num_windows - 1, 0, -1)]
        return [self.t_noise, *inner, self.t_clean]

    def lookup(self, timepoints: torch.Tensor, alphas_cumprod: torch.Tensor) -> Window:
        """The windows that hold the given time points.

        timepoints: any shape, in (t_clean + 1e-4, t_noise]; a boundary belongs to the window
        below it. alphas_cumprod: (T,) table of the teacher's cumulative alphas.
        Returns a Window whose fields have the shape, dtype and device of `timepoints`.
        Raises ValueError for time points outside.
        """
        outside = (timepoints - BOUNDARY_TOLERANCE <= self.t_clean) | (timepoints > self.t_noise)
        if outside.any():
            raise ValueError(
                f"time points must lie in ({self.t_clean} + {BOUNDARY_TOLERANCE}, "
                f"{self.t_noise}], got {timepoints[outside].tolist()}"
            )
        bounds = torch.tensor(self.boundaries, dtype=timepoints.dtype, device=timepoints.device)
        ends_above = bounds[1:] >= (timepoints - BOUNDARY_TOLERANCE).unsqueeze(-1)
        index = ends_above.sum(dim=-1)
        start, end = bounds[index], bounds[index + 1]
        table = alphas_cumprod.to(timepoints)
        return Window(
            start,
            end,
            alpha_start=table[boundary_index(start, len(table))],
            alpha_end=table[boundary_index(end, len(table))],
        )

    def timesteps(self, num_steps: int, num_train_timesteps: int = 1000) -> list[int]:
        """The network's timesteps for `num_steps` calls, falling, in 1..num_train_timesteps.

        Steps are dealt to the windows evenly, the first ones get one more; inside a window they
        are evenly spaced from its start, end excluded, and truncated to integers.
        Raises ValueError if some window gets no step, or steps so many that two coincide.
        """
        if num_steps < self.num_windows:
            raise ValueError(f"{self.num_windows} windows need at least as many steps")
        each, more = divmod(num_steps, self.num_windows)
        result = []
        for k, (start, end) in enumerate(itertools.pairwise(self.boundaries)):
            count = each + (k < more)
            stride = (end - start) / count
            # Truncation of the float product is part of the definition: 0.3999.. gives 399.
            result += [int((start + j * stride) * num_train_timesteps) for j in range(count)]
        if result[-1] < 1 or any(a <= b for a, b in itertools.pairwise(result)):
            raise ValueError(f"{num_steps} steps are too many for {num_train_timesteps} timesteps")
        return result


def boundary_index(timepoints: torch.Tensor, table_length: int) -> torch.Tensor:
    """Index of a window boundary in the table of alphas: T*t - 1, and 0 for t = 0."""
    # The small offset keeps 0.7 * 1000 = 699.99.. from falling to the index below.
    return ((timepoints * table_length + 1e-3).long() - 1).clamp(min=0)
