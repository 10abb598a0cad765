"""The one training loop, on accelerate: step, EMA, log, picture, checkpoint, exact resume."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from perflow_demo.training import muon
from perflow_demo.training.objectives.objective import Objective

CHECKPOINT, UNFINISHED, REPLACED = "checkpoint", "checkpoint-new", "checkpoint-old"


@dataclass(frozen=True)
class Recipe:
    """How an objective is trained.

    steps: after warm-up the rate `lr` is kept, then falls to zero over the last `cooldown` of them;
    muon: the rate of hidden layers' weights under Muon, all else being AdamW's (0: everything is);
    compile: kinds of submodules, each compiled by itself: worth a minute or two in runs of half an
    hour and more. Blocks, not whole UNets: diffusers' UNet2DConditionModel compiled whole has zero
    gradients below its last upsampler (torch 2.13, CPU).
    goes_on: from the weights that are published, where there are any.
    stands_on: published parts that a run needs unchanged from its first step to its publication.
    """

    objective: Callable[[], Objective]
    steps: int
    batch: int
    lr: float
    warmup: int = 200
    cooldown: float = 0.25
    ema: float = 0.999
    weight_decay: float = 0.01
    muon: float = 0.0
    compile: tuple[type[nn.Module], ...] = ()
    goes_on: bool = False
    stands_on: tuple[str, ...] = ()
    seed: int = 0
    sheet_every: int = 500
    checkpoint_seconds: float = 480


@dataclass
class Progress:
    """What a checkpoint remembers besides tensors."""

    step: int = 0
    seconds: float = 0.0

    def state_dict(self) -> dict:
        return {"step": self.step, "seconds": self.seconds}

    def load_state_dict(self, state: dict) -> None:
        self.step, self.seconds = state["step"], state["seconds"]


@dataclass
class Run:
    """Everything that changes while a recipe is trained."""

    accelerator: Accelerator
    objective: Objective
    net: nn.Module
    optimizers: list[torch.optim.Optimizer]
    schedules: list[torch.optim.lr_scheduler.LRScheduler]
    ema: AveragedModel
    progress: Progress


def resume(recipe: Recipe, folder: Path) -> Run:
    """The run in `folder` as its last checkpoint left it, or a new one."""
    torch.manual_seed(recipe.seed)
    accelerator = Accelerator(mixed_precision="bf16", cpu=True)  # as the objectives are
    objective = recipe.objective()
    net = objective.net.to(memory_format=torch.channels_last)
    optimizers = _optimizers(recipe, net)
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(recipe, step))
        for optimizer in optimizers
    ]
    net, *prepared = accelerator.prepare(net, *optimizers, *schedules)
    optimizers, schedules = prepared[: len(optimizers)], prepared[len(optimizers) :]
    ema = AveragedModel(net, multi_avg_fn=moving_average(recipe.ema))
    progress = Progress()
    accelerator.register_for_checkpointing(ema, progress)
    checkpoint = last_checkpoint(folder)
    if checkpoint:
        accelerator.load_state(checkpoint)
    return Run(accelerator, objective, net, optimizers, schedules, ema, progress)


def _optimizers(recipe: Recipe, net: nn.Module) -> list[torch.optim.Optimizer]:
    """AdamW, and before it Muon for the hidden layers if the recipe wants it."""
    hidden, others = muon.split(net)
    found: list[torch.optim.Optimizer] = []
    if recipe.muon:
        found.append(muon.Muon(hidden, recipe.muon, weight_decay=recipe.weight_decay))
    else:
        others = [parameter for parameter in net.parameters() if parameter.requires_grad]
    adamw = torch.optim.AdamW(
        others, recipe.lr, betas=(0.9, 0.99), weight_decay=recipe.weight_decay, fused=True
    )
    return [*found, adamw]


def train(recipe: Recipe, folder: Path) -> nn.Module:
    """Trains until `recipe.steps`, going on from `folder`'s checkpoint if any; returns the EMA net.

    Step n draws its data and noise from (seed, n) alone: an interrupted run ends with the same
    weights as an unbroken one. Writes log.jsonl, sheets and checkpoints into `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = resume(recipe, folder)
    # An objective's other networks too: a frozen teacher takes most of some steps.
    for network in filter(lambda held: isinstance(held, nn.Module), vars(run.objective).values()):
        compile_blocks(network, recipe.compile)
    progress, saved = run.progress, time.monotonic()
    started = saved - progress.seconds
    while progress.step < recipe.steps:
        figures = _step(run, recipe)
        progress.step += 1
        progress.seconds = time.monotonic() - started
        last = progress.step == recipe.steps
        if progress.step % 20 == 0 or last:
            _log(folder, progress, figures)
        if progress.step % recipe.sheet_every == 0 or last:
            run.objective.sheet(run.ema.module.eval()).save(
                folder / f"step-{progress.step:07d}.png"
            )
        if time.monotonic() - saved > recipe.checkpoint_seconds or last:
            _save(run.accelerator, folder)
            saved = time.monotonic()
    return run.ema.module


def compile_blocks(net: nn.Module, kinds: tuple[type[nn.Module], ...]) -> None:
    """Compiles every submodule of these kinds, in place."""
    # Blocks of a class share its code, which torch compiles once for each width, size and mode.
    torch._dynamo.config.recompile_limit = 128
    for module in net.modules():
        if isinstance(module, kinds):
            module.compile(dynamic=False)  # the teacher sees two sizes: each its own code


def _step(run: Run, recipe: Recipe) -> dict[str, float]:
    """One optimizer step on the data and noise of (seed, step)."""
    rng = np.random.default_rng([recipe.seed, run.progress.step])
    batch = run.objective.batch(rng, recipe.batch)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    with run.accelerator.autocast():
        loss, figures = run.objective.loss(run.net, batch, generator)
    run.accelerator.backward(loss)
    norm = run.accelerator.clip_grad_norm_(run.net.parameters(), 1.0)
    for optimizer, schedule in zip(run.optimizers, run.schedules, strict=True):
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    run.ema.update_parameters(run.net)
    return {"loss": loss.item(), "norm": float(norm), **figures}


def rate(recipe: Recipe, step: int) -> float:
    """The learning rate's factor at a step: linear warm-up, a plateau, linear fall to zero."""
    rise = min(1.0, (step + 1) / max(1, recipe.warmup))
    fall = (recipe.steps - step) / max(1.0, recipe.cooldown * recipe.steps)
    return min(rise, max(0.0, fall), 1.0)


def moving_average(decay: float) -> Callable:
    """AveragedModel's update: an exponential average that starts short and grows to `decay`."""

    @torch.no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], count: Tensor) -> None:
        weight = 1 - min(decay, float((1 + count) / (10 + count)))
        torch._foreach_lerp_(averaged, current, weight)

    return update


def _log(folder: Path, progress: Progress, figures: dict[str, float]) -> None:
    row = {"step": progress.step, "seconds": round(progress.seconds, 1)}
    row |= {name: float(f"{value:.5g}") for name, value in figures.items()}
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps(row) + "\n")


def last_checkpoint(folder: Path) -> Path | None:
    """The folder of the run's last whole checkpoint, or None where it has none."""
    places = (folder / CHECKPOINT, folder / REPLACED)
    return next((place for place in places if place.exists()), None)


def _save(accelerator: Accelerator, folder: Path) -> None:
    """Replaces the checkpoint when the new one is whole; at any moment there is a whole one."""
    fresh, current, replaced = (folder / name for name in (UNFINISHED, CHECKPOINT, REPLACED))
    shutil.rmtree(fresh, ignore_errors=True)
    accelerator.save_state(fresh)
    if current.exists():
        shutil.rmtree(replaced, ignore_errors=True)
        current.rename(replaced)
    fresh.rename(current)
    shutil.rmtree(replaced, ignore_errors=True)
