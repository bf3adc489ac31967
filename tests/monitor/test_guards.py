"""Guards in a loop of the user's own: they act at its boundaries, and what it cannot do is refused with the reason."""

from __future__ import annotations

import math
from typing import Any

import pytest
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


def tensors(script: Script) -> list[torch.Tensor]:
    """Return copies of weights and optimizer state."""
    state = [value for each in script.optimizer.state.values() for value in each.values() if torch.is_tensor(value)]
    return [value.detach().clone() for value in (*script.model.parameters(), *state)]


def equal(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


NOT_FINITE = "when grad_norm is not finite: skip the step"
OPTIMIZERS: dict[str, Any] = {
    "momentum": lambda given: torch.optim.SGD(given, 0.1, momentum=0.9, weight_decay=0.1),
    "adamw": lambda given: torch.optim.AdamW(given, 0.1),
    "rmsprop": lambda given: torch.optim.RMSprop(given, 0.1),
    "fused": lambda given: torch.optim.Adam(given, 0.1, fused=True),
}


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_step_with_bad_gradients_is_skipped_to_the_bit(script: Script, kind: str) -> None:
    script.optimizer = OPTIMIZERS[kind](script.model.parameters())
    bad = script.loader[3][0].clone().fill_(math.nan), script.loader[3][1]
    with script.monitor(guards=NOT_FINITE) as monitor:
        for epoch in monitor.epochs(2):
            script.loader[3] = bad if epoch else script.loader[3]
            for index, batch in enumerate(monitor.batches(script.loader)):
                before = tensors(script)
                monitor.log(loss=script.step(*batch))
                taken = not equal(tensors(script), before)
                assert taken is not (epoch == 1 and index == 3)
                assert script.model.weight.grad is not None
        assert monitor.step_count == 10
    (skipped,) = script.events("StepSkipped")
    assert (skipped["step"], skipped["epoch"], skipped["batch"]) == (8, 2, 4)
    assert skipped["cause"]["because"] == f"{NOT_FINITE}: grad_norm NaN"
    assert script.series("grad_norm")[9] is None
    losses = [script.series("train_loss")[step] or 0.0 for step in (6, 7, 8, 10)]
    ended = script.events("EpochEnded")[1]["metrics"]
    assert ended["train_loss"] == pytest.approx(sum(losses) / 4, rel=1e-5)
    assert not script.events("LossBroke")


def test_a_skip_is_repeated_by_command(script: Script) -> None:
    with script.monitor() as monitor:
        run_of(monitor).state.follow([(2, cmd.SkipStep())])
        for index, batch in enumerate(monitor.batches(script.loader)):
            before = tensors(script)
            script.step(*batch)
            assert equal(tensors(script), before) is (index == 2)
    assert [(event["step"], event["batch"]) for event in script.events("StepSkipped")] == [(2, 3)]


def test_a_loop_without_batches_counts_its_steps(script: Script) -> None:
    with script.monitor() as monitor:
        run_of(monitor).state.follow([(2, cmd.SkipStep())])
        for _ in range(4):
            script.step(*script.loader[0])
            monitor.step()
    assert [(event["step"], event["batch"]) for event in script.events("StepSkipped")] == [(2, 3)]


def test_the_loss_decides_where_it_is_logged_before_the_step(script: Script) -> None:
    for logs_first in (True, False):
        with script.monitor(f"first-{logs_first}", guards=["when loss > 9: skip the step"]) as monitor:
            for index, (inputs, targets) in enumerate(monitor.batches(script.loader)):
                before = tensors(script)
                loss = torch.nn.functional.mse_loss(script.model(inputs), targets) + (10 if index == 3 else 0)
                script.optimizer.zero_grad()
                loss.backward()
                if logs_first:
                    monitor.log(loss=loss)
                script.optimizer.step()
                if not logs_first:
                    monitor.log(loss=loss)
                assert equal(tensors(script), before) is (logs_first and index == 3)
        said = [line for event in script.events("Logged") for line in event["lines"]]
        missing = "guard guard-1 cannot skip a step: train_loss is not logged before optimizer.step()"
        assert said.count(missing) == (0 if logs_first else 1)


def test_many_skips_stop_the_run_with_the_weights_of_before(script: Script) -> None:
    script.loader = [(inputs * math.inf, targets) for inputs, targets in script.loader]
    before = tensors(script)
    with script.monitor(guards=NOT_FINITE) as monitor:
        for _ in monitor.epochs(9):
            for batch in monitor.batches(script.loader):
                script.step(*batch)
    assert monitor.step_count == 11
    assert len(script.events("StepSkipped")) == 11
    assert equal(tensors(script), before)
    assert script.events("RunFinished")[0]["reason"] == "stopped"


def test_guards_see_the_norm_of_gradients_before_they_are_clipped(script: Script) -> None:
    norms: list[float] = []
    with script.monitor(guards='when grad_norm > 0: note "seen", at most 9 times, cool-down 1 step') as monitor:
        for index, (inputs, targets) in enumerate(monitor.batches(script.loader)):
            script.optimizer.zero_grad()
            torch.nn.functional.mse_loss(script.model(inputs), targets).backward()
            norms.append(float(torch.nn.utils.get_total_norm([each.grad for each in script.model.parameters()])))
            if index % 2:
                monitor.clip(script.model.parameters(), 1e-3)
            script.optimizer.step()
    assert list(script.series("grad_norm").values()) == pytest.approx(norms)
    seen = [event["cause"]["because"].rpartition(" ")[2] for event in script.events("Noted")]
    assert [float(each) for each in seen] == pytest.approx(norms, rel=1e-2)


class Own(torch.optim.SGD):
    """An optimizer that a script has written."""


def test_a_step_that_cannot_be_skipped_exactly_is_not(script: Script, capsys: pytest.CaptureFixture[str]) -> None:
    given = list(script.model.parameters())
    refused: dict[str, Any] = {
        "LBFGS evaluates several gradients in a step": torch.optim.LBFGS(given),
        "Own is not one of torch's optimizers": Own(given, 0.1),
        "the script has 2 optimizers": {"a": torch.optim.SGD(given, 0.1), "b": torch.optim.SGD(given, 0.1)},
        "no optimizer was handed to Monitor": None,
    }
    for number, (reason, optimizer) in enumerate(refused.items()):
        with script.monitor(f"refused-{number}", optimizer=optimizer, guards=[NOT_FINITE]) as monitor:
            assert list(monitor.steps(2)) == [0, 1]
        assert f"guard '{NOT_FINITE}' is not armed: {reason}" in capsys.readouterr().err
    with script.monitor("closure", guards=[NOT_FINITE]) as monitor:
        for _ in monitor.steps(2):
            script.optimizer.step(lambda: 0.0)  # pyright: ignore[reportArgumentType]
    said = [line for event in script.events("Logged") for line in event["lines"]]
    assert said == ["optimizer.step is given a closure, which computes the gradients in the step: none is skipped"]


def test_a_rule_that_is_none_is_an_error_of_the_script(script: Script) -> None:
    with pytest.raises(ValueError, match=r"Monitor: guards\[1\]: 'when loss > 9: skp the step'"):
        script.monitor(guards=[NOT_FINITE, "when loss > 9: skp the step"])


def test_guards_cost_nothing_while_none_is_armed(script: Script) -> None:
    with script.monitor() as monitor:
        for _ in monitor.batches(script.loader):
            assert not script.optimizer._optimizer_step_pre_hooks
            script.optimizer.step()
        arm(monitor, NOT_FINITE)
        for _ in monitor.batches(script.loader):
            assert script.optimizer._optimizer_step_pre_hooks
            script.optimizer.step()
    assert not script.optimizer._optimizer_step_pre_hooks
