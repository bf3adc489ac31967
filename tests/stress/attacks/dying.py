"""What ends a host while somebody watches: the machine's memory is full, it crashes in native code, it is killed."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.sandbox import Place, wait_for
from tests.stress.attacks import Outcome
from tests.stress.attacks.killing import last_step
from tests.stress.attacks.terminals import FOREVER, screen
from tests.ui.terminal.pseudo_terminal import Pseudo
from tui_trainer.runs.history import read_history
from tui_trainer.runs.run_dir import RunDir

SMALLEST = 1 << 16
"""Bytes of memory that no process can go on with."""


class MemoryGroup:
    """A group of processes whose memory has a limit; `OSError` where the system makes none for us."""

    def __init__(self) -> None:
        first = Path("/sys/fs/cgroup/memory")
        one = first.is_dir()  # the older kind of groups has a tree for each resource
        if not one and "memory" not in Path("/sys/fs/cgroup/cgroup.subtree_control").read_text().split():
            raise OSError("no memory groups here")
        self.path = (first if one else Path("/sys/fs/cgroup")) / f"tui-trainer-{os.getpid()}"
        self._limit = self.path / ("memory.limit_in_bytes" if one else "memory.max")
        self._swap = self.path / ("memory.swappiness" if one else "memory.swap.max")
        self.path.mkdir()

    def starve(self, process: int) -> None:
        """Let a process have less and less memory until it is gone."""
        (self.path / "cgroup.procs").write_text(str(process))
        with contextlib.suppress(OSError):
            self._swap.write_text("0")
        limit, deadline = 64 << 20, time.monotonic() + 60
        while _lives(process) and time.monotonic() < deadline:
            with contextlib.suppress(OSError):  # what is used cannot be taken back
                self._limit.write_text(str(limit))
            limit = max(limit // 2, SMALLEST)
            time.sleep(0.3)

    def close(self) -> None:
        """Let the system have it back."""
        wait_for(lambda: not (self.path / "cgroup.procs").read_text(), 10)
        with contextlib.suppress(OSError):
            self.path.rmdir()


def _lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def _starved(process: int) -> None:
    group = MemoryGroup()
    try:
        group.starve(process)
    finally:
        group.close()


WAYS: dict[str, tuple[Callable[[int], None], str]] = {
    "out of memory": (_starved, "the machine ran out of memory"),
    "native crash": (lambda process: os.kill(process, signal.SIGSEGV), "crashed in native code (SIGSEGV)"),
    "killed": (lambda process: os.kill(process, signal.SIGKILL), "was killed (SIGKILL)"),
}
"""How a host ends, and what the viewer says of it."""


def hosts(times: int) -> Outcome:
    """The viewer says what happened, `R` goes on from the last checkpoint, and no step is missing or there twice."""
    outcome, before = Outcome(), Path.cwd()
    place = Place()
    counts: dict[str, int] = {}
    try:
        for number in range(times):
            if outcome.late:
                break
            way = list(WAYS)[number % len(WAYS)]
            run = f"dies{number}"
            terminal = screen(place, "run", "tiny.toml", FOREVER, "--name", run, size=(140, 40))
            try:
                _one(outcome, place, terminal, way, run)
                counts[way] = counts.get(way, 0) + 1
                outcome.times += 1
            except OSError as error:
                counts[f"{way} untried ({error.strerror or error})"] = 1
            except AssertionError as error:
                outcome.expect(False, f"{way}: {str(error)[:300]}")
            finally:
                terminal.close()
                place.run("send", run, "stop")
        outcome.note = ", ".join(f"{way} {count}" for way, count in counts.items())
    finally:
        os.chdir(before)
        place.close()
    return outcome


def _one(outcome: Outcome, place: Place, terminal: Pseudo, way: str, run: str) -> None:
    folder = RunDir(place.folder(run))
    terminal.until(lambda: "1 loss" in terminal.text, 60)
    terminal.until(lambda: any(folder.checkpoints.glob("last*")), 60)
    owner = folder.owner()
    assert owner is not None, "nobody trains"
    end, words = WAYS[way]
    end(owner.pid)
    terminal.until(lambda: words in terminal.text, 60)
    reached = last_step(folder.journal)
    terminal.press("R")
    terminal.until(lambda: last_step(folder.journal) > reached, 60)
    terminal.until(lambda: words not in terminal.text and "running" in terminal.screen.display[0], 60)
    code, _, err = place.run("send", run, "stop")
    outcome.expect(code == 0, f"{way}: stop: {err}")
    terminal.until(lambda: folder.owner() is None, 60)
    losses = [step for step, row in read_history(folder.journal).rows.items() if "train_loss" in row]
    outcome.expect(losses == list(range(1, len(losses) + 1)), f"{way}: steps are missing")
