"""A steered run as a preset: trained without a driver it gives the same numbers, to the bit."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.support import TrainerHarness, tiny_config
from tui_trainer.components.optimizers.first_order import Adam
from tui_trainer.components.schedulers.builtin import Cosine
from tui_trainer.config.preset import build, dump, load
from tui_trainer.config.run_config import RunConfig
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.actions.written_command import written_command
from tui_trainer.protocol.codec import encode_event
from tui_trainer.protocol.command_parser import parse_command
from tui_trainer.runs.bake import bake
from tui_trainer.runs.history import RunHistory, first_difference
from tui_trainer.runs.run_dir import Owner, RunDir

Driver = Callable[[TrainerHarness], None]


def bench_in(path: Path, config: RunConfig) -> TrainerHarness:
    folder = RunDir(path)
    folder.create(dump(config), {}, Owner(os.getpid(), "here", ""))
    return TrainerHarness(config, folder)


def history_of(bench: TrainerHarness) -> RunHistory:
    history = RunHistory()
    for event in bench.events:
        history.add(event)
    return history


def steered(path: Path, config: RunConfig, drive: Driver) -> TrainerHarness:
    """Train a run with a driver, and write its journal."""
    bench = bench_in(path, config)
    drive(bench)
    bench.finish()
    (path / "events.jsonl").write_bytes(b"".join(map(encode_event, bench.events)))
    return bench


def send(bench: TrainerHarness, steps: int, *commands: cmd.AnyCommand) -> None:
    for command in commands:
        bench.control.put(command.model_copy(update={"id": f"{type(command).__name__}-{len(bench.events)}"}))
    bench.steps(steps)


def rate_and_schedule(bench: TrainerHarness) -> None:
    bench.steps(7)
    send(bench, 4, cmd.SetLearningRate(factor=0.3, by="eva", because="the loss is flat"))
    send(bench, 6, cmd.SetScheduler(scheduler=Cosine(min_lr=1e-5), base=0.037), cmd.Note(text='it "turns", here'))
    send(bench, 2, cmd.SetEpochs(add=2), cmd.Evaluate())


def optimizer_and_undo(bench: TrainerHarness) -> None:
    bench.steps(6)
    send(bench, 3, cmd.SetOptimizer(optimizer=Adam(lr=0.01, betas=(0.8, 0.99)), named=("lr", "betas")))
    send(bench, 3, cmd.SetLearningRate(value=5.0))
    send(bench, 2, cmd.Undo())
    send(bench, 3, cmd.SetClip(value=0.5), cmd.Pause(), cmd.Resume())


def back_and_knobs(bench: TrainerHarness) -> None:
    bench.steps(8)
    send(bench, 5, cmd.SaveCheckpoint(name="mine"), cmd.SetKnob(name="batch_size", value=15))
    send(bench, 6, cmd.SetLearningRate(value=1.0))
    send(bench, 4, cmd.RollBack(to="mine"), cmd.SetPatience(patience=7, enabled=True))
    send(bench, 2, cmd.RollBack(to="best"), cmd.SetKnob(name="momentum", value=0.5))
    send(bench, 1, cmd.Stop(when="epoch", by="SIGINT"))


@pytest.mark.parametrize(
    ("drive", "names"),
    [
        (rate_and_schedule, ["set-lr", "set-scheduler", "", "set-epochs", "validate"]),
        (optimizer_and_undo, ["set-optimizer", "set-clip"]),
        (
            back_and_knobs,
            ["save", "set-knob", "set-lr", "roll-back", "set-patience", "roll-back", "set-knob", "stop"],
        ),
    ],
)
def test_a_baked_run_repeats_to_the_bit_without_a_driver(tmp_path, drive, names):
    config = tiny_config(training={"epochs": 6}, checkpoints={"every_seconds": 1e9})
    original = history_of(steered(tmp_path / "run", config, drive))
    baked = bake(tmp_path / "run", "run")
    table = tomllib.loads(baked.text)
    assert [action.get("command", "").partition(" ")[0] for action in table["actions"]] == names
    assert baked.actions == len(names)
    again = bench_in(tmp_path / "again", build(table, name="baked", source="baked.toml").first)
    again.finish()
    assert again.of(ev.Refused) == []
    history = history_of(again)
    assert len(history.rows) >= 24
    assert first_difference(original, history) == ""
    assert [type(command) for _, command in history.interventions] == [type(one) for _, one in original.interventions]
    (tmp_path / "again" / "events.jsonl").write_bytes(b"".join(map(encode_event, again.events)))
    assert bake(tmp_path / "again", "run").text == baked.text


def test_reasons_and_notes_become_lines_of_text(tmp_path):
    steered(tmp_path / "run", tiny_config(training={"epochs": 6}), rate_and_schedule)
    actions = tomllib.loads(bake(tmp_path / "run", "run").text)["actions"]
    assert actions[0] == {"step": 7, "command": "set-lr factor=0.3", "say": "the loss is flat"}
    assert actions[2] == {"step": 11, "say": 'it "turns", here'}


def test_a_run_of_earlier_code_is_baked():
    baked = bake(ROOT / "tests" / "fixtures" / "runs-0.1" / "steered", "steered")
    config = build(tomllib.loads(baked.text), name="steered", source="steered.toml").first
    assert len(config.actions) == baked.actions > 0
    assert (
        config.model_copy(update={"actions": ()})
        == load(str(ROOT / "tests" / "fixtures" / "runs-0.1" / "steered")).first
    )


def test_a_run_that_has_not_begun_is_refused(tmp_path):
    RunDir(tmp_path / "run").create(dump(tiny_config()), {}, Owner(os.getpid(), "here", ""))
    with pytest.raises(UserError, match="has not begun to train"):
        bake(tmp_path / "run", "run")


@pytest.mark.parametrize(
    ("command", "written"),
    [
        (cmd.SetLearningRate(factor=0.1 + 0.2), "set-lr factor=0.30000000000000004"),
        (cmd.SetKnob(name="batch_size", value=32), "set-knob name=batch_size value=32"),
        (cmd.SetKnob(name="mode", value="two words"), "set-knob name=mode 'value=two words'"),
        (cmd.SetOptimizer(optimizer=Adam(betas=(0.8, 0.99)), named=("betas",)),
         "set-optimizer kind=adam 'betas=[0.8, 0.99]'"),
        (cmd.Stop(when="epoch", restore_best=True), "stop when=epoch restore_best=true"),
    ],
)  # fmt: skip
def test_a_command_is_written_as_it_is_typed(command, written):
    import shlex

    assert written_command(command) == written
    words: Sequence[str] = shlex.split(written)
    assert parse_command(words[0], words[1:]) == command


def test_a_command_that_cannot_be_typed_is_a_table():
    command = cmd.SetOptimizer(optimizer=Adam(lr=0.5))  # as earlier versions sent it: every setting, an empty state
    table = written_command(command)
    assert isinstance(table, dict)
    assert table["type"] == "SetOptimizer"
    assert cmd.COMMANDS.validate_python(table) == command
