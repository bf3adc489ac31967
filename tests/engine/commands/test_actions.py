"""The actions of a preset: applied at their moments, refused where they are wrong, dropped when a user steers."""

from __future__ import annotations

import pytest

from tests.support import TrainerHarness, tiny_config
from tui_trainer.config.preset import Preset, build
from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.train_state import TrainState
from tui_trainer.errors import UserError
from tui_trainer.host.spec import host_spec
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

RATES = [
    {"epoch": 1, "command": "set-lr value=0.05", "say": "now with half the rate"},
    {"step": 8, "command": "set-lr value=0.02"},
    {"step": 12, "say": "it is slow now"},
    {"epoch": 3, "command": "set-lr value=0.01"},
]


def played(*actions: dict[str, object], **tables: dict[str, object]) -> RunConfig:
    table = tiny_config(**tables).model_dump(mode="json", exclude_none=True)
    return RunConfig.model_validate({**table, "actions": actions})


def script_of(state: TrainState) -> list[int]:
    return [step for step, _ in state.script]


def logged(bench: TrainerHarness) -> list[str]:
    return [line for event in bench.of(ev.Logged) for line in event.lines]


def test_actions_are_applied_at_their_moments():
    bench = TrainerHarness(played(*RATES))
    assert script_of(bench.trainer.state) == [5, 8, 12, 15]
    bench.finish()
    rates = bench.column("lr")
    assert [rates[step] for step in (5, 6, 8, 9, 15, 16)] == [0.1, 0.05, 0.05, 0.02, 0.02, 0.01]
    changes = [event for event in bench.of(ev.SettingChanged) if event.name == "lr"]
    assert [event.step for event in changes] == [5, 8, 15]
    assert changes[0].cause is not None
    assert (changes[0].cause.by, changes[0].cause.because) == ("the preset", "now with half the rate")
    assert [(event.text, event.step) for event in bench.of(ev.Noted)] == [("it is slow now", 12)]


@pytest.mark.parametrize(
    "command", [cmd.SetLearningRate(value=0.5, by="eva"), cmd.Undo(by="eva"), cmd.Stop(when="epoch", by="eva")]
)
def test_a_command_that_steers_takes_over(command):
    bench = TrainerHarness(played(*RATES))
    bench.steps(6)
    bench.control.put(command)
    bench.steps(1)
    assert script_of(bench.trainer.state) == []
    assert "3 actions of the preset dropped: eva steers from here on" in logged(bench)


def test_an_action_of_the_same_step_is_dropped_too():
    bench = TrainerHarness(played(*RATES))
    bench.steps(8)
    bench.control.put(cmd.SetLearningRate(value=0.5, id="mine"))
    bench.finish()
    assert bench.column("lr")[9] == 0.5
    assert bench.column("lr")[20] == 0.5
    assert "3 actions of the preset dropped: a user steers from here on" in logged(bench)


@pytest.mark.parametrize(
    "command", [cmd.Pause(), cmd.Note(text="look"), cmd.Evaluate(), cmd.SaveCheckpoint(), cmd.SetClip(value=0.0)]
)
def test_a_command_that_changes_nothing_leaves_the_actions(command):
    """A refused command, the last one here, steers nothing either."""
    bench = TrainerHarness(played(*RATES))
    bench.steps(6)
    bench.control.put(command)
    bench.steps(1)
    assert script_of(bench.trainer.state) == [8, 12, 15]


def test_actions_go_on_from_a_checkpoint():
    bench = TrainerHarness(played(*RATES))
    bench.steps(9)
    again = TrainerHarness(played(*RATES))
    again.load_state_dict(bench.state_dict())
    assert script_of(again.trainer.state) == [12, 15]


def test_an_epoch_moves_with_the_batch_size():
    bench = TrainerHarness(
        played(
            {"epoch": 1, "command": "set-knob name=batch_size value=48"}, {"epoch": 3, "command": "set-lr value=0.02"}
        )
    )
    assert script_of(bench.trainer.state) == [5, 15]
    bench.finish()  # epochs of 5, 2, 2 and 2 steps
    assert [event.step for event in bench.of(ev.SettingChanged) if event.name == "lr"] == [9]
    assert bench.state.step == 11


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ({"step": 3}, "actions.0: an action needs command"),
        ({"command": "undo"}, "actions.0: an action needs one moment"),
        ({"step": 1, "epoch": 1, "say": "x"}, "actions.0: an action needs one moment"),
        ({"step": -1, "say": "x"}, "actions.0.step: must be greater than or equal to 0 (got -1)"),
        ({"epoch": 1.5, "say": "x"}, "actions.0.epoch: must be a whole number (got 1.5)"),
        ({"step": 1, "comand": "undo"}, "actions.0.comand: unknown key; did you mean 'command'?"),
        ({"step": 1, "command": 3}, "actions.0.command: must be a command, as in"),
    ],
)
def test_a_wrong_action_is_named_by_its_key(action, message):
    with pytest.raises(UserError) as error:
        build({"actions": [action]}, name="demo", source="demo.toml")
    assert str(error.value).startswith(f"demo.toml: {message}")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("set-lrr value=1", "actions.0.command: no command 'set-lrr'; did you mean 'set-lr'?"),
        ("set-lr value=-1", "actions.0.command: set-lr: value: must be greater than 0 (got -1)"),
        ("set-lr valu=1", "actions.0.command: set-lr: valu: unknown key; did you mean 'value'?"),
        ("note text='a", "actions.0.command: \"note text='a\": no closing quotation"),
        (" ", "actions.0.command: empty"),
        ("pause", "actions.0.command: pause is for a screen"),
        ("run-action name=x", "actions.0.command: run-action is for a training script"),
        ({"type": "SetClipp"}, "actions.0.command.type: no command 'SetClipp'; did you mean 'SetClip'?"),
        ({"type": "SetClip", "value": -1}, "actions.0.command: value: must be at least 0 (got -1)"),
        ({"value": 1}, "actions.0.command.type: no command None"),
    ],
)  # fmt: skip
def test_a_wrong_command_is_refused_before_anything_is_made(tmp_path, command, message):
    preset: Preset = build({"actions": [{"step": 1, "command": command}]}, name="demo", source="demo.toml")
    with pytest.raises(UserError) as error:
        host_spec(preset, str(tmp_path / "runs"), "demo", ["tui-trainer"])
    assert str(error.value).startswith(f"demo.toml: {message}")
