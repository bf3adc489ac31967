"""What a replay is told to do at which step, so that it does what the run did."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support import TrainerHarness, tiny_config
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.runs.history import RunHistory, first_difference
from tui_trainer.runs.interventions import PendingCommands, commands_by_step, pending_after
from tui_trainer.runs.run_dir import Owner, RunDir


def made(path: Path) -> RunDir:
    folder = RunDir(path)
    folder.create("", {}, Owner(os.getpid(), "here", ""))
    return folder


def record_of(bench: TrainerHarness) -> RunHistory:
    record = RunHistory()
    for event in bench.events:
        record.add(event)
    return record


@pytest.mark.parametrize("to", ["last", "epoch-00002", "step-8", "mine"])
def test_a_replay_goes_back_to_a_checkpoint_that_the_clock_had_made(tmp_path, to):
    """The saves of a replay come at other steps: what the run went back to is saved for it."""
    saving = {"every_seconds": 1e9, "keep": 3}
    bench = TrainerHarness(
        tiny_config(training={"epochs": 6}, checkpoints=saving | {"every_steps": 5}), made(tmp_path / "run")
    )
    bench.steps(8)
    bench.control.put(cmd.SaveCheckpoint(id="unnamed"))
    bench.control.put(cmd.SaveCheckpoint(id="named", name="mine"))
    bench.steps(5)
    bench.control.put(cmd.SetLearningRate(factor=2.0, id="rate"))
    bench.control.put(cmd.RollBack(to=to, id="back"))
    bench.finish()
    original = record_of(bench)
    again = TrainerHarness(tiny_config(training={"epochs": 6}, checkpoints=saving), made(tmp_path / "again"))
    again.trainer.follow(commands_by_step(original))
    again.finish()
    assert again.of(ev.Refused) == []
    assert first_difference(original, record_of(again)) == ""


class TestAfterACheckpoint:
    """What a run that goes on from a checkpoint is asked again."""

    @pytest.fixture
    def bench(self):
        return TrainerHarness(tiny_config(training={"epochs": 6}))

    def journal_of(self, bench: TrainerHarness, path: Path) -> Path:
        path.write_bytes(b"".join(map(encode_event, bench.events)))
        return path

    def test_what_changed_the_rest_of_the_run(self, bench, tmp_path):
        bench.steps(8)
        for command in (
            cmd.SetLearningRate(value=0.2, id="rate"), cmd.Pause(id="pause"), cmd.Resume(id="resume"),
            cmd.Note(text="here", id="note"), cmd.SetClip(value=1.0, id="held"), cmd.Stop(when="epoch", id="stop"),
        ):  # fmt: skip
            bench.control.put(command)
        bench.steps(1)
        found = pending_after(self.journal_of(bench, tmp_path / "j"), 0, 5, {"held"})
        assert [(step, command.id) for step, command in found.script] == [(8, "rate"), (8, "note")]
        assert found.words == "2 commands obeyed after the checkpoint asked again, at the same steps"

    def test_only_what_came_after_it(self, bench, tmp_path):
        bench.steps(3)
        bench.control.put(cmd.SetLearningRate(value=0.2, id="rate"))
        bench.steps(3)
        bench.flush()
        reached = sum(len(encode_event(event)) for event in bench.events)
        bench.control.put(cmd.SetClip(value=1.0, id="clip"))
        bench.steps(3)
        found = pending_after(self.journal_of(bench, tmp_path / "j"), reached, 6)
        assert [(step, command.id) for step, command in found.script] == [(6, "clip")]

    def test_nothing_that_was_undone(self, bench, tmp_path):
        bench.steps(8)
        bench.control.put(cmd.SetLearningRate(value=0.2, id="rate"))
        bench.steps(3)
        bench.control.put(cmd.Undo(id="undo"))
        bench.steps(1)
        assert pending_after(self.journal_of(bench, tmp_path / "j"), 0, 5) == PendingCommands()
        assert "went back to before it" in pending_after(self.journal_of(bench, tmp_path / "j"), 0, 9).words

    def test_nothing_that_may_have_broken_the_run(self, bench, tmp_path):
        bench.steps(8)
        bench.control.put(cmd.SetLearningRate(value=1e30, id="rate"))
        assert bench.finish().reason == "not-finite"
        found = pending_after(self.journal_of(bench, tmp_path / "j"), 0, 5)
        assert found.script == ()
        assert found.words == "1 command obeyed after the checkpoint not asked again: the run ended not-finite"

    def test_without_a_journal(self, tmp_path):
        assert pending_after(tmp_path / "j", 10, 5) == PendingCommands()
