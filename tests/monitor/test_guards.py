"""Guards in a loop of the user's own: they act at its boundaries, and what it cannot do is refused with the reason."""

from __future__ import annotations

import torch

from tests.monitor.conftest import Script
from tui_trainer import Monitor
from tui_trainer.monitor.script_run import ScriptRun
from tui_trainer.protocol import commands as cmd


def run_of(monitor: Monitor) -> ScriptRun:
    """Return the run of a monitor."""
    run = monitor._run  # pyright: ignore[reportPrivateUsage]
    assert run is not None
    return run


def arm(monitor: Monitor, *rules: str) -> None:
    """Give the run of a monitor its guards."""
    for rule in rules:
        run_of(monitor).commands.put(cmd.SetGuard(id=rule, rule=rule))


def test_guards_act_on_steps_and_on_epochs(script: Script) -> None:
    with script.monitor() as monitor:
        for _ in monitor.epochs(3):
            for inputs, targets in monitor.batches(script.loader):
                if run_of(monitor).state.step == 0:
                    arm(monitor, "when my/norm > 5: lr x0.5, at most 1 time", "when val_loss rises 1 epoch: lr = 0.01")
                script.step(inputs, targets)
                monitor.log({"my/norm": 6.0}, loss=1.0)
            monitor.log_epoch(val_loss=1.0 + run_of(monitor).state.epoch)
    changed = [(event["value"], event["cause"]["by"]) for event in script.events("SettingChanged")]
    assert changed == [(0.05, "guard"), (0.01, "guard")]


def test_a_roll_back_restores_the_weights_of_a_copy(script: Script) -> None:
    seen: dict[int, torch.Tensor] = {}
    restored: list[torch.Tensor] = []
    with script.monitor() as monitor:
        for _ in monitor.epochs(3):
            for inputs, targets in monitor.batches(script.loader):
                if run_of(monitor).state.step == 0:
                    arm(monitor, "when my/loss > 50: roll back 3 steps, at most 1 time")
                if script.events("RolledBack") and not restored:
                    restored.append(script.model.weight.detach().clone())
                script.step(inputs, targets)
                seen[len(seen) + 1] = script.model.weight.detach().clone()
                monitor.log({"my/loss": 100.0 if len(seen) == 9 else 1.0})
    back = script.events("RolledBack")[0]
    assert back["step"] == 9
    assert 3 <= back["step"] - back["saved_at"] <= 4
    assert torch.equal(restored[0], seen[back["saved_at"]])


def test_a_step_of_a_script_is_not_skipped(script: Script) -> None:
    with script.monitor() as monitor:
        for _ in monitor.epochs(1):
            for inputs, targets in monitor.batches(script.loader):
                arm(monitor, "when loss > 9: skip the step")
                monitor.log(loss=script.step(inputs, targets))
    assert {event["reason"] for event in script.events("Refused")} == {"the script takes its own steps"}
