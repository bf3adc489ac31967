"""Hosts that die while a viewer is attached: out of memory, a native crash, kill -9."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.sandbox import Sandbox, wait_for
from tests.stress.attacks import Outcome
from tests.stress.attacks.killing import last_step
from tests.stress.attacks.terminals import FOREVER, screen
from tests.ui.terminal.pseudo_terminal import Pseudo
from tui_trainer.runs.history import read_history
from tui_trainer.runs.run_dir import RunDir

SMALLEST = 1 << 16
"""A memory limit in bytes that kills every process."""


class MemoryGroup:
    """A memory cgroup. Raises `OSError` if the system does not allow one."""

    def __init__(self) -> None:
        first = Path("/sys/fs/cgroup/memory")
        one = first.is_dir()  # cgroup v1 has a tree for each resource
        if not one and "memory" not in Path("/sys/fs/cgroup/cgroup.subtree_control").read_text().split():
            raise OSError("no memory cgroups here")
        self.path = (first if one else Path("/sys/fs/cgroup")) / f"tui-trainer-{os.getpid()}"
        self._limit = self.path / ("memory.limit_in_bytes" if one else "memory.max")
        self._swap = self.path / ("memory.swappiness" if one else "memory.swap.max")
        self.path.mkdir()

    def starve(self, process: int) -> None:
        """Lower the memory limit of a process until it dies."""
        (self.path / "cgroup.procs").write_text(str(process))
        with contextlib.suppress(OSError):
            self._swap.write_text("0")
        limit, deadline = 64 << 20, time.monotonic() + 60
        while _alive(process) and time.monotonic() < deadline:
            with contextlib.suppress(OSError):  # the limit cannot go below what is in use
                self._limit.write_text(str(limit))
            limit = max(limit // 2, SMALLEST)
            time.sleep(0.3)

    def close(self) -> None:
        """Remove the group."""
        wait_for(lambda: not (self.path / "cgroup.procs").read_text(), 10)
        with contextlib.suppress(OSError):
            self.path.rmdir()


def _alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def _starve(process: int) -> None:
    group = MemoryGroup()
    try:
        group.starve(process)
    finally:
        group.close()


WAYS: dict[str, tuple[Callable[[int], None], str]] = {
    "out of memory": (_starve, "the machine ran out of memory"),
    "native crash": (lambda process: os.kill(process, signal.SIGSEGV), "crashed in native code (SIGSEGV)"),
    "killed": (lambda process: os.kill(process, signal.SIGKILL), "was killed (SIGKILL)"),
}
"""The ways in which a host dies, and the text that the viewer must show."""


def hosts(times: int) -> Outcome:
    """Kill hosts: the viewer gives the reason, `R` resumes from the last checkpoint, no step is missing or repeated."""
    outcome, before = Outcome(), Path.cwd()
    sandbox = Sandbox()
    counts: dict[str, int] = {}
    try:
        for number in range(times):
            if outcome.late:
                break
            way = list(WAYS)[number % len(WAYS)]
            run = f"dies{number}"
            terminal = screen(sandbox, "run", "tiny.toml", FOREVER, "--name", run, size=(140, 40))
            try:
                _kill_and_resume(outcome, sandbox, terminal, way, run)
                counts[way] = counts.get(way, 0) + 1
                outcome.times += 1
            except OSError as error:
                counts[f"{way} untried ({error.strerror or error})"] = 1
            except AssertionError as error:
                outcome.expect(False, f"{way}: {str(error)[:300]}")
            finally:
                terminal.close()
                sandbox.run("send", run, "stop")
        outcome.note = ", ".join(f"{way} {count}" for way, count in counts.items())
    finally:
        os.chdir(before)
        sandbox.close()
    return outcome


def _kill_and_resume(outcome: Outcome, sandbox: Sandbox, terminal: Pseudo, way: str, run: str) -> None:
    folder = RunDir(sandbox.folder(run))
    terminal.until(lambda: "1 loss" in terminal.text, 60)
    terminal.until(lambda: any(folder.checkpoints.glob("last*")), 60)
    owner = folder.owner()
    assert owner is not None, "the run has no host"
    kill, message = WAYS[way]
    kill(owner.pid)
    terminal.until(lambda: message in terminal.text, 60)
    reached = last_step(folder.journal)
    terminal.press("R")
    terminal.until(lambda: last_step(folder.journal) > reached, 60)
    terminal.until(lambda: message not in terminal.text and "▶" in terminal.screen.display[0], 60)
    code, _, err = sandbox.run("send", run, "stop")
    outcome.expect(code == 0, f"{way}: stop: {err}")
    terminal.until(lambda: folder.owner() is None, 60)
    losses = [step for step, row in read_history(folder.journal).rows.items() if "train_loss" in row]
    outcome.expect(losses == list(range(1, len(losses) + 1)), f"{way}: steps are missing")
