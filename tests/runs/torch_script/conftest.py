"""Steered runs, and their scripts executed where this package cannot be imported."""

from __future__ import annotations

import builtins
import contextlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support import TrainerHarness
from tui_trainer.config.preset import dump
from tui_trainer.config.run_config import RunConfig
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.runs.run_dir import Owner, RunDir
from tui_trainer.runs.torch_script.torch_script import torch_script

CLOSE = 1e-5
Driver = Callable[[TrainerHarness], None]


def send(bench: TrainerHarness, steps: int, *commands: cmd.AnyCommand) -> None:
    """Send commands, and train so many steps with them."""
    for command in commands:
        bench.control.put(command.model_copy(update={"id": f"{type(command).__name__}-{len(bench.events)}"}))
    bench.steps(steps)


def no_driver(bench: TrainerHarness) -> None:
    """Let a run train by itself."""


def trained(path: Path, config: RunConfig, drive: Driver = no_driver) -> TrainerHarness:
    """Train a run with a driver, and write its folder."""
    folder = RunDir(path)
    folder.create(dump(config), {}, Owner(os.getpid(), "here", ""))
    bench = TrainerHarness(config, folder)
    drive(bench)
    bench.finish()
    (path / "events.jsonl").write_bytes(b"".join(map(encode_event, bench.events)))
    assert bench.of(ev.Refused) == []
    return bench


def executed(text: str) -> tuple[list[dict[str, float]], dict[str, Any]]:
    """Execute a script. Returns the numbers of each line that it printed, and its variables."""
    importing = builtins.__import__

    def without_this_package(name: str, *arguments: Any) -> Any:
        assert not name.startswith("tui_trainer")
        return importing(name, *arguments)

    variables: dict[str, Any] = {"__name__": "__main__"}
    printed = io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patched,
        contextlib.redirect_stdout(printed),
        torch.random.fork_rng(devices=[]),
    ):
        patched.setattr(builtins, "__import__", without_this_package)
        exec(compile(text, "script.py", "exec"), variables)
    return [numbers(line) for line in printed.getvalue().splitlines()], variables


def numbers(line: str) -> dict[str, float]:
    """Return the numbers of a printed line, by name."""
    return {name: float(value) for name, value in (pair.split("=") for pair in line.split())}


def curve(bench: TrainerHarness) -> list[dict[str, float | None]]:
    """Return the epochs of a run that no undo left."""
    epochs: dict[int, dict[str, float | None]] = {}
    for event in bench.of(ev.EpochEnded):
        epochs = {epoch: row for epoch, row in epochs.items() if epoch < event.epoch}
        epochs[event.epoch] = {"epoch": event.epoch, "step": event.step, "lr": event.lr, **event.metrics}
    return list(epochs.values())


def assert_same_curve(bench: TrainerHarness, printed: list[dict[str, float]]) -> None:
    """Check that a script printed what its run measured."""
    rows = [row for row in printed if "epoch" in row]
    expected = curve(bench)
    assert [row["epoch"] for row in rows] == [row["epoch"] for row in expected]
    for row, wanted in zip(rows, expected, strict=True):
        assert row == pytest.approx(wanted, rel=CLOSE, abs=CLOSE)


def assert_repeats(path: Path, config: RunConfig, drive: Driver = no_driver) -> tuple[str, TrainerHarness]:
    """Train a run, execute its script, and compare curve, test metrics and last weights. Returns the script too."""
    bench = trained(path, config, drive)
    script = torch_script(path, "run")
    printed, variables = executed(script.text)
    assert_same_curve(bench, printed)
    for name, value in bench.trainer.state.test_metrics.items():
        (shown,) = [row[name] for row in printed if name in row]
        assert shown == pytest.approx(value, rel=CLOSE)
    weights = bench.trainer.services.setup.model.state_dict()
    for name, weight in variables["model"].state_dict().items():
        torch.testing.assert_close(weight, weights[name], rtol=1e-4, atol=CLOSE)
    return script.text, bench
