"""The PeRFlow sampler behind the diffusers scheduler protocol: a thin adapter with a counter."""

import logging
from dataclasses import dataclass

import torch
from diffusers import ConfigMixin, DDIMScheduler, SchedulerMixin
from diffusers.configuration_utils import register_to_config
from diffusers.schedulers import KarrasDiffusionSchedulers
from diffusers.utils import BaseOutput

from perflow_demo.flow import parameterisation, solver
from perflow_demo.flow.windows import TimeWindows, Window

logger = logging.getLogger(__name__)


@dataclass
class PeRFlowSchedulerOutput(BaseOutput):
    """One step's results, each of the sample's shape and dtype.

    prev_sample: the sample at the next timestep. pred_window_end: where the current line ends.
    pred_original_sample: an estimate of the clean sample (`parameterisation.clean_estimate`).
    """

    prev_sample: torch.Tensor
    pred_window_end: torch.Tensor
    pred_original_sample: torch.Tensor


class PeRFlowScheduler(SchedulerMixin, ConfigMixin):
    """Few-step sampler for PeRFlow students, for use in any Stable Diffusion pipeline.

    num_train_timesteps, beta_start, beta_end, beta_schedule, trained_betas, rescale_betas_zero_snr:
    the teacher's noise schedule, as in diffusers' DDIMScheduler; the last is nothing for students
    that predict noise.
    set_alpha_to_one: read for compatibility only; the last window ends at the first alpha of the
    table, as in training.
    prediction_type: "diff_eps" (SD 1.5), "ddim_eps" (SDXL), "velocity" (SD 2.1) or "ddim_v"
    (pocket); "epsilon" is the old name of "diff_eps" and stored as such.
    num_time_windows: windows of the student's training, at least 1.
    t_noise, t_clean: where the flow begins and ends, 1 >= t_noise > t_clean >= 0.
    Raises ValueError for values outside. Source: PeRFlow (arXiv 2405.07510).
    """

    _compatibles = [scheduler.name for scheduler in KarrasDiffusionSchedulers]
    order = 1
    init_noise_sigma = 1.0

    @register_to_config
    def __init__(
        self,
        num_train_timesteps: int = 1000,
        beta_start: float = 0.00085,
        beta_end: float = 0.012,
        beta_schedule: str = "scaled_linear",
        trained_betas: list[float] | None = None,
        set_alpha_to_one: bool = False,
        prediction_type: str = "diff_eps",
        t_noise: float = 1.0,
        t_clean: float = 0.0,
        num_time_windows: int = 4,
        rescale_betas_zero_snr: bool = False,
    ):
        if prediction_type == "epsilon":
            prediction_type = "diff_eps"
            self.register_to_config(prediction_type=prediction_type)
        if prediction_type not in parameterisation.PREDICTION_TYPES:
            raise ValueError(
                f"prediction_type {prediction_type!r} does not say how a PeRFlow student is read. "
                "Pass the one it was trained with: 'velocity' (usual for a v_prediction base such "
                "as SD 2.1), 'ddim_eps' (SDXL) or 'diff_eps' (SD 1.5)."
            )
        if rescale_betas_zero_snr and prediction_type in parameterisation.NOISE_TYPES:
            raise ValueError(
                f"prediction_type {prediction_type!r} divides by the signal left at the noisiest "
                "step, and rescale_betas_zero_snr leaves none. Pass a schedule without it, or "
                "'velocity' where the student was trained so."
            )
        self.windows = TimeWindows(num_time_windows, t_noise, t_clean)
        self.alphas_cumprod = DDIMScheduler(
            num_train_timesteps,
            beta_start,
            beta_end,
            beta_schedule,
            trained_betas,
            rescale_betas_zero_snr=rescale_betas_zero_snr,
        ).alphas_cumprod
        self.timesteps = torch.empty(0, dtype=torch.int64)
        self._schedule: list[int] = []
        self._times: list[float] = []
        self._windows: list[Window] = []
        self._begin_index = self._step_index = 0
        self._preview: torch.Tensor | None = None

    def __len__(self) -> int:
        return self.config.num_train_timesteps

    @property
    def num_inference_steps(self) -> int | None:
        """Number of network calls of a full run, after raising; None before set_timesteps."""
        return len(self._schedule) or None

    @property
    def step_index(self) -> int:
        """Index of the next step, counted up by `step`."""
        return self._step_index

    @property
    def begin_index(self) -> int:
        """Index of the run's first step: 0, or what `set_begin_index` said."""
        return self._begin_index

    @property
    def preview(self) -> torch.Tensor | None:
        """pred_original_sample of the latest step; None before the first."""
        return self._preview

    def set_timesteps(
        self, num_inference_steps: int, device: str | torch.device | None = None
    ) -> None:
        """Start a run: deal the steps to the windows and set the counter to 0.

        num_inference_steps: at least 1; raised to the number of windows, with a warning, since
        every window needs a step. Raises ValueError below 1 or for so many that two coincide.
        """
        if num_inference_steps < 1:
            raise ValueError(f"num_inference_steps must be at least 1, got {num_inference_steps}")
        windows = self.windows.num_windows
        if num_inference_steps < windows:
            logger.warning(
                "%d steps asked for, %d are run: each of the %d time windows needs one.",
                num_inference_steps,
                windows,
                windows,
            )
        total = self.config.num_train_timesteps
        self._schedule = self.windows.timesteps(max(num_inference_steps, windows), total)
        self.timesteps = torch.tensor(self._schedule, device=device)
        self._times = [*(step / total for step in self._schedule), self.windows.t_clean]
        timepoints = torch.tensor(self._times[:-1], dtype=torch.float64)
        batch = self.windows.lookup(timepoints, self.alphas_cumprod)
        rows = zip(batch.start, batch.end, batch.alpha_start, batch.alpha_end, strict=True)
        self._windows = [Window(*(value.item() for value in row)) for row in rows]
        self._preview = None
        self.set_begin_index(0)

    def set_begin_index(self, begin_index: int = 0) -> None:
        """Begin the run at a later step, as image-to-image does."""
        self._begin_index = self._step_index = begin_index

    def window_interval(self, step_index: int) -> tuple[float, float]:
        """Start and end time of the window that the given step belongs to, 1 >= start > end."""
        window = self._windows[step_index]
        return window.start, window.end

    def scale_model_input(
        self, sample: torch.Tensor, timestep: int | torch.Tensor | None = None
    ) -> torch.Tensor:
        """The sample unchanged: PeRFlow needs no input scaling."""
        return sample

    def step(
        self,
        model_output: torch.Tensor,
        timestep: int | float | torch.Tensor,
        sample: torch.Tensor,
        return_dict: bool = True,
    ) -> PeRFlowSchedulerOutput | tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Move the sample along its window's line to the next timestep.

        model_output, sample: (B, ...), computed in float32. timestep: the one of the schedule
        that is due. With return_dict=False the three results come as a tuple.
        Raises ValueError if the run is over or another timestep is due.
        """
        t, t_next = self._due_times(timestep)
        window = self._windows[self._step_index]
        kind, x = self.config.prediction_type, sample.float()
        slope = parameterisation.velocity(kind, model_output.float(), x, t, window)
        output = PeRFlowSchedulerOutput(
            prev_sample=(x + (t_next - t) * slope).to(sample.dtype),
            pred_window_end=(x + (window.end - t) * slope).to(sample.dtype),
            pred_original_sample=parameterisation.clean_estimate(slope, x, t, window).to(
                sample.dtype
            ),
        )
        self._preview = output.pred_original_sample
        self._step_index += 1
        return output if return_dict else output.to_tuple()

    def _due_times(self, timestep: int | float | torch.Tensor) -> tuple[float, float]:
        """Time of the step that is due and of the one after it; guards the counter."""
        if self._step_index >= len(self._schedule):
            raise ValueError("no step is left: call set_timesteps before a new run")
        due = self._schedule[self._step_index]
        if int(timestep) != due:
            raise ValueError(
                f"timestep {due} is due, got {int(timestep)}: call set_timesteps before a new "
                "run, and set_begin_index to begin later than at its first timestep"
            )
        return self._times[self._step_index], self._times[self._step_index + 1]

    def add_noise(
        self, original_samples: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor
    ) -> torch.Tensor:
        """Diffuse clean samples to the given timesteps, 1..num_train_timesteps.

        original_samples, noise: (B, ...). timesteps: (B,) or (1,). See `solver.add_noise`.
        """
        return solver.add_noise(original_samples, noise, timesteps, self.alphas_cumprod)
