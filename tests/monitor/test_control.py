"""Commands take effect between two steps of a script's loop, and one that cannot says why."""

from __future__ import annotations

import copy
import math
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
import torch

from tests.monitor.conftest import Script, send
from tui_trainer import Monitor
from tui_trainer.components.schedulers.builtin import Cosine
from tui_trainer.components.schedulers.script import ScriptSchedule
from tui_trainer.monitor.parts.optimizers import ScriptOptimizers
from tui_trainer.monitor.parts.own_schedule import OwnSchedule
from tui_trainer.protocol import commands as cmd

When = Callable[[Callable[[], bool], Callable[[], None]], None]


def state(monitor: Monitor) -> Any:
    run = monitor._run
    assert run is not None
    return run.state


def refusals(script: Script) -> list[str]:
    return [event["reason"] for event in script.events("Refused")]


class TestLoop:
    def test_pause_one_step_and_resume(self, script: Script, when: When) -> None:
        seen: list[int] = []
        with script.monitor() as monitor:
            waits = state(monitor)
            for inputs, targets in monitor.batches(script.loader):
                script.step(inputs, targets)
                if monitor.step_count == 2:
                    send(monitor, cmd.Pause())
                    when(lambda: waits.paused, lambda: send(monitor, cmd.StepOnce(count=1)))
                    when(
                        lambda: waits.step == 3 and not waits.steps_allowed,
                        lambda: (seen.append(waits.step), send(monitor, cmd.Resume()))[0],
                    )
        assert seen == [3]
        statuses = [event["status"] for event in script.events("StatusChanged")]
        assert statuses == ["starting", "running", "paused", "paused", "running"]
        assert script.events("RunFinished")[0]["step"] == 5

    @pytest.mark.parametrize(("at", "steps", "epochs"), [("epoch", 10, 2), ("batch", 7, 1)])
    def test_stop_now_and_at_the_end_of_the_epoch(self, script: Script, at: Any, steps: int, epochs: int) -> None:
        with script.monitor() as monitor:
            for _ in monitor.epochs(5):
                for inputs, targets in monitor.batches(script.loader):
                    script.step(inputs, targets)
                    if monitor.step_count == 7:
                        send(monitor, cmd.Stop(when=at))
                monitor.log_epoch(val_loss=1.0)
            assert monitor.should_stop
        finished = script.events("RunFinished")[0]
        assert (finished["reason"], finished["step"], finished["epoch"]) == ("stopped", steps, epochs)

    def test_a_loop_that_counts_its_steps_is_told_to_stop(self, script: Script) -> None:
        with script.monitor() as monitor:
            while monitor.step(loss=script.step(script.inputs, script.targets)):
                if monitor.step_count == 4:
                    send(monitor, cmd.Stop())
        assert len(script.series("train_loss")) == 5
        assert script.events("RunFinished")[0]["reason"] == "stopped"

    def test_nothing_acts_between_half_accumulated_gradients(self, script: Script) -> None:
        acted: list[int] = []
        seen: list[int] = []
        with script.monitor() as monitor:
            monitor.action("look", lambda: acted.append(seen[-1]))
            for batches, (inputs, targets) in enumerate(monitor.batches(script.loader * 2), start=1):
                seen.append(batches)
                if batches in (2, 5):
                    send(monitor, cmd.RunAction(name="look"))
                loss = torch.nn.functional.mse_loss(script.model(inputs), targets) / 4
                loss.backward()
                monitor.log(loss=float(batches))
                if batches % 4 == 0:
                    script.optimizer.step()
                    script.optimizer.zero_grad()
        assert acted == [4, 8]
        assert script.series("train_loss") == {1: 2.5, 2: 6.5}

    def test_more_epochs_and_fewer(self, script: Script) -> None:
        epochs: list[int] = []
        with script.monitor() as monitor:
            for epoch in monitor.epochs(4):
                epochs.append(epoch)
                for inputs, targets in monitor.batches(script.loader):
                    script.step(inputs, targets)
                    if monitor.step_count == 2:
                        send(monitor, cmd.SetEpochs(value=6))
                    if monitor.step_count == 14:
                        send(monitor, cmd.SetEpochs(add=-2))
        assert epochs == [0, 1, 2, 3]
        assert [event["value"] for event in script.events("SettingChanged")] == [6, 4]

    def test_a_loader_without_a_length(self, script: Script) -> None:
        with script.monitor() as monitor:
            for _ in monitor.epochs(2):
                for inputs, targets in monitor.batches(iter(script.loader)):
                    script.step(inputs, targets)
        told = script.events("Capabilities")
        assert told[-1]["steps_per_epoch"] == 5
        assert told[-1]["epochs"] == 2

    def test_batches_are_counted_where_no_step_is_seen(self, script: Script) -> None:
        with script.monitor(optimizer=None) as monitor:
            for _ in monitor.batches(range(205)):
                monitor.log(loss=1.0)
        lines = [line for event in script.events("Logged") for line in event["lines"]]
        assert any("call monitor.step() after each step" in line for line in lines)
        assert script.events("RunFinished")[0]["step"] >= 5


