"""A rate set by hand survives what a script saves and loads itself, with a monitor in the next process and without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler as schedules

from tests.monitor.conftest import Script, send
from tui_trainer.components.schedulers.builtin import Cosine
from tui_trainer.components.schedulers.script import ScriptSchedule
from tui_trainer.monitor.carried_rate import KEY
from tui_trainer.protocol import commands as cmd

STEPS = 12
SCHEDULES: dict[str, Any] = {
    "lambda": lambda optimizer: schedules.LambdaLR(optimizer, lambda step: 1 - step / 20),
    "step": lambda optimizer: schedules.StepLR(optimizer, 3, 0.5),
    "cosine": lambda optimizer: schedules.CosineAnnealingLR(optimizer, 20),
    "one cycle": lambda optimizer: schedules.OneCycleLR(optimizer, 0.1, total_steps=20),
    "sequence": lambda optimizer: schedules.SequentialLR(
        optimizer,
        [schedules.LinearLR(optimizer, 0.5, total_iters=2), schedules.LambdaLR(optimizer, lambda step: 0.9**step)],
        [2],
    ),
}


class Loop:
    """A script that saves and loads its own optimizer and scheduler."""

    def __init__(self, script: Script, kind: str) -> None:
        self.script = Script(script.runs)
        self.schedule = SCHEDULES[kind](self.script.optimizer)
        self.rates: list[float] = []

    def train(self, steps: int, at: dict[int, cmd.AnyCommand], saved: dict[str, Any] | None = None) -> dict[str, Any]:
        """Train with a monitor. Returns what the script saves after the last step."""
        if saved is not None:
            self.load(saved)
        with self.script.monitor(scheduler=self.schedule) as monitor:
            for step in monitor.steps(steps):
                self.step()
                if step in at:
                    send(monitor, at[step])
            return json.loads(json.dumps(self.schedule.state_dict())) | {"optimizer": self.rates_of()}

    def step(self) -> None:
        """Take a step, and note the rate that it was taken with."""
        self.rates.append(self.script.optimizer.param_groups[0]["lr"])
        self.script.step(self.script.inputs, self.script.targets)
        self.schedule.step()

    def rates_of(self) -> dict[str, Any]:
        """Return the optimizer's state, without the tensors."""
        return {key: value for key, value in self.script.optimizer.param_groups[0].items() if key != "params"}

    def load(self, saved: dict[str, Any]) -> None:
        """Load what the script saved."""
        self.script.optimizer.param_groups[0].update(saved["optimizer"])
        self.schedule.load_state_dict({key: value for key, value in saved.items() if key != "optimizer"})


@pytest.mark.filterwarnings("ignore:Detected call of")
@pytest.mark.parametrize("kind", SCHEDULES)
@pytest.mark.parametrize("command", [cmd.SetLearningRate(value=0.02), cmd.SetScheduler(scheduler=Cosine())])
def test_it_goes_on_as_in_one_process(script: Script, kind: str, command: cmd.AnyCommand) -> None:
    whole = Loop(script, kind)
    whole.train(STEPS, {3: command})
    first = Loop(script, kind)
    saved = first.train(6, {3: command})
    second = Loop(script, kind)
    # the steps of a run in another process begin at 0 again: the plan is moved with them
    second.train(6, {}, saved)
    set_at = 4 if isinstance(command, cmd.SetLearningRate) else STEPS
    assert first.rates == pytest.approx(whole.rates[:6]) or set_at == STEPS
    if isinstance(command, cmd.SetLearningRate):
        assert [*first.rates, *second.rates] == pytest.approx(whole.rates)
    else:
        plan = json.loads(saved[KEY]["plan"])
        assert second.rates[0] == pytest.approx(saved["optimizer"]["lr"])
        assert plan["scheduler"]["kind"] == "cosine"


@pytest.mark.filterwarnings("ignore:Detected call of")
def test_it_is_given_back_after_a_load(script: Script) -> None:
    own = Loop(script, "lambda")
    for _ in range(STEPS):
        own.step()
    saved = Loop(script, "lambda").train(6, {3: cmd.SetLearningRate(value=0.02)})
    second = Loop(script, "lambda")
    second.train(6, {2: cmd.SetScheduler(scheduler=ScriptSchedule())}, saved)
    assert second.rates[3:] == pytest.approx(own.rates[9:])
    assert KEY not in second.schedule.state_dict()


@pytest.mark.filterwarnings("ignore:Detected call of")
def test_the_base_rates_go_on_without_a_monitor(script: Script) -> None:
    first = Loop(script, "lambda")
    saved = first.train(6, {3: cmd.SetLearningRate(value=0.02)})
    second = Loop(script, "lambda")
    second.load(saved)
    second.step()
    second.step()
    ratio = 0.02 / (0.1 * (1 - 4 / 20))
    assert second.rates == pytest.approx([0.1 * (1 - step / 20) * ratio for step in (6, 7)])


def test_nothing_is_carried_where_nothing_was_set(script: Script, tmp_path: Path) -> None:
    loop = Loop(script, "lambda")
    assert KEY not in loop.train(4, {})
    with loop.script.monitor(scheduler=loop.schedule) as monitor:
        for step in monitor.steps(3):
            loop.step()
            if step == 1:
                send(monitor, cmd.SetLearningRate(value=0.02))
                send(monitor, cmd.SaveCheckpoint(name="kept"))
        # the run's own save has the script's own base rates
        assert loop.schedule.state_dict()[KEY]["base"] == {"base_lrs": [0.1]}
    assert loop.schedule.base_lrs == [0.1]
    assert torch.isfinite(torch.tensor(loop.rates)).all()
