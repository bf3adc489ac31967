"""Terminals that hang up, are never read, are slow or are none; and signals."""

from __future__ import annotations

import os
import random
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks.sandbox import ROOT, Sandbox, wait_for
from tests.stress.attacks import Outcome
from tests.stress.attacks.killing import last_step
from tests.ui.terminal.pseudo_terminal import Pseudo
from tui_trainer.runs.history import read_history

FOREVER = "training.epochs=100000000"


def screen(sandbox: Sandbox, *arguments: str, size: tuple[int, int] = (100, 30), **environ: str) -> Pseudo:
    """Start `tui-trainer` on a pseudo-terminal."""
    environment = {name: sandbox.environ[name] for name in ("XDG_RUNTIME_DIR", "TUI_TRAINER_RUNS", "OMP_NUM_THREADS")}
    os.chdir(sandbox.directory)
    return Pseudo(sys.executable, "-m", "tui_trainer", *arguments, size=size, **environment, **environ)


def disconnected(times: int, seed: int) -> Outcome:
    """Hang up the terminal, kill or stop the viewer, or never read it: training goes on, and attach works."""
    outcome, source = Outcome(), random.Random(seed)
    sandbox, before = Sandbox(), Path.cwd()
    ways = {"closed": _closed, "killed": _killed, "stopped": _stopped, "unread": _unread}
    counts = dict.fromkeys(ways, 0)
    idle = 0.0
    try:
        for number in range(times):
            if outcome.late and number % 10 == 0:
                break
            name = f"h{number // 10}"
            first = number % 10 == 0  # the terminal that started the run; the next nine attach to it
            arguments = ("run", "tiny.toml", FOREVER, "--name", name) if first else ("attach", name)
            terminal = screen(sandbox, *arguments)
            try:
                terminal.until(lambda terminal=terminal: "1 loss" in terminal.text, 60)
                journal = sandbox.folder(name) / "events.jsonl"
                way = list(ways)[number % len(ways)] if not first else source.choice(("closed", "killed"))
                counts[way] += 1
                begun = last_step(journal)
                idle = max(idle, ways[way](terminal, outcome))
                outcome.times += 1
                outcome.expect(
                    wait_for(lambda journal=journal, begun=begun: last_step(journal) > begun, 10),
                    f"{way}: training stood still",
                )
            finally:
                terminal.close()
            if number % 10 == 9 or number == times - 1:
                _attach_shows_everything(sandbox, name, outcome)
                _stop_and_count(sandbox, name, outcome)
        leftover = _processes(sandbox)
        outcome.expect(not leftover, f"processes left: {leftover}")
        ways_tried = ", ".join(f"{way} {count}" for way, count in counts.items())
        outcome.note = f"{ways_tried}; an unread viewer used at most {idle:.0%} of a core"
    finally:
        os.chdir(before)
        sandbox.close()
    return outcome


def _closed(terminal: Pseudo, outcome: Outcome) -> float:
    fd, terminal.fd = terminal.fd, os.open(os.devnull, os.O_RDWR)
    os.close(fd)
    outcome.expect(wait_for(terminal.ended, 15), "closed: the viewer did not end")
    return 0.0


def _killed(terminal: Pseudo, outcome: Outcome) -> float:
    terminal.kill(signal.SIGKILL)
    outcome.expect(wait_for(terminal.ended, 15), "killed: the viewer did not end")
    return 0.0


def _stopped(terminal: Pseudo, outcome: Outcome) -> float:
    terminal.kill(signal.SIGSTOP)
    time.sleep(2)
    terminal.kill(signal.SIGCONT)
    _check_responsive(terminal, outcome, "stopped")
    return 0.0


def _unread(terminal: Pseudo, outcome: Outcome) -> float:
    for size in [(90, 30), (100, 30)] * 6:  # full frames, until the buffer of the terminal is full
        terminal.resize(*size)
        time.sleep(0.1)
    viewer = psutil.Process(terminal.pid)
    begun, used = time.monotonic(), sum(viewer.cpu_times()[:2])
    time.sleep(2)
    share = (sum(viewer.cpu_times()[:2]) - used) / (time.monotonic() - begun)
    outcome.expect(share < 0.5, f"unread: the viewer spins, {share:.0%} of a core")
    _check_responsive(terminal, outcome, "unread")
    return share