class TestRate:
    def test_a_rate_set_by_hand_holds_over_the_schedule_and_is_given_back(self, script: Script) -> None:
        schedule = torch.optim.lr_scheduler.ExponentialLR(script.optimizer, 0.9)
        with script.monitor(scheduler=schedule) as monitor:
            for step in monitor.steps(12):
                script.step(script.inputs, script.targets)
                schedule.step()
                if step == 3:
                    send(monitor, cmd.SetLearningRate(value=0.02))
                if step == 7:
                    send(monitor, cmd.SetScheduler(scheduler=ScriptSchedule()))
        own = {step: 0.1 * 0.9 ** (step - 1) for step in range(1, 14)}
        rates = script.series("lr")
        assert [rates[step] for step in (1, 2, 3, 4)] == pytest.approx([own[step] for step in (1, 2, 3, 4)])
        # as with any schedule, the rate goes on from the one set by hand with the same shape
        assert [rates[step] for step in (5, 6, 7, 8)] == pytest.approx([0.02 * 0.9**k for k in (0, 1, 2, 3)])
        assert [rates[step] for step in range(9, 13)] == pytest.approx([own[step] for step in range(9, 13)])
        assert script.optimizer.param_groups[0]["lr"] == pytest.approx(own[13])
        assert type(schedule) is torch.optim.lr_scheduler.ExponentialLR

    def test_another_schedule_takes_the_place_of_the_scripts(self, script: Script) -> None:
        schedule = torch.optim.lr_scheduler.StepLR(script.optimizer, 2, 0.5)
        with script.monitor(scheduler=schedule) as monitor:
            for step in monitor.steps(10):
                script.step(script.inputs, script.targets)
                schedule.step()
                if step == 1:
                    send(monitor, cmd.SetScheduler(scheduler=Cosine(), base=1.0))
        rates = script.series("lr")
        expected = {3 + k: (1 + math.cos(math.pi * k / 8)) / 2 for k in range(8)}
        assert {step: rates[step] for step in expected} == pytest.approx(expected)

    def test_what_the_script_writes_by_hand_is_its_own_rate(self, script: Script) -> None:
        group = script.optimizer.param_groups[0]
        used: list[float] = []
        script.optimizer.register_step_pre_hook(lambda *_: None)
        with script.monitor() as monitor:
            script.optimizer.register_step_post_hook(lambda *_: used.append(group["lr"]))
            for step in monitor.steps(6):
                group["lr"] = 0.1 / (step + 1)
                script.step(script.inputs, script.targets)
                if step == 1:
                    send(monitor, cmd.SetScheduler(scheduler=Cosine(), base=0.5))
                if step == 3:
                    send(monitor, cmd.SetScheduler(scheduler=ScriptSchedule()))
        assert used[:2] == pytest.approx([0.1, 0.05])
        assert used[2] == pytest.approx(0.5)
        assert used[4:] == pytest.approx([0.02, 0.1 / 6])

    def test_several_groups_and_optimizers_keep_their_ratio(self, script: Script) -> None:
        second = torch.optim.SGD([{"params": [torch.nn.Parameter(torch.zeros(2))], "lr": 0.4}])
        with script.monitor(optimizer={"G": script.optimizer, "D": second}) as monitor:
            for step in monitor.steps(4):
                script.step(script.inputs, script.targets)
                second.step()
                if step == 1:
                    send(monitor, cmd.SetLearningRate(value=0.05))
        assert script.series("lr/G") == pytest.approx({1: 0.1, 2: 0.1, 3: 0.05, 4: 0.05})
        assert script.series("lr/D") == pytest.approx({1: 0.4, 2: 0.4, 3: 0.2, 4: 0.2})
        assert monitor.step_count == 4
        assert script.events("RunFinished")[0]["step"] == 4

    def test_a_rate_that_is_a_tensor_stays_the_same_tensor(self, script: Script) -> None:
        rate = torch.tensor(0.1)
        optimizer = torch.optim.Adam(script.model.parameters(), lr=rate, capturable=False, foreach=False)
        script.optimizer = optimizer  # pyright: ignore[reportAttributeAccessIssue]
        with script.monitor() as monitor:
            for step in monitor.steps(3):
                script.step(script.inputs, script.targets)
                if step == 0:
                    send(monitor, cmd.SetLearningRate(value=0.025))
        assert optimizer.param_groups[0]["lr"] is rate
        assert script.series("lr") == pytest.approx({1: 0.1, 2: 0.025, 3: 0.025})

    @pytest.mark.parametrize(
        "make",
        [
            lambda opt: torch.optim.lr_scheduler.CosineAnnealingLR(opt, 20),
            lambda opt: torch.optim.lr_scheduler.OneCycleLR(opt, 1.0, total_steps=40),
            lambda opt: torch.optim.lr_scheduler.LambdaLR(opt, lambda step: 1 / (1 + step)),
            lambda opt: torch.optim.lr_scheduler.SequentialLR(
                opt,
                [
                    torch.optim.lr_scheduler.LinearLR(opt, 0.1, 1.0, 5),
                    torch.optim.lr_scheduler.ExponentialLR(opt, 0.9),
                ],
                [5],
            ),
        ],
        ids=["cosine", "one-cycle", "lambda", "sequential"],
    )
    def test_the_coming_rate_is_that_of_the_schedule(self, script: Script, make: Callable[[Any], Any]) -> None:
        schedule = make(script.optimizer)
        handle = ScriptOptimizers({"": script.optimizer})
        own = OwnSchedule([schedule], handle, lambda: None)
        coming = own.future(15)
        before = torch.get_rng_state()
        assert own.future(15) == coming
        assert torch.equal(before, torch.get_rng_state())
        actual: list[float] = []
        for _ in range(15):
            script.optimizer.step()
            schedule.step()
            actual.append(float(script.optimizer.param_groups[0]["lr"]))
        assert coming == pytest.approx(actual)
        assert "step" not in schedule.state_dict()
        assert type(copy.copy(schedule)) is own._classes[0][1]
        own.close()

    def test_the_rate_of_a_plateau_is_not_known_and_that_is_said(self, script: Script) -> None:
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(script.optimizer, factor=0.5, patience=0)
        own = OwnSchedule([schedule], ScriptOptimizers({"": script.optimizer}), lambda: None)
        assert own.future(10) == []
        assert "its coming rate is not known" in own.unknown
        own.close()

    def test_the_preview_is_published(self, script: Script) -> None:
        schedule = torch.optim.lr_scheduler.StepLR(script.optimizer, 1, 0.5)
        with script.monitor(scheduler=schedule) as monitor:
            for _ in monitor.epochs(4):
                for inputs, targets in monitor.batches(script.loader):
                    script.step(inputs, targets)
                monitor.log_epoch(val_loss=1.0)
                schedule.step()
        previews = script.events("SchedulePreview")
        assert len(previews) == 1
        assert previews[0]["steps"][:4] == [0, 5, 10, 15]
        assert previews[0]["lr"][:4] == pytest.approx([0.1, 0.05, 0.025, 0.0125])


