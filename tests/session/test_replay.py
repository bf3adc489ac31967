"""The commands of a replay, and those of a resume: applied at their steps, they give the same run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support import TrainerHarness, tiny_config
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.runs.comparing.interventions import PendingCommands, commands_by_step, pending_after
from tui_trainer.runs.history import RunHistory, first_difference
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
def test_a_replay_rolls_back_to_a_checkpoint_that_was_saved_by_the_clock(tmp_path, to):
    """The clock of a replay saves at other steps, so the checkpoint that the run rolled back to is saved for it."""
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
    """The commands that a resumed run applies again."""

    @pytest.fixture
    def bench(self):
        return TrainerHarness(tiny_config(training={"epochs": 6}))

    def journal_of(self, bench: TrainerHarness, path: Path) -> Path:
        path.write_bytes(b"".join(map(encode_event, bench.events)))
        return path

    def test_commands_that_change_the_run_are_applied_again(self, bench, tmp_path):
        bench.steps(8)
        for command in (
            cmd.SetLearningRate(value=0.2, id="rate"), cmd.Pause(id="pause"), cmd.Resume(id="resume"),
            cmd.Note(text="here", id="note"), cmd.SetClip(value=1.0, id="held"), cmd.Stop(when="epoch", id="stop"),
        ):  # fmt: skip
            bench.control.put(command)
        bench.steps(1)
        pending = pending_after(self.journal_of(bench, tmp_path / "j"), 0, 5, {"held"})
        assert [(step, command.id) for step, command in pending.script] == [(8, "rate"), (8, "note")]
        assert pending.message == "2 commands from after the checkpoint applied again at the same steps"

    def test_only_commands_after_the_checkpoint_are_applied_again(self, bench, tmp_path):
        bench.steps(3)
        bench.control.put(cmd.SetLearningRate(value=0.2, id="rate"))
        bench.steps(3)
        bench.flush()
        reached = sum(len(encode_event(event)) for event in bench.events)
        bench.control.put(cmd.SetClip(value=1.0, id="clip"))
        bench.steps(3)
        pending = pending_after(self.journal_of(bench, tmp_path / "j"), reached, 6)
        assert [(step, command.id) for step, command in pending.script] == [(6, "clip")]

    def test_undone_commands_are_not_applied_again(self, bench, tmp_path):
        bench.steps(8)
        bench.control.put(cmd.SetLearningRate(value=0.2, id="rate"))
        bench.steps(3)
        bench.control.put(cmd.Undo(id="undo"))
        bench.steps(1)
        assert pending_after(self.journal_of(bench, tmp_path / "j"), 0, 5) == PendingCommands()
        assert "went back to a step before it" in pending_after(self.journal_of(bench, tmp_path / "j"), 0, 9).message

    def test_nothing_is_applied_again_after_a_failure(self, bench, tmp_path):
        bench.steps(8)
        bench.control.put(cmd.SetLearningRate(value=1e30, id="rate"))
        assert bench.finish().reason == "not-finite"
        pending = pending_after(self.journal_of(bench, tmp_path / "j"), 0, 5)
        assert pending.script == ()
        assert (
            pending.message
            == "1 command from after the checkpoint not applied again, because the run ended: not-finite"
        )

    def test_without_a_journal_there_are_no_commands(self, tmp_path):
        assert pending_after(tmp_path / "j", 10, 5) == PendingCommands()
