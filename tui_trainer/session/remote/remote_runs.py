"""The live runs of other machines, for lists: each is asked through ssh now and then, in a thread of its own."""

from __future__ import annotations

import json
import shlex
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic

from tui_trainer.errors import UserError
from tui_trainer.runs.keeping.kept import Kept
from tui_trainer.runs.label import short_name
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.session.base import Session
from tui_trainer.session.remote.address import REMOTE_COMMAND, Address, ssh_command
from tui_trainer.text import visible

INTERVAL = 15.0
"""Seconds between two questions to a machine."""
TIMEOUT = 30.0
"""Seconds after which a machine that has not answered is given up until the next question."""
MOST = 50
"""Most runs that one machine adds to a list."""


@dataclass(slots=True)
class _Machine:
    """One machine, with its last answer."""

    name: str
    command: str
    runs_dir: str | None
    asked_at: float = float("-inf")
    asking: bool = False
    runs: list[RunInfo] = field(default_factory=list[RunInfo])
    problem: str = ""


class RemoteRuns:
    """Asks machines for their live runs while a list is read.

    Args:
        hosts: by name, as ssh takes it: `command`, the program there, and `runs_dir`, its runs directory.
    """

    def __init__(self, hosts: Mapping[str, Mapping[str, str]]) -> None:
        self._machines = [
            _Machine(name, options.get("command", REMOTE_COMMAND), options.get("runs_dir"))
            for name, options in hosts.items()
        ]
        self._last: tuple[list[RunInfo], list[RunInfo], list[RunInfo]] | None = None
        """The runs of this machine and of others that were joined last, and both together."""

    @property
    def problem(self) -> str:
        """The machines that did not answer, with the reason, in one line; empty where all did."""
        return " · ".join(machine.problem for machine in self._machines if machine.problem)

    def beside(self, here: list[RunInfo]) -> list[RunInfo]:
        """Return the runs of this machine with the live ones of others; the same list where nothing has changed."""
        self._ask()
        there = [run for machine in self._machines for run in machine.runs]
        if self._last is None or self._last[0] is not here or self._last[1] != there:
            self._last = here, there, [*here, *there] if there else here
        return self._last[2]

    def join(self, run: RunInfo) -> Session:
        """Connect to a run of one of the machines.

        Raises:
            UserError: it cannot be reached without a question, or has no such run any more.
        """
        from tui_trainer.session.remote.remote_session import remote_session

        machine = next((machine for machine in self._machines if machine.name == run.host), None)
        command, runs_dir = (machine.command, machine.runs_dir) if machine is not None else (REMOTE_COMMAND, None)
        return remote_session(Address(run.host, run.path, command, runs_dir), ask=False)

    def _ask(self) -> None:
        now = monotonic()
        for machine in self._machines:
            if not machine.asking and now - machine.asked_at >= INTERVAL:
                machine.asking, machine.asked_at = True, now
                threading.Thread(target=_answer, args=(machine,), name="remote-runs", daemon=True).start()


def _answer(machine: _Machine) -> None:
    """Ask one machine, and keep its answer."""
    try:
        machine.runs, machine.problem = live_runs(machine.name, machine.command, machine.runs_dir), ""
    except UserError as error:
        machine.runs, machine.problem = [], str(error)
    finally:
        machine.asking = False


def live_runs(host: str, command: str, runs_dir: str | None) -> list[RunInfo]:
    """Return the live runs of a machine.

    Raises:
        UserError: it does not answer, or not with runs.
    """
    option = f" --runs-dir={shlex.quote(runs_dir)}" if runs_dir is not None else ""
    asked = [*ssh_command(ask=False), "--", host, f"{command} bridge --list{option}"]
    try:
        done = subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise UserError(f"{host}: no answer within {TIMEOUT:.0f} s") from None
    except OSError as error:
        raise UserError(f"cannot start {asked[0]}: {error.strerror}") from None
    if done.returncode:
        lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        last = visible(lines[-1].strip().removeprefix("tui-trainer: ")) if lines else f"exit code {done.returncode}"
        raise UserError(f"{host}: {last}")
    try:
        return [_run_of(host, json.loads(line)) for line in done.stdout.splitlines()[:MOST]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UserError(f"{host}: its answer is no list of runs: another version of tui-trainer?") from None


def _run_of(host: str, table: Mapping[str, object]) -> RunInfo:
    metrics = table.get("metrics")
    values = metrics.items() if isinstance(metrics, dict) else ()
    return RunInfo(
        name=str(table["name"]).replace("/", " "),  # a set would be grouped with the runs here
        path=str(table["path"]),
        status="paused" if table["status"] == "paused" else "running",
        preset=str(table.get("preset", "")),
        epoch=int(str(table.get("epoch", 0))),
        step=int(str(table.get("step", 0))),
        metrics={str(name): float(value) if isinstance(value, int | float) else None for name, value in values},
        started=str(table.get("started", "")),
        seconds=float(str(table.get("seconds", 0))),
        kept=Kept(name=f"{host}:{short_name(str(table['shown']))}"),
        host=host,
    )
