"""Run the command line in a process: standard output, standard error, exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

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

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "tiny.toml").write_text(TINY)

    def __call__(self, *arguments: str, **environ: str) -> Done:
        import os

        done = subprocess.run(
            [sys.executable, "-m", "tui_trainer", *arguments],
            cwd=self.directory,
            env=os.environ | environ,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=120,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def json(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)

    @property
    def runs(self) -> list[str]:
        path = self.directory / "runs"
        return sorted(entry.name for entry in path.iterdir()) if path.exists() else []


@pytest.fixture
def shell(tmp_path, monkeypatch, tmp_path_factory):
    root = str(Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", root)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("s")))
    return Shell(tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A shell with a finished run named `done`, and the output of the command that trained it."""
    import os

    saved = {name: os.environ.get(name) for name in ("PYTHONPATH", "XDG_RUNTIME_DIR")}
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    os.environ["XDG_RUNTIME_DIR"] = str(tmp_path_factory.mktemp("s"))
    shell = Shell(tmp_path_factory.mktemp("finished"))
    done = shell("run", "tiny.toml", "--name", "done", "scheduler.kind=cosine")
    assert done.code == 0, done.err
    yield shell, done
    for name, value in saved.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
