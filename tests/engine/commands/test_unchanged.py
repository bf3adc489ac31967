"""A command that would change nothing is refused, and leaves no mark; as part of a replay it is applied as recorded."""

from __future__ import annotations

import pytest

from tests.engine.commands.test_undo import record_of
from tests.support import TrainerHarness, tiny_config
from tui_trainer.components.schedulers.builtin import Cosine
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.command_parser import parse_command
from tui_trainer.runs.history import first_difference

CONFIG = tiny_config(scheduler={"kind": "cosine"}, training={"clip_grad_norm": 2.0})

UNCHANGED = [
    ("set-lr", ["factor=1"], "the learning rate is"),
    ("set-scheduler", ["kind=cosine"], "the schedule is cosine"),
    ("set-clip", ["value=2"], "the clip is 2"),
    ("set-optimizer", ["kind=sgd"], "the optimizer is sgd"),
    ("set-optimizer", ["kind=sgd", "momentum=0"], "the optimizer is sgd"),
    ("set-patience", ["enabled=false"], "early stopping"),
    ("set-epochs", ["value=4"], "4 epochs"),
]


@pytest.mark.parametrize(("name", "values", "words"), UNCHANGED)
def test_a_command_that_changes_nothing_is_refused_and_leaves_no_mark(name, values, words):
    harness = TrainerHarness(CONFIG)
    harness.steps(7)
    harness.control.put(parse_command(name, values))
    harness.steps(1)
    reason = harness.of(ev.Refused)[-1].reason
    assert reason.startswith("nothing changed: ")
    assert words in reason
    assert harness.state.marks == []
    assert harness.trainer.state.undo_stack == []
    plain = TrainerHarness(CONFIG)
    plain.finish()
    harness.finish()
    assert first_difference(record_of(plain), record_of(harness)) == ""


@pytest.mark.parametrize(
    "command", [cmd.SetScheduler(scheduler=Cosine(), id="again"), cmd.SetClip(value=2.0, id="again")]
)
def test_a_journal_of_an_earlier_version_is_replayed_as_it_was_recorded(command):
    harness = TrainerHarness(CONFIG)
    harness.trainer.follow([(7, command)])
    harness.finish()
    assert harness.of(ev.Refused) == []
    assert [one.id for _, one in record_of(harness).interventions] == ["again"]


def test_a_schedule_begins_again_where_a_base_is_given():
    harness = TrainerHarness(CONFIG)
    harness.steps(7)
    harness.control.put(cmd.SetScheduler(scheduler=Cosine(), base=0.1))
    harness.steps(1)
    assert harness.of(ev.SchedulerChanged)[-1].lr == 0.1