class TestMore:
    def test_clip_is_where_the_loop_says(self, script: Script) -> None:
        norms: list[float] = []
        with script.monitor() as monitor:
            for step in monitor.steps(4):
                loss = torch.nn.functional.mse_loss(script.model(script.inputs), script.targets * 100)
                script.optimizer.zero_grad()
                loss.backward()
                monitor.clip(script.model.parameters())
                gradients = [parameter.grad for parameter in script.model.parameters() if parameter.grad is not None]
                norms.append(float(torch.nn.utils.get_total_norm(gradients)))
                script.optimizer.step()
                if step == 1:
                    send(monitor, cmd.SetClip(value=0.5))
        assert norms[:2] > [1.0, 1.0]
        assert norms[2:] == pytest.approx([0.5, 0.5], rel=1e-3)
        assert set(script.series("grad_norm")) == {3, 4}

    def test_the_norm_that_the_script_gives_is_in_force_until_a_command_sets_another(self, script: Script) -> None:
        with script.monitor() as monitor:
            seen: list[tuple[float, float]] = []
            for step in monitor.steps(6):
                loss = torch.nn.functional.mse_loss(script.model(script.inputs), script.targets * 100)
                script.optimizer.zero_grad()
                loss.backward()
                monitor.clip(script.model.parameters(), 2.0)
                script.optimizer.step()
                if step == 2:
                    send(monitor, cmd.SetClip(value=0.5))
                if step == 4:  # declares something: what was told of the clip before is not in force again
                    monitor.knob("weight decay", group="weight_decay")
                assert monitor._run is not None
                state = monitor._run.bus.states()[0]
                seen.append((state.clip_grad_norm, state.script_clip))
        assert seen == [(2.0, 2.0)] * 3 + [(0.5, 2.0)] * 3

    def test_validate_leaves_modes_and_generators_as_they_were(self, script: Script) -> None:
        def evaluate() -> float:
            script.model.eval()
            return float(torch.rand(()))

        torch.manual_seed(3)
        expected = torch.rand(3)
        torch.manual_seed(3)
        drawn: list[float] = []
        with script.monitor(evaluate=evaluate) as monitor:
            for _ in monitor.steps(3):
                script.step(script.inputs, script.targets)
                drawn.append(float(torch.rand(())))
                send(monitor, cmd.Evaluate())
                assert script.model.training
        assert drawn == pytest.approx(expected.tolist())
        assert len([event for event in script.events("Scalars") if "val_loss" in event["values"]]) == 3

    def test_what_a_loop_cannot_do_is_told_and_refused(self, script: Script) -> None:
        with Monitor("bare", runs_dir=script.runs, quiet=True) as monitor:
            script.path = type(script.path)(monitor.path)
            for step in monitor.steps(2):
                if step == 0:
                    monitor.step()
                    for command in (
                        cmd.SetLearningRate(value=1),
                        cmd.SetClip(value=1),
                        cmd.Evaluate(),
                        cmd.RollBack(),
                        cmd.SetEpochs(value=3),
                        cmd.SetKnob(name="a", value=1),
                        cmd.RunAction(name="a"),
                    ):
                        send(monitor, command)
        assert refusals(script) == [
            "no optimizer was handed to Monitor",
            "the loop does not call monitor.clip(parameters)",
            "no evaluate function was handed to Monitor",
            "no model was handed to Monitor",
            "the loop does not use monitor.epochs",
            "the script declares no knobs",
            "the script declares no actions",
        ]
        told = script.events("Capabilities")[0]["refused"]
        assert {"SetLearningRate", "SetClip", "Evaluate", "RollBack", "SetEpochs"} <= set(told)
        assert "Pause" not in told


