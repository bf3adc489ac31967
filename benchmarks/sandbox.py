"""A temporary directory in which to run `tui-trainer`, with its own runs and sockets."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]

MARK = "TUI_TRAINER_BENCHMARK"
"""Variable of the environment that all processes of a benchmark have."""
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
kind = "adam"
lr = 0.01
[training]
epochs = 6
threads = 1
device = "cpu"
[early_stopping]
enabled = false
"""


class Sandbox:
    """A temporary directory, a socket directory, and the commands that run in them."""

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or Path(tempfile.mkdtemp(prefix="tt-"))
        self.sockets = Path(tempfile.mkdtemp(prefix="tts-"))
        (self.directory / "tiny.toml").write_text(TINY)
        self.environ = os.environ | {
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])),
            "PYTHONDONTWRITEBYTECODE": "",  # an installed package is compiled: else each start would compile it again
            "XDG_RUNTIME_DIR": str(self.sockets),
            "OMP_NUM_THREADS": "1",
            "TUI_TRAINER_RUNS": str(self.directory / "runs"),
        }

    def start(self, *arguments: str, prefix: tuple[str, ...] = (), **options: Any) -> subprocess.Popen[str]:
        """Start `tui-trainer` in the background."""
        return subprocess.Popen(
            [*prefix, sys.executable, "-m", "tui_trainer", *arguments],
            cwd=self.directory,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=options.pop("stderr", subprocess.PIPE),
            text=True,
            **options,
        )

    def run(self, *arguments: str, prefix: tuple[str, ...] = (), timeout: float = 300) -> tuple[int, str, str]:
        """Run `tui-trainer` to its end and return exit code, output and errors."""
        process = self.start(*arguments, prefix=prefix)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            return -1, out, err + "\ntimed out"
        return process.returncode, out, err

    def json(self, *arguments: str) -> Any:
        """Return the `--json` output of a command."""
        code, out, err = self.run(*arguments, "--json")
        if code:
            raise RuntimeError(f"{arguments}: {code}: {err}")
        return json.loads(out)

    def curve(self, run: str) -> list[dict[str, str]]:
        """Return the rows of a run's CSV export without the seconds."""
        code, out, err = self.run("export", run, "--to", "csv", "-o", "-")
        if code:
            raise RuntimeError(f"export {run}: {err}")
        rows = list(csv.DictReader(io.StringIO(out)))
        for row in rows:
            del row["seconds"]
        return rows

    def folder(self, run: str) -> Path:
        """Return the folder of a run."""
        return self.directory / "runs" / run

    def pid(self, run: str) -> int:
        """Return the process that held a run last."""
        return int(json.loads((self.folder(run) / ".lock").read_text())["pid"])

    def hosts(self) -> list[psutil.Process]:
        """Return the hosts that were started from this sandbox, including those without a run folder so far."""
        hosts: list[psutil.Process] = []
        for process in psutil.process_iter(["cmdline"]):
            with contextlib.suppress(psutil.Error):
                if "tui_trainer.host.host" in (process.info["cmdline"] or ()):
                    hosts += [process] * (process.environ().get("XDG_RUNTIME_DIR") == str(self.sockets))
        return hosts

    def close(self) -> None:
        """Kill the processes of this sandbox, all ranks of a run among them, and remove its directories."""
        kill_all("XDG_RUNTIME_DIR", str(self.sockets))
        for lock in (self.directory / "runs").glob("**/.lock"):  # a forked process shows the environment of its parent
            with contextlib.suppress(OSError, ValueError, KeyError, psutil.Error):
                process = psutil.Process(int(json.loads(lock.read_text())["pid"]))
                if any("tui_trainer" in word for word in process.cmdline()):
                    process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.rmtree(self.sockets, ignore_errors=True)


def kill_all(name: str, value: str) -> None:
    """Kill the processes that were started with this value in their environment, but not this one."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(name) == value and process.pid != os.getpid():
                process.kill()


def leave_nothing() -> None:
    """Have all processes that this one starts from now on killed when it is gone, even by SIGKILL."""
    number = f"{os.getpid()}-{time.time_ns()}"
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.sandbox", number], cwd=ROOT, stdin=subprocess.PIPE, start_new_session=True
    )
    _CLEANERS.append(process)  # its pipe stays open as long as this process lives
    os.environ[MARK] = number


_CLEANERS: list[subprocess.Popen[bytes]] = []


def wait_for(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Return the first true value of the condition, None after the time limit."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    return None


if __name__ == "__main__":
    sys.stdin.read()
    for _ in range(3):  # what starts meanwhile, too
        kill_all(MARK, sys.argv[1])
        time.sleep(0.5)
