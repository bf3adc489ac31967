"""Permissions: what each kind of sender may do, by the present values of the run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import TrainerHarness, tiny_config
from tui_trainer.components.optimizers.first_order import SGD
from tui_trainer.components.schedulers.builtin import OneCycle
from tui_trainer.config.permissions.allow import Allow
from tui_trainer.engine.commands import undo
from tui_trainer.engine.commands.permissions import Permissions
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

AGENT: dict[str, Any] = {"by": "helper", "actor": "agent", "because": "to see"}
SCRIPT: dict[str, Any] = {"by": "nightly", "actor": "script"}
ANN: dict[str, Any] = {"by": "ann", "actor": "person"}


class Ruled:
    """A trainer with permissions, and a clock that a test moves."""

    def __init__(self, **allow: Any) -> None:
        self.now = 0.0
        self.harness = TrainerHarness(tiny_config(allow=allow))
        self.harness.trainer.services.permissions = Permissions(Allow.model_validate(allow), lambda: self.now)
        self.harness.steps(1)

    def ask(self, command: cmd.AnyCommand) -> str:
        """Apply a command after the next step. Returns why it was refused; empty if it was not."""
        answered = len(self.harness.events)
        self.harness.control.put(command)
        self.harness.steps(1)
        refused = [event.reason for event in self.harness.events[answered:] if isinstance(event, ev.Refused)]
        return refused[0] if refused else ""

    @property
    def lr(self) -> float:
        return self.harness.trainer.state.lr


def test_without_rules_persons_and_scripts_may_do_all_and_agents_little() -> None:
    ruled = Ruled()
    for sender in (ANN, SCRIPT):
        assert ruled.ask(cmd.SetLearningRate(factor=100.0, **sender)) == ""
        assert ruled.ask(cmd.SetLearningRate(factor=0.01, **sender)) == ""
        assert ruled.ask(cmd.SetEpochs(add=1, **sender)) == ""
    assert "agents may not set-epochs here; allow.agent.commands = pause, resume, step" in ruled.ask(
        cmd.SetEpochs(add=1, **AGENT)
    )
    assert ruled.ask(cmd.SetLearningRate(factor=2.0, **AGENT)) == ""


def test_a_list_of_commands_limits_a_kind_and_its_bounds_stay() -> None:
    ruled = Ruled(agent=["set-lr", "pause"], script="none")
    assert ruled.ask(cmd.SetClip(value=1.0, **AGENT)) == (
        "agents may not set-clip here; allow.agent.commands = set-lr, pause, in run.toml"
    )
    assert "scripts may not pause here; allow.script.commands = none" in ruled.ask(cmd.Pause(**SCRIPT))
    assert ruled.ask(cmd.SetLearningRate(factor=3.0, **AGENT)) == (
        "learning rate 0.3 is 3 times away from 0.1: agents change a number by 2 at most "
        "(allow.agent.factor = 2, the default)"
    )
    assert ruled.lr == 0.1
    assert ruled.ask(cmd.SetLearningRate(value=0.04, **AGENT)).startswith("learning rate 0.04 is 2.5 times away")
    assert ruled.ask(cmd.SetLearningRate(value=0.05, **AGENT)) == ""
    assert ruled.lr == 0.05


def test_agents_say_why() -> None:
    reason = Ruled().ask(cmd.Pause(by="helper", actor="agent"))
    assert reason == "agents say why; give because=REASON (allow.agent.reason = true, the default)"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (cmd.SetLearningRate(value=0.5, **SCRIPT), "learning rate 0.5: scripts may set 0.001 to 0.2"),
        (cmd.SetLearningRate(factor=0.001, **SCRIPT), "learning rate 0.0001: scripts may set 0.001 to 0.2"),
        (cmd.SetLearningRate(value=0.2, **SCRIPT), ""),
        (cmd.SetScheduler(scheduler=OneCycle(), base=0.3, **SCRIPT), "learning rate 0.3: scripts may set 0.001 to 0.2"),
        (cmd.SetOptimizer(optimizer=SGD(lr=0.4), named=("lr",), **SCRIPT), "learning rate 0.4: scripts may set"),
        (cmd.SetOptimizer(optimizer=SGD(momentum=0.99), named=("momentum",), **SCRIPT), "momentum 0.99: scripts may"),
        (cmd.SetKnob(name="momentum", value=0.99, **SCRIPT), "momentum 0.99: scripts may set 0 to 0.9"),
        (cmd.SetKnob(name="momentum", value=0.5, **SCRIPT), ""),
        (cmd.SetClip(value=9.0, **SCRIPT), "clip 9: scripts may set 0.5 to 5 (allow.script.knobs.clip = [0.5, 5]"),
        (cmd.SetClip(value=1.0, **SCRIPT), ""),
        (cmd.SetClip(value=9.0, **ANN), ""),
    ],
)
def test_rates_and_knobs_stay_within_bounds(command: cmd.AnyCommand, reason: str) -> None:
    ruled = Ruled(script={"lr": [0.001, 0.2], "knobs": {"momentum": [0, 0.9], "clip": [0.5, 5]}})
    refused = ruled.ask(command)
    assert refused.startswith(reason) if reason else refused == ""


def test_the_peak_of_a_new_schedule_counts() -> None:
    ruled = Ruled(script={"lr": [0.0001, 0.105]})
    assert ruled.ask(cmd.SetScheduler(scheduler=OneCycle(), base=0.1, **SCRIPT)) == ""
    peak = ruled.harness.trainer.state.plan.coming_rates(ruled.harness.trainer.state.step)[1]
    ruled = Ruled(script={"lr": [0.0001, peak * 0.9]})
    assert "the learning rate would rise to" in ruled.ask(cmd.SetScheduler(scheduler=OneCycle(), **SCRIPT))


def test_the_largest_change_counts_for_every_number() -> None:
    ruled = Ruled(script={"factor": 2.0})
    assert "epochs 9 is 2.25 times away from 4" in ruled.ask(cmd.SetEpochs(value=9, **SCRIPT))
    assert ruled.ask(cmd.SetEpochs(value=8, **SCRIPT)) == ""
    assert ruled.ask(cmd.SetClip(value=1.0, **SCRIPT)) == "", "from off there is no factor"
    assert "clip 4 is 4 times away from 1" in ruled.ask(cmd.SetClip(value=4.0, **SCRIPT))


def test_the_cool_down_in_seconds_is_shared_by_a_kind_and_a_refusal_does_not_begin_it() -> None:
    ruled = Ruled(agent={"commands": "all", "cool_down": 60})
    assert ruled.ask(cmd.SetLearningRate(factor=5.0, **AGENT)) != ""
    assert ruled.ask(cmd.SetLearningRate(factor=0.5, **AGENT)) == ""
    ruled.now = 20.0
    other = AGENT | {"by": "another"}
    assert ruled.ask(cmd.SetClip(value=1.0, **other)) == (
        "agents wait between two changes: 40 s more (allow.agent.cool_down = 60, in run.toml)"
    )
    assert ruled.ask(cmd.Pause(**other)) == "", "a pause is no change"
    assert ruled.ask(cmd.Undo(**other)) == "", "taking back is always allowed"
    assert ruled.ask(cmd.SetClip(value=1.0, **ANN)) == ""
    ruled.now = 60.0
    assert ruled.ask(cmd.SetClip(value=1.5, **AGENT)) == ""


def test_the_cool_down_in_steps() -> None:
    ruled = Ruled(script={"cool_down_steps": 3})
    assert ruled.ask(cmd.SetClip(value=1.0, **SCRIPT)) == ""
    assert "scripts wait between two changes: 2 more steps" in ruled.ask(cmd.SetClip(value=2.0, **SCRIPT))
    ruled.harness.steps(1)
    assert ruled.ask(cmd.SetClip(value=2.0, **SCRIPT)) == ""


def test_an_undo_of_an_agent_goes_to_just_before_its_own_change_and_not_further() -> None:
    ruled = Ruled()
    assert ruled.ask(cmd.SetClip(value=1.0, **ANN)) == ""
    assert ruled.ask(cmd.Undo(**AGENT)) == (
        "the last change is by ann, not by an agent (allow.agent.undo_others = false, the default)"
    )
    ruled.harness.flush()
    step = ruled.harness.trainer.state.step
    assert ruled.ask(cmd.SetLearningRate(factor=2.0, **AGENT)) == ""
    assert ruled.ask(cmd.Undo(**AGENT)) == ""
    restored = ruled.harness.of(ev.RolledBack)[-1]
    assert restored.step == step
    assert restored.restored is not None
    assert restored.restored.lr == 0.1
    assert ruled.lr == 0.1


def test_an_agent_changes_nothing_of_which_no_copy_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    ruled = Ruled()
    monkeypatch.setattr(undo, "take_snapshot", lambda state, services: None)
    assert "too large for a copy to which an undo could go back" in ruled.ask(cmd.SetClip(value=1.0, **AGENT))
    assert ruled.harness.trainer.state.clip == 0.0
    assert ruled.ask(cmd.SetClip(value=1.0, **SCRIPT)) == "", "as before: scripts are not asked for a copy by default"


def test_what_a_replay_applies_again_is_never_refused() -> None:
    ruled = Ruled(agent="none")
    again = cmd.SetLearningRate(value=9.0, id="again", by="helper", actor="agent")
    ruled.harness.trainer.follow([(ruled.harness.trainer.state.step, again)])
    ruled.harness.steps(2)
    assert ruled.harness.of(ev.Refused) == []
    assert ruled.lr == 9.0


def test_a_sender_with_bounds_sets_no_guard_that_could_pass_by_them() -> None:
    guard = cmd.SetGuard(rule="when loss < 9: lr x100")
    ruled = Ruled(script={"lr": [0.01, 0.2]})
    refused = ruled.ask(guard.model_copy(update=SCRIPT))
    assert refused.startswith("scripts have bounds, and set-guard would pass by them")
    assert ruled.ask(guard.model_copy(update=ANN)) == ""
