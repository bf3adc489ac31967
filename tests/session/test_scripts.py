"""What a replay is told to do at which step, so that it does what the run did."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support import Bench, tiny
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.runs.folder import Owner, RunFolder
from tui_trainer.runs.record import Record, first_difference
from tui_trainer.session.again import script_of


def made(path: Path) -> RunFolder:
    folder = RunFolder(path)
    folder.create("", {}, Owner(os.getpid(), "here", ""))
    return folder


def record_of(bench: Bench) -> Record:
    record = Record()
    for event in bench.events:
        record.add(event)
    return record


@pytest.mark.parametrize("to", ["last", "epoch-00002", "step-8", "mine"])
def test_a_replay_goes_back_to_a_checkpoint_that_the_clock_had_made(tmp_path, to):
    """The saves of a replay come at other steps: what the run went back to is saved for it."""
    saving = {"every_seconds": 1e9, "keep": 3}
    bench = Bench(tiny(training={"epochs": 6}, checkpoints=saving | {"every_steps": 5}), made(tmp_path / "run"))
    bench.steps(8)
    bench.control.put(cmd.SaveCheckpoint(id="unnamed"))
    bench.control.put(cmd.SaveCheckpoint(id="named", name="mine"))
    bench.steps(5)
    bench.control.put(cmd.SetLearningRate(factor=2.0, id="rate"))
    bench.control.put(cmd.RollBack(to=to, id="back"))
    bench.finish()
    original = record_of(bench)
    again = Bench(tiny(training={"epochs": 6}, checkpoints=saving), made(tmp_path / "again"))
    again.trainer.follow(script_of(original))
    again.finish()
    assert again.of(ev.Refused) == []
    assert first_difference(original, record_of(again)) == ""