def _check_responsive(terminal: Pseudo, outcome: Outcome, way: str) -> None:
    """Check that the viewer reacts again and can be left."""
    try:
        terminal.press("?")
        terminal.until(lambda: "type to filter" in terminal.text)
        terminal.press("\x1b")
        terminal.until(lambda: "type to filter" not in terminal.text)
        terminal.press("d")
        outcome.expect(terminal.leave() == 0, f"{way}: left with {terminal.status}")
    except AssertionError as error:
        outcome.expect(False, f"{way}: it did not react: {str(error)[:200]}")


def _attach_shows_everything(sandbox: Sandbox, name: str, outcome: Outcome) -> None:
    terminal = screen(sandbox, "attach", name)
    try:
        terminal.until(lambda: "1 loss" in terminal.text, 60)
        terminal.press("d")
        outcome.expect(terminal.leave() == 0, "attach: left with an error")
    except AssertionError as error:
        outcome.expect(False, f"attach shows nothing: {str(error)[:200]}")
    finally:
        terminal.close()


def _stop_and_count(sandbox: Sandbox, name: str, outcome: Outcome) -> None:
    """Stop the run and check that its journal has every step once."""
    code, out, err = sandbox.run("send", name, "stop")
    outcome.expect(code == 0, f"stop: {out}{err}")
    outcome.expect(wait_for(lambda: sandbox.json("runs")[0]["status"] == "finished", 30), "it did not finish")
    record = read_history(sandbox.folder(name) / "events.jsonl")
    losses = [step for step, row in record.rows.items() if "train_loss" in row]
    outcome.expect(losses == list(range(1, len(losses) + 1)), f"{name}: steps are missing")


def _processes(sandbox: Sandbox) -> list[int]:
    """Return the processes of the sandbox that still run."""
    pids: list[int] = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("XDG_RUNTIME_DIR") == str(sandbox.sockets):
                pids.append(process.pid)
        except psutil.Error:
            continue
    return pids