class TestControls:
    def test_a_knob_is_set_read_back_and_undone(self, script: Script) -> None:
        class Agent:
            tau = 0.5
            mode = "greedy"
            noisy = True

        agent = Agent()
        with script.monitor() as monitor:
            monitor.knob("tau", agent, "tau", low=0.1, high=1)
            monitor.knob("mode", agent, "mode", choices=["greedy", "soft"])
            monitor.knob("noisy", get=lambda: agent.noisy, set=lambda value: setattr(agent, "noisy", value))
            monitor.knob("wd", group="weight_decay", low=1e-6, high=1, scale="log")
            sent = [
                cmd.SetKnob(name="tau", value=0.25),
                cmd.SetKnob(name="tau", value=7),
                cmd.SetKnob(name="mode", value="random"),
                cmd.SetKnob(name="mode", value="soft"),
                cmd.SetKnob(name="noisy", value=False),
                cmd.SetKnob(name="wd", value=0.01),
                cmd.SetKnob(name="ta", value=0.01),
            ]
            for _ in monitor.steps(2 + len(sent)):
                script.step(script.inputs, script.targets)
                if sent:
                    send(monitor, sent.pop(0))
                elif monitor.step_count == 8:
                    assert (agent.tau, agent.mode, agent.noisy) == (0.25, "soft", False)
                    assert script.optimizer.param_groups[0]["weight_decay"] == 0.01
                    send(monitor, cmd.Undo())
                    send(monitor, cmd.Undo())
        changed = [(event["name"], event["value"], event["previous"]) for event in script.events("KnobChanged")]
        assert changed == [
            ("tau", 0.25, 0.5), ("mode", "soft", "greedy"), ("noisy", False, True), ("wd", 0.01, 0)
        ]  # fmt: skip
        assert refusals(script) == [
            "tau: 7: must be at least 0.1 and at most 1",
            "mode: random: choose greedy, soft",
            "no knob 'ta'; did you mean 'tau'?",
        ]
        assert (agent.tau, agent.mode, agent.noisy) == (0.25, "soft", True)
        assert script.optimizer.param_groups[0]["weight_decay"] == 0
        assert [event["to"] for event in script.events("RolledBack")] == ["set knob wd", "set knob noisy"]
        restored = script.events("RolledBack")[-1]["restored"]
        assert restored["knobs"] == {"tau": 0.25, "mode": "soft", "noisy": True, "wd": 0}

    def test_an_error_in_a_setter_or_an_action_refuses(self, script: Script) -> None:
        def broken(*_: object) -> None:
            raise RuntimeError("not today")

        with script.monitor() as monitor:
            monitor.knob("fragile", get=lambda: 1, set=broken)
            monitor.action("fails", broken)
            monitor.action("works", lambda: monitor.log_text("sample", "fine"))
            for step in monitor.steps(2):
                script.step(script.inputs, script.targets)
                if step == 0:
                    send(monitor, cmd.SetKnob(name="fragile", value=2))
                    send(monitor, cmd.RunAction(name="fails"))
                    send(monitor, cmd.RunAction(name="works"))
        assert refusals(script) == [
            "fragile: the script refused 2: RuntimeError: not today",
            "action fails: it failed: RuntimeError: not today",
        ]
        assert [event["name"] for event in script.events("ActionRun")] == ["works"]
        assert any("sample: fine" in event["lines"] for event in script.events("Logged"))

    def test_a_knob_that_cannot_be_one_is_said(self, script: Script, capsys: pytest.CaptureFixture[str]) -> None:
        with script.monitor() as monitor:
            monitor.knob("text", get=lambda: "free", set=print)
        assert "give the texts that are allowed as choices=" in capsys.readouterr().err


