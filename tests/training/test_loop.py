"""The loop: interrupted runs end as unbroken ones, checkpoints survive, the average averages."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.optim.swa_utils import AveragedModel

from perflow_demo.training import loop
from perflow_demo.training.loop import Recipe, last_checkpoint, moving_average, rate, resume, train


class Line(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def forward(self, x):
        return self.layer(x)


class LineObjective:
    """Learns the sum of four numbers; breaks off before the step `until`, as a power cut would."""

    def __init__(self, until: int | None = None) -> None:
        self.net, self.until, self.calls = Line(), until, 0

    def batch(self, rng, count):
        if self.calls == self.until:
            raise KeyboardInterrupt
        self.calls += 1
        return torch.from_numpy(rng.normal(size=(count, 4)).astype(np.float32))

    def loss(self, net, batch, generator):
        noise = 0.01 * torch.randn(len(batch), 1, generator=generator)
        error = (net(batch).float() - batch.sum(1, keepdim=True) + noise).square().mean()
        return error, {"error": error.item()}

    def sheet(self, net):
        return Image.new("RGB", (1, 1))


LINE = Recipe(
    LineObjective, steps=60, batch=16, lr=0.05, warmup=5, ema=0.9, sheet_every=1000,
    checkpoint_seconds=0,
)  # fmt: skip


def interrupted(until: int) -> Recipe:
    return replace(LINE, objective=lambda: LineObjective(until))


def log(folder) -> list[dict]:
    rows = [json.loads(row) for row in (folder / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    return train(LINE, folder), folder


def weights(folder) -> list[torch.Tensor]:
    """What the checkpoint of LINE in `folder` holds: weights, then their average."""
    run = resume(LINE, folder)
    return [p.detach().clone() for p in (*run.net.parameters(), *run.ema.parameters())]


def test_an_interrupted_run_ends_as_an_unbroken_one(unbroken, tmp_path):
    whole, folder = unbroken
    with pytest.raises(KeyboardInterrupt):
        train(interrupted(35), tmp_path)
    assert resume(LINE, tmp_path).progress.step == 35
    ended = train(LINE, tmp_path)
    for ours, theirs in zip(whole.parameters(), ended.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    for ours, theirs in zip(weights(folder), weights(tmp_path), strict=True):
        assert torch.equal(ours, theirs)
    assert [row["step"] for row in log(folder)] == [20, 40, 60]
    assert log(tmp_path) == log(folder)


def test_muon_resumes_as_exactly(tmp_path):
    recipe = replace(LINE, muon=0.1)
    whole = train(recipe, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(replace(recipe, objective=lambda: LineObjective(35)), tmp_path / "broken")
    ended = train(recipe, tmp_path / "broken")
    assert log(tmp_path / "whole")[-1]["error"] < 1
    for ours, theirs in zip(whole.parameters(), ended.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_finished_run_is_not_trained_on(unbroken):
    _, folder = unbroken
    before = weights(folder)
    train(interrupted(0), folder)
    assert all(torch.equal(a, b) for a, b in zip(before, weights(folder), strict=True))


def test_the_loss_falls(unbroken):
    _, folder = unbroken
    first, *_, last = log(folder)
    assert last["loss"] < 0.05 * first["loss"] < 0.2


def test_the_result_computes_with_the_averaged_weights(unbroken):
    net, folder = unbroken
    trained = resume(LINE, folder).net
    assert not torch.equal(net.layer.weight, trained.layer.weight)
    x = torch.ones(1, 4)
    expected = net.layer.weight.sum() + net.layer.bias
    assert net(x).float().item() == pytest.approx(expected.item(), rel=1e-2)  # bf16


class Unplugged(Exception):
    pass


def fail(*args, **kwargs):
    raise Unplugged


@pytest.mark.parametrize("moment", ["while saving", "before the old one makes way", "between"])
def test_an_interrupted_save_leaves_a_usable_checkpoint(moment, tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        train(interrupted(3), tmp_path)
    with monkeypatch.context() as patch:
        if moment == "while saving":
            patch.setattr(torch, "save", fail)
        else:
            _fail_at_rename(
                patch, "checkpoint" if moment.startswith("before") else "checkpoint-new"
            )
        with pytest.raises(Unplugged):
            train(LINE, tmp_path)
    assert last_checkpoint(tmp_path) is not None
    assert resume(LINE, tmp_path).progress.step == 3
    with pytest.raises(KeyboardInterrupt):
        train(interrupted(2), tmp_path)
    assert resume(LINE, tmp_path).progress.step == 5
    assert {path.name for path in tmp_path.glob("checkpoint*")} == {loop.CHECKPOINT}


def _fail_at_rename(patch, name: str) -> None:
    rename = type(loop.Path()).rename

    def guarded(self, target):
        return fail() if self.name == name else rename(self, target)

    patch.setattr(type(loop.Path()), "rename", guarded)


def test_a_new_run_has_no_checkpoint(tmp_path):
    assert last_checkpoint(tmp_path) is None
    assert resume(LINE, tmp_path).progress.step == 0


def test_the_rate_rises_stays_and_falls_to_zero():
    recipe = replace(LINE, steps=1000, warmup=100, cooldown=0.25)
    rates = np.array([rate(recipe, step) for step in range(1001)])
    np.testing.assert_allclose(rates[:100], np.arange(1, 101) / 100)
    assert (rates[100:750] == 1).all()
    np.testing.assert_allclose(rates[750:], np.linspace(1, 0, 251), atol=1e-12)


def test_the_rate_of_a_run_shorter_than_its_warm_up_stays_in_range():
    rates = [rate(replace(LINE, steps=4, warmup=200), step) for step in range(6)]
    assert all(0 <= r <= 1 for r in rates) and rates[-1] == 0


def test_the_average_starts_short_and_grows_to_its_decay():
    net = nn.Linear(1, 1, bias=False)
    ema = AveragedModel(net, multi_avg_fn=moving_average(0.5))
    expected = 0.0
    for count, value in enumerate([3.0, 1.0, -2.0, 7.0, 7.5, 0.0, 4.0, 2.0, 9.0, 1.0, 5.0, 8.0]):
        net.weight.data.fill_(value)
        ema.update_parameters(net)
        decay = 0.0 if count == 0 else min(0.5, (1 + count) / (10 + count))
        expected = decay * expected + (1 - decay) * value
        assert ema.module.weight.item() == pytest.approx(expected, rel=1e-5)
    assert decay == 0.5