def signals(times: int) -> Outcome:
    """Send signals, suspend and crash the viewer: the terminal is restored, and the exit code is right."""
    outcome, before = Outcome(), Path.cwd()
    os.chdir(ROOT)
    cases: list[tuple[str, Callable[[Pseudo], int]]] = [
        (number.name, _signalled(number))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
    ]  # fmt: skip
    cases += [("ctrl+z and fg", _suspended), ("crash", lambda terminal: terminal.leave()), ("d", _left)]
    expected = {"SIGTERM": 143, "SIGINT": 130, "SIGHUP": 129, "SIGQUIT": 131, "crash": 1}
    try:
        for name, act in (cases * (times // len(cases) + 1))[:times]:
            terminal = Pseudo.viewer("crash" if name == "crash" else "usual")
            outcome.times += 1
            try:
                if name != "crash":
                    terminal.shows("1 loss")
                code = act(terminal)
                outcome.expect(code == expected.get(name, 0), f"{name}: exit code {code}")
                outcome.expect(terminal.restored(), f"{name}: the terminal was not restored")
                outcome.expect(b"Traceback" not in terminal.raw, f"{name}: a traceback")
            except AssertionError as error:
                outcome.expect(False, f"{name}: {str(error)[:300]}")
            finally:
                terminal.close()
    finally:
        os.chdir(before)
    return outcome


def _signalled(number: signal.Signals) -> Callable[[Pseudo], int]:
    def act(terminal: Pseudo) -> int:
        terminal.kill(number)
        return terminal.leave()

    return act


def _left(terminal: Pseudo) -> int:
    terminal.press("d")
    return terminal.leave()


def _suspended(terminal: Pseudo) -> int:
    terminal.press("\x1a")
    terminal.until(lambda: psutil.Process(terminal.pid).status() == psutil.STATUS_STOPPED)
    terminal.read()
    assert terminal.restored(), "suspended: the terminal was not restored"
    terminal.screen.reset()
    terminal.kill(signal.SIGCONT)
    terminal.shows("1 loss")
    return _left(terminal)


class SlowTerminal(Pseudo):
    """A terminal behind a slow line with a buffer."""

    RATE = 20_000
    _allowed = 0.0
    _since = 0.0

    def read(self, seconds: float = 0.05) -> None:
        """Read as much as the line can have carried by now."""
        now = time.monotonic()
        self._allowed = min(self._allowed + (now - self._since) * self.RATE, self.RATE * 0.1)
        self._since = now
        if self._allowed < 1:
            time.sleep(0.01)
            return
        size = len(self.raw)
        self._read_at_most(int(self._allowed), seconds)
        self._allowed -= len(self.raw) - size

    def quiet(self, seconds: float = 1.0) -> None:
        """Read until no output has come for a while."""
        size, since = len(self.raw), time.monotonic()
        while time.monotonic() - since < seconds:
            self.read()
            if len(self.raw) != size:
                size, since = len(self.raw), time.monotonic()

    def _read_at_most(self, most: int, seconds: float) -> None:
        try:
            if select.select([self.fd], [], [], seconds)[0]:
                data = os.read(self.fd, most)
                self.raw += data
                self._stream.feed(data.replace(b"\x1b[>", b"\x1b[?").replace(b"\x1b[<u", b""))
        except OSError:
            pass


def thin_line(seconds: int) -> Outcome:
    """Press keys over a line of 20 kB per second: each acts within 2 s, and the final screen is right."""
    outcome, before = Outcome(times=seconds), Path.cwd()
    os.chdir(ROOT)
    terminal = SlowTerminal(sys.executable, "-m", "tests.ui.terminal.viewer", "usual", size=(100, 30))
    waits: list[float] = []
    pairs = [
        ("?", "type to filter"), ("w", "layers ─"), ("or", "x2, /10"), (":", "─ Commands ─"), ("s", "Schedule"),
        ("o", "Steer "),
    ]  # fmt: skip
    try:
        terminal.shows("1 loss", 60)
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            key, sign = pairs[len(waits) % len(pairs)]
            for keys, there in ((key, True), (key if key == "w" else "\x1b", False)):
                pressed = time.monotonic()
                terminal.press(keys)
                terminal.until(lambda sign=sign, there=there: (sign in terminal.text) == there, 20)
                waits.append(time.monotonic() - pressed)
                outcome.expect(waits[-1] < 2.0, f"{keys!r} acted after {waits[-1]:.1f} s")
        terminal.press(" ")
        terminal.shows("paused")
        terminal.quiet(1.0)
        shown = terminal.screen.display[:-1]
        size = len(terminal.raw)
        terminal.press("\x0c")
        terminal.until(lambda: len(terminal.raw) - size > 3000)
        terminal.quiet(1.0)
        outcome.expect(terminal.screen.display[:-1] == shown, "a full repaint changed the screen")
        waits.sort()
        outcome.note = f"{len(waits)} keys: median {waits[len(waits) // 2]:.2f} s, slowest {waits[-1]:.2f} s"
    except AssertionError as error:
        outcome.expect(False, str(error)[:300])
    finally:
        terminal.close()
        os.chdir(before)
    return outcome


VIEWER = f"cd {ROOT}; {sys.executable} -m tests.ui.terminal.viewer"
SIZES = [
    (1, 1), (2, 1), (1, 2), (3, 3), (10, 2), (20, 5), (40, 12), (80, 24), (132, 43), (200, 60), (500, 3), (3, 200),
    (500, 200),
]  # fmt: skip
LINES = {
    "stdin from /dev/null": (f"{VIEWER} </dev/null", {}),
    "stdin closed": (f"{VIEWER} <&-", {}),
    "stdout closed": (f"{VIEWER} >&-", {}),
    "stdout into a pipe": (f"{VIEWER} | cat", {}),
    "stderr to /dev/null": (f"{VIEWER} 2>/dev/null", {}),
    "stderr closed": (f"{VIEWER} 2>&-", {}),
    "TERM=dumb": (VIEWER, {"TERM": "dumb"}),
    "TERM empty": (VIEWER, {"TERM": ""}),
    "no UTF-8": (VIEWER, {"PYTHONIOENCODING": "latin-1"}),
}
SCREENS = {
    "NO_COLOR": {"NO_COLOR": "1"},
    "TERM=vt100": {"TERM": "vt100", "COLORTERM": ""},
    "TERM=linux": {"TERM": "linux", "COLORTERM": ""},
    "TERM=screen": {"TERM": "screen", "COLORTERM": ""},
    "LANG=C": {"LANG": "C"},
    "LANG empty": {"LANG": ""},
    "no HOME": {"HOME": ""},
}


def odd_terminals(times: int) -> Outcome:
    """Use odd terminals, sizes and descriptors: the screen works, or one line gives the reason."""
    outcome, before = Outcome(), Path.cwd()
    os.chdir(ROOT)
    cases: list[tuple[str, Callable[[str], str]]] = [(name, _one_line) for name in LINES]
    cases += [(name, _works) for name in SCREENS]
    cases += [(f"{columns}x{rows}", _works) for columns, rows in SIZES]
    step = max(len(cases) / times, 1.0)
    try:
        for name, look in [cases[int(index * step)] for index in range(min(times, len(cases)))]:
            outcome.times += 1
            problem = look(name)
            outcome.expect(not problem, f"{name}: {problem}")
        outcome.times += 1
        outcome.expect(not (problem := _plain()), f"without any terminal: {problem}")
    finally:
        os.chdir(before)
    return outcome


def _one_line(name: str) -> str:
    shell, environ = LINES[name]
    terminal = Pseudo("/bin/sh", "-c", shell, **environ)
    try:
        code = terminal.leave()
    except AssertionError as error:
        return str(error)[:300]
    finally:
        terminal.close()
    message = terminal.raw.decode(errors="replace").strip()
    good = "--headless" in message and len(message.splitlines()) == 1 and (code == 2 or "pipe" in name)
    if "stderr" in name and not message:  # stderr is gone, so only the exit code can tell
        good = code == 2
    return "" if good else f"exit code {code}, {message[:200]!r}"


def _works(name: str) -> str:
    size = re.fullmatch(r"(\d+)x(\d+)", name)
    columns, rows = (int(size[1]), int(size[2])) if size else (100, 30)
    terminal = Pseudo.viewer(size=(columns, rows), **SCREENS.get(name, {}))
    try:
        terminal.until(lambda: b"?1049h" in terminal.raw)
        if columns >= 80 and rows >= 20:
            terminal.shows("1 loss", 40)
        terminal.quiet(0.3) if columns * rows < 5000 else terminal.read(0.5)
        if name == "NO_COLOR" and re.search(rb"\x1b\[[0-9;]*[34]8;[25];", terminal.raw):
            return "colors in spite of NO_COLOR"
        terminal.press("d")
        code = terminal.leave(40)
        return "" if code == 0 and terminal.restored() else f"exit code {code}, restored: {terminal.restored()}"
    except AssertionError as error:
        return str(error)[:300]
    finally:
        terminal.close()


def _plain() -> str:
    """Run without any terminal, and with all three descriptors closed."""
    sandbox = Sandbox()
    try:
        code, out, err = sandbox.run("run", "tiny.toml", "--name", "plain")
        if code or "epoch 6/6" not in out:
            return f"exit code {code}: {err[-200:]}"
        command = f"{sys.executable} -m tui_trainer run tiny.toml --name closed <&- >&- 2>&-"
        done = subprocess.run(["/bin/sh", "-c", command], cwd=sandbox.directory, env=sandbox.environ, check=False)
        finished = sandbox.json("runs")[0]["status"] == "finished"
        return "" if done.returncode == 0 and finished else f"closed descriptors: exit code {done.returncode}"
    finally:
        sandbox.close()
