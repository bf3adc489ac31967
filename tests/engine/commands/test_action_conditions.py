"""Actions of a preset on a condition: they act once, and are dropped when a user steers."""

from __future__ import annotations

import pytest

from tests.support import TrainerHarness, tiny_config
from tui_trainer.config.preset import build
from tui_trainer.config.run_config import RunConfig
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

ON_EPOCH = {"when": "epoch >= 2", "command": "set-lr value=0.05", "say": "half of it"}
ON_STEPS = {"when": "loss < 100 for 3 steps", "command": "set-clip value=1"}


def played(*actions: dict[str, object]) -> RunConfig:
    table = tiny_config().model_dump(mode="json", exclude_none=True)
    return RunConfig.model_validate({**table, "actions": actions})


def changes(bench: TrainerHarness) -> list[tuple[str, int, str, str]]:
    """What was changed, after which step, by whom and why."""
    return [
        (event.name, event.step, event.cause.by if event.cause else "", event.cause.because if event.cause else "")
        for event in bench.of(ev.SettingChanged)
    ]


def test_they_act_once_when_their_condition_holds_first() -> None:
    bench = TrainerHarness(played(ON_EPOCH, ON_STEPS))
    bench.finish()
    assert changes(bench) == [
        ("clip_grad_norm", 3, "the preset", ""),
        ("lr", 10, "the preset", "half of it"),
    ]
    rates = bench.column("lr")
    assert [rates[step] for step in (10, 11, 20)] == [0.1, 0.05, 0.05]


def test_a_command_that_steers_drops_those_that_wait() -> None:
    bench = TrainerHarness(played(ON_EPOCH, ON_STEPS))
    bench.steps(5)
    bench.control.put(cmd.SetLearningRate(value=0.5, by="ann", actor="person", id="mine"))
    bench.finish()
    assert [change[:3] for change in changes(bench)] == [("clip_grad_norm", 3, "the preset"), ("lr", 5, "ann")]
    said = [line for event in bench.of(ev.Logged) for line in event.lines]
    assert "1 action of the preset dropped: ann steers from here on" in said
    assert len(bench.trainer.state.guards) == 0


def test_a_checkpoint_holds_those_that_wait() -> None:
    config = played(ON_EPOCH)
    bench = TrainerHarness(config)
    bench.steps(7)
    tree = bench.state_dict()
    again = TrainerHarness(config)
    again.load_state_dict(tree)
    again.finish()
    assert changes(again) == [("lr", 10, "the preset", "half of it")]


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ({"when": "val_los rises 3 epochs", "command": "stop"}, "actions.0.when"),
        ({"when": "val_loss soars", "command": "stop"}, "actions.0.when"),
        ({"when": "epoch >= 2", "step": 3, "command": "stop"}, 'when = "CONDITION"'),
        ({"command": "stop"}, 'when = "CONDITION"'),
    ],
)
def test_mistakes_are_refused(action: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as caught:
        build({"actions": [action]}, name="p", source="p.toml")
    assert message in str(caught.value)


def test_the_rule_is_written_in_one_form() -> None:
    assert played({"when": "when val_loss  rises 3 epochs", "command": "stop"}).actions[0].when == (
        "val_loss rises 3 epochs"
    )