class TestTheRateOfOneOfSeveralOptimizers:
    @pytest.mark.parametrize("command", [{"value": 0.1}, {"factor": 0.25}])
    def test_it_is_set_and_the_other_stays(self, script: Script, command: dict[str, float]) -> None:
        second = torch.optim.SGD([torch.nn.Parameter(torch.zeros(2))], lr=0.4)
        with script.monitor(optimizer={"G": script.optimizer, "D": second}) as monitor:
            for step in monitor.steps(6):
                script.step(script.inputs, script.targets)
                second.step()
                if step == 1:
                    send(monitor, cmd.SetLearningRate(optimizer="D", id="one", **command))
                if step == 3:
                    send(monitor, cmd.Undo(id="undo"))
        assert script.series("lr/G") == pytest.approx(dict.fromkeys(range(1, 7), 0.1))
        assert script.series("lr/D") == pytest.approx({1: 0.4, 2: 0.4, 3: 0.1, 4: 0.1, 5: 0.4, 6: 0.4})
        assert script.series("lr") == pytest.approx(dict.fromkeys(range(1, 7), 0.1))
        (changed,) = script.events("SettingChanged")
        assert (changed["name"], changed["previous"]) == ("lr/D", 0.4)
        assert changed["value"] == pytest.approx(0.1)

    def test_of_the_first_the_rate_of_the_run_follows(self, script: Script) -> None:
        second = torch.optim.SGD([torch.nn.Parameter(torch.zeros(2))], lr=0.4)
        schedule = torch.optim.lr_scheduler.ExponentialLR(script.optimizer, 0.5)
        other = torch.optim.lr_scheduler.ExponentialLR(second, 0.1)
        optimizers = {"G": script.optimizer, "D": second}
        with script.monitor(optimizer=optimizers, scheduler=[schedule, other]) as monitor:
            for step in monitor.steps(5):
                script.step(script.inputs, script.targets)
                second.step()
                if step == 1:
                    send(monitor, cmd.SetLearningRate(optimizer="G", factor=2.0))
                if step == 2:
                    schedule.step()
                    other.step()
                if step == 3:
                    send(monitor, cmd.SetScheduler(scheduler=ScriptSchedule()))
        assert script.series("lr/G") == pytest.approx({1: 0.1, 2: 0.1, 3: 0.2, 4: 0.1, 5: 0.05})
        assert script.series("lr/D") == pytest.approx({1: 0.4, 2: 0.4, 3: 0.4, 4: 0.04, 5: 0.04})

    def test_a_name_that_there_is_not_is_refused_with_the_nearest(self, script: Script) -> None:
        second = torch.optim.SGD([torch.nn.Parameter(torch.zeros(2))], lr=0.4)
        with script.monitor(optimizer={"gen": script.optimizer, "disc": second}) as monitor:
            for step in monitor.steps(3):
                script.step(script.inputs, script.targets)
                if step == 0:
                    send(monitor, cmd.SetLearningRate(optimizer="gan", value=0.1))
                    send(monitor, cmd.SetLearningRate(optimizer="disc", value=0.4))
        reasons = [event["reason"] for event in script.events("Refused")]
        assert reasons == [
            "no optimizer 'gan'; did you mean 'gen'?",
            "nothing changed: the learning rate of disc is 0.4",
        ]

    def test_a_single_optimizer_has_no_name(self, script: Script) -> None:
        with script.monitor() as monitor:
            for step in monitor.steps(2):
                script.step(script.inputs, script.targets)
                if step == 0:
                    send(monitor, cmd.SetLearningRate(optimizer="gen", value=0.2))
        assert "this run has one: leave out optimizer=" in script.events("Refused")[0]["reason"]

    def test_a_resumed_run_has_it(self, script: Script) -> None:
        def optimizers() -> dict[str, torch.optim.Optimizer]:
            return {"G": script.optimizer, "D": torch.optim.SGD([torch.nn.Parameter(torch.zeros(2))], lr=0.4)}

        def train(**given: Any) -> None:
            with script.monitor(optimizer=optimizers(), save="epoch", **given) as monitor:
                for epoch in monitor.epochs(4):
                    for inputs, targets in monitor.batches(script.loader):
                        script.step(inputs, targets)
                        if monitor.step_count == 3 and not given:
                            send(monitor, cmd.SetLearningRate(optimizer="D", factor=0.5))
                    if epoch == 1 and not given:
                        raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train()
        train(resume="auto")
        rates = script.series("lr/D")
        assert [rates[step] for step in (3, 4, 20)] == pytest.approx([0.4, 0.2, 0.2])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_the_script_takes_ends_a_pause(script: Script, when: When, number: signal.Signals) -> None:
    asked: list[int] = []

    def note(given: int, _frame: object) -> None:
        asked.append(given)

    before = signal.signal(number, note)
    try:
        with script.monitor() as monitor:
            waits = state(monitor)
            for step in monitor.steps(100):
                script.step(*script.loader[0])
                if asked:
                    break
                if step == 2:
                    send(monitor, cmd.Pause())
                    when(lambda: waits.paused, lambda: os.kill(os.getpid(), number))
        assert signal.getsignal(number) is note
    finally:
        signal.signal(number, before)
    assert asked == [number]
    said = [(event["status"], event["detail"]) for event in script.events("StatusChanged")]
    assert ("running", f"the pause ends: the script was sent {number.name}") in said
    assert monitor.step_count == 4
