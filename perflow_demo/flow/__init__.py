"""PeRFlow mathematics: time windows, parameterisations, the teacher's solver, the sampler, ΔW."""

from perflow_demo.flow.delta import MergeReport, apply_delta, extract_delta, remove_delta
from perflow_demo.flow.low_rank import expand_delta, factorise_delta
from perflow_demo.flow.parameterisation import (
    clean_estimate,
    interpolate,
    reciprocal_weight,
    training_target,
    velocity,
    window_end_estimate,
)
from perflow_demo.flow.scheduler import PeRFlowScheduler, PeRFlowSchedulerOutput
from perflow_demo.flow.solver import add_noise, ddim_timesteps, guided, solve_window
from perflow_demo.flow.windows import TimeWindows, Window

__all__ = [
    "MergeReport",
    "PeRFlowScheduler",
    "PeRFlowSchedulerOutput",
    "TimeWindows",
    "Window",
    "add_noise",
    "apply_delta",
    "clean_estimate",
    "ddim_timesteps",
    "expand_delta",
    "extract_delta",
    "factorise_delta",
    "guided",
    "interpolate",
    "reciprocal_weight",
    "remove_delta",
    "solve_window",
    "training_target",
    "velocity",
    "window_end_estimate",
]
