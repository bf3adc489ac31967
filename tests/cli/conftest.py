"""Run the command line in a process: standard output, standard error, exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.fork_server import ForkServer

TINY = """
title = "Tiny"
[data]
kind = "moons"
samples = 120
batch_size = 20
[model]
kind = "mlp"
hidden = [8]
[optimizer]
kind = "sgd"
lr = 0.1
[training]
epochs = 4
threads = 1
[early_stopping]
enabled = false
"""


class Done(NamedTuple):
    code: int
    out: str
    err: str


class Shell:
    """Runs the program in a working directory that holds a tiny preset."""

    def __init__(self, directory: Path, forks: ForkServer) -> None:
        self.directory = directory
        self._forks = forks
        (directory / "tiny.toml").write_text(TINY)

    def __call__(self, *arguments: str, **environ: str) -> Done:
        line = [sys.executable, "-m", "tui_trainer", *arguments]
        done = self._forks.run(line, cwd=self.directory, env=self._environ | environ)
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> Any:
        """Start the program; its standard output is a pipe."""
        return self._forks.popen(
            [sys.executable, "-m", "tui_trainer", *arguments],
            cwd=self.directory,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def _environ(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if name != "TUI_TRAINER_RUNS"}

    def json(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)

    @property
    def runs(self) -> list[str]:
        path = self.directory / "runs"
        return sorted(entry.name for entry in path.iterdir()) if path.exists() else []


@pytest.fixture
def shell(tmp_path, forks, monkeypatch):
    monkeypatch.delenv("TUI_TRAINER_RUNS")
    return Shell(tmp_path, forks)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, forks):
    """A shell in whose directory a run named `done` has been trained."""
    shell = Shell(tmp_path_factory.mktemp("finished"), forks)
    done = shell("run", "tiny.toml", "--name", "done", "scheduler.kind=cosine")
    assert done.code == 0, done.err
    return shell, done
