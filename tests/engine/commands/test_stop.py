"""A stop says what will be on disk; each further one ends sooner; the last one ends without saving."""

from __future__ import annotations

import os

import pytest

from tests.engine.commands.test_undo import record_of
from tests.support import TrainerHarness, tiny_config
from tui_trainer.engine.checkpointing.file_format import load
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.describe import describe
from tui_trainer.protocol.requests import encode_request
from tui_trainer.runs.history import first_difference
from tui_trainer.runs.run_dir import Owner, RunDir

CONFIG = tiny_config(checkpoints={"every_epochs": 1})


@pytest.fixture
def folder(tmp_path) -> RunDir:
    folder = RunDir(tmp_path / "run")
    folder.create("", {}, Owner(os.getpid(), "here", ""))
    return folder


@pytest.fixture
def harness(folder) -> TrainerHarness:
    harness = TrainerHarness(CONFIG, folder)
    harness.steps(7)
    return harness


def stopping(harness: TrainerHarness) -> list[str]:
    return [event.detail for event in harness.of(ev.StatusChanged) if event.status == "stopping"]


def saved_step(folder: RunDir) -> int:
    return int(load(folder.checkpoints / "last.safetensors")["step"])


def test_a_stop_validates_and_saves_and_says_so_before_and_after(harness, folder):
    harness.control.put(cmd.Stop(id="stop"))
    finished = harness.finish()
    assert stopping(harness) == ["after this batch; on disk then: last of step 7, best of epoch 1"]
    assert saved_step(folder) == 7
    assert 7 in harness.column("val_loss")
    assert finished.saved == "last of step 7 (1 epoch done), best of epoch 1"
    assert (describe(finished) or "").endswith("; on disk: last of step 7 (1 epoch done), best of epoch 1")


def test_a_stop_at_the_end_of_the_epoch_says_so(harness, folder):
    harness.control.put(cmd.Stop(when="epoch", id="stop"))
    harness.finish()
    assert stopping(harness) == [
        "at the end of epoch 2; on disk then: last of step 10, best of epoch 1 or a better one"
    ]
    assert saved_step(folder) == 10


def during_validation(harness: TrainerHarness, *commands: cmd.AnyCommand) -> None:
    """Send commands while the validation after a stop is under way."""
    validate = harness.trainer.services.validate

    def validating():
        for command in commands:
            harness.control.put(command)
        return validate()

    harness.trainer.services.validate = validating


def test_a_second_stop_skips_the_rest_of_the_validation_and_is_answered(harness, folder):
    during_validation(harness, cmd.Stop(id="second"), cmd.Note(text="late", id="note"))
    harness.control.put(cmd.Stop(id="first"))
    assert harness.finish().reason == "stopped"
    assert stopping(harness)[-1].startswith("after this batch, without validation; on disk then: last of step 7")
    assert 7 not in harness.column("val_loss")
    assert saved_step(folder) == 7
    assert [command.id for command in harness.control.pending()] == ["note"]
    original = record_of(harness)
    again = TrainerHarness(CONFIG)
    again.trainer.follow(original.interventions)
    again.finish()
    assert first_difference(original, record_of(again)) == ""


def test_a_third_stop_ends_without_saving(harness, folder):
    during_validation(harness, cmd.Stop(id="second"), cmd.Stop(when="now", save=False, id="third"))
    harness.control.put(cmd.Stop(id="first"))
    finished = harness.finish()
    assert stopping(harness)[-1] == (
        "after this batch, without saving; on disk stays last of step 5 (1 epoch done), best of epoch 1; "
        "2 steps are lost"
    )
    assert saved_step(folder) == 5
    assert finished.saved == "last of step 5 (1 epoch done), best of epoch 1"
    assert (finished.reason, finished.exit_code) == ("stopped", 0)


def test_one_stop_can_end_at_once_without_saving(harness, folder):
    harness.control.put(cmd.Stop(when="now", save=False, id="stop"))
    assert harness.finish().step == 7
    assert saved_step(folder) == 5
    assert 7 not in harness.column("val_loss")


def test_a_stop_now_skips_the_validation_and_saves(harness, folder):
    harness.control.put(cmd.Stop(when="now", id="stop"))
    harness.finish()
    assert saved_step(folder) == 7
    assert 7 not in harness.column("val_loss")


def test_a_run_without_a_save_says_that_nothing_can_be_resumed(folder):
    harness = TrainerHarness(tiny_config(), folder)
    harness.steps(2)
    harness.control.put(cmd.Stop(when="now", save=False))
    assert harness.finish().saved == "nothing that can be resumed"


def test_the_line_of_a_plain_stop_is_that_of_earlier_versions():
    assert b"save" not in encode_request(cmd.Stop(id="it"))
    assert b'"save":false' in encode_request(cmd.Stop(when="now", save=False))
