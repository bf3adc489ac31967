"""A project of 80 lines, all of it together, through undo, a killed host, resume and replay."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Shell
from tests.support import TrainerHarness, wait_for
from tui_trainer.config.preset import load
from tui_trainer.engine.checkpointing.file_format import parse, serialise
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

PROJECT = Path(__file__).parents[2] / "fixtures" / "project"
STEPS = 20
"""58 rows in steps of 12, four times."""


@pytest.fixture
def config(tmp_path, monkeypatch):
    shutil.copytree(PROJECT, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "project", raising=False)
    return load("project.toml").first


def curves(bench: TrainerHarness) -> dict[str, list[float | None]]:
    """Every series that is a result, as the viewer has them in the end."""
    bench.flush()
    return {name: list(series.values) for name, series in bench.state.series.items() if name != "seconds"}


def test_all_parts_take_part(config):
    bench = TrainerHarness(config)
    finished = bench.finish()
    assert finished.reason == "completed"
    assert finished.step == STEPS
    started = bench.of(ev.RunStarted)[0]
    assert (started.batch_size, started.steps_per_epoch, started.metric) == (12, 5, "balanced_accuracy")
    metrics = bench.of(ev.EpochEnded)[-1].metrics
    for name in ("val_balanced_accuracy", "average/val_balanced_accuracy", "later/balanced_accuracy"):
        assert 0 <= metrics[name] <= 1
    assert {"later/accuracy", "average/val_loss"} <= metrics.keys()
    rates = list(bench.column("lr").values())
    assert rates == pytest.approx([0.01] * 10 + [0.005] * 10)
    assert list(bench.column("rate/1.*").values()) == pytest.approx([0.02, 0.01])
    best = bench.of(ev.EpochEnded)[-1].best
    assert best is not None
    assert best.value == max(event.metrics["average/val_balanced_accuracy"] for event in bench.of(ev.EpochEnded))


@pytest.mark.parametrize("step", [1, 5, 8, 14])
def test_it_goes_on_from_any_step_to_the_bit(config, step):
    whole, first, second = TrainerHarness(config), TrainerHarness(config), TrainerHarness(config)
    whole.finish()
    first.steps(step)
    first.flush()
    second.load_state_dict(parse(bytearray(serialise(first.state_dict() | {"journal": {}})), "x"))
    second.finish()
    expected, found = curves(whole), curves(second)
    assert found["train_loss"] == expected["train_loss"][step:]
    assert second.of(ev.EpochEnded)[-1].metrics == whole.of(ev.EpochEnded)[-1].metrics


def test_steered_and_undone_it_is_the_run_without(config):
    whole, bench = TrainerHarness(config), TrainerHarness(config)
    whole.finish()
    bench.steps(3)
    bench.control.put(cmd.SetLearningRate(id="a", factor=5.0))
    bench.steps(4)
    groups = ({"match": "0.*", "lr_factor": 7.0},)
    optimizer = {**config.optimizer.model_dump(), "groups": groups}
    bench.control.put(cmd.SetOptimizer(id="b", optimizer=optimizer, named=("groups",)))
    bench.steps(4)
    bench.control.put(cmd.Undo(id="c"))
    bench.control.put(cmd.Undo(id="d"))
    bench.finish()
    assert not bench.of(ev.Refused)
    assert len(bench.of(ev.RolledBack)) == 2
    found, expected = curves(bench), curves(whole)
    for name in ("train_loss", "lr", "val_balanced_accuracy", "average/val_loss", "later/loss"):
        assert found[name] == expected[name], name


@pytest.fixture
def shell(tmp_path, forks, monkeypatch):
    monkeypatch.delenv("TUI_TRAINER_RUNS")
    return Shell(tmp_path, forks)


def events_of(shell: Shell, run: str) -> list[dict[str, Any]]:
    path = shell.directory / "runs" / run / "events.jsonl"
    lines = path.read_bytes().splitlines() if path.exists() else []
    found: list[dict[str, Any]] = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            break  # the last line may be half written
    return found


@pytest.mark.long
def test_steered_killed_resumed_and_replayed(config, shell):
    refused = shell("run", "project.toml", "--headless", "--name", "p")
    assert refused.code == 2
    for word in ("project:focal", "project:balanced", "project:SignMomentum", "project:data", "--trust"):
        assert word in refused.err
    paced = "training.steps_per_second=1"
    assert shell("run", "project.toml", paced, "--detach", "--trust", "--name", "p").code == 0
    wait_for(lambda: any(event["type"] == "Scalars" for event in events_of(shell, "p")), what="a step")
    assert shell("send", "p", "pause").code == 0
    assert shell("send", "p", "set-lr", "factor=5").code == 0
    assert shell("send", "p", "step", "count=3").code == 0
    wait_for(lambda: shell.json("runs")[0]["status"] == "paused", what="the pause")
    assert shell("send", "p", "undo").code == 0
    assert shell("send", "p", "set-optimizer", "kind=import", 'groups=[{match = "1.*", lr_factor = 4.0}]').code == 0
    assert shell("send", "p", "resume").code == 0
    at = max(event["step"] for event in events_of(shell, "p"))
    wait_for(
        lambda: any(event["type"] == "Scalars" and event["step"] > at + 3 for event in events_of(shell, "p")),
        what="steps after the change",
    )
    (pid,) = {event["pid"] for event in events_of(shell, "p") if event["type"] == "RunStarted"}
    os.kill(pid, 9)
    wait_for(lambda: shell.json("runs")[0]["status"] == "dead", what="the end of the host")
    resumed = shell("resume", "p", "--headless", "--trust")
    assert resumed.code == 0, resumed.err
    events = events_of(shell, "p")
    assert events[-1]["type"] == "RunFinished"
    assert events[-1]["step"] == STEPS
    replayed = shell("replay", "p", "--headless", "--trust")
    assert replayed.code == 0, replayed.err
    assert replayed.out.splitlines()[-1].startswith("identical over ")
