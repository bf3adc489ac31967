"""Clients that send garbage, clients of another user, and viewers that never read."""

from __future__ import annotations

import math
import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import psutil

from benchmarks.sandbox import Sandbox, wait_for
from tests.stress.attacks import Outcome
from tui_trainer.protocol import events as ev
from tui_trainer.session.base import Greeting
from tui_trainer.session.socket_session import ClientSession, connect
from tui_trainer.state.run_state import RunState

PAIRS = 16
"""Times that the viewers join and leave each run."""
SETTLED = 1.0
"""Seconds after which all viewers have received their greeting."""


class HeadlessViewer:
    """A viewer without a screen."""

    def __init__(self, path: Path) -> None:
        self.session: ClientSession = connect(path)
        self.state = RunState()

    def look(self) -> RunState:
        """Apply the messages that have arrived and return the state."""
        crowd: list[ev.AnyEvent] = []
        for message in self.session.drain():
            if isinstance(message, Greeting):
                crowd.clear()
                self.state = message.states[0]
            elif isinstance(message, ev.Event):
                crowd.append(message)
        self.state.apply(*crowd)
        return self.state


def _live(sandbox: Sandbox, name: str = "live") -> Path:
    """Start a run that does not end, and return its socket."""
    others = set(sandbox.sockets.glob("tui-trainer/*.sock"))
    sandbox.run("run", "tiny.toml", "training.epochs=100000000", "--detach", "--name", name)
    return next(path for path in sandbox.sockets.glob("tui-trainer/*.sock") if path not in others)


def garbage(clients: int, seed: int) -> Outcome:
    """Send partial lines, oversized lines, floods and unknown commands: host and other viewers are unaffected."""
    outcome, source = Outcome(), random.Random(seed)
    sandbox = Sandbox()
    try:
        path = _live(sandbox)
        good = HeadlessViewer(path)
        wait_for(lambda: good.look().step > 100)
        for _ in range(clients):
            outcome.times += 1
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(2)
                try:
                    client.connect(str(path))
                    client.sendall(_garbage(source))
                    if source.random() < 0.3:
                        client.recv(100)
                except OSError:
                    continue
            before = good.look().step
            if outcome.times % 25 == 0:
                outcome.expect(wait_for(lambda before=before: good.look().step > before, 10), "training stood still")
        outcome.expect(
            not [line for line in good.look().log if "refused" in line.text], "other viewers saw the garbage"
        )
        outcome.expect(_other_user_is_refused(path), "another user was let in")
        good.session.close()
    finally:
        sandbox.close()
    return outcome


def _garbage(source: random.Random) -> bytes:
    match source.randrange(6):
        case 0:
            return os.urandom(source.randrange(1, 5000))
        case 1:
            return b"{" * source.randrange(1, 100_000)
        case 2:
            return b'{"type":"SetLearningRate","value":' + b"9" * 70_000 + b"}\n"
        case 3:
            return b'{"type":"Nothing"}\n' * 1000
        case 4:
            return b"\n" * 100_000
        case _:
            return b'{"type":"Pause","run":"elsewhere"}\n{"type":"Note"'


def _other_user_is_refused(path: Path) -> bool:
    """Return whether the host rejects a process of another user that can reach the socket."""
    if os.getuid() != 0:
        return True
    for parent in (path, *path.parents[:3]):
        parent.chmod(0o777)
    code = (
        "import os, socket, sys\nos.setgid(65534); os.setuid(65534)\n"
        "c = socket.socket(socket.AF_UNIX)\nc.settimeout(3)\n"
        "try:\n c.connect(sys.argv[1]); sys.exit(1 if c.recv(10) else 0)\nexcept OSError: sys.exit(0)"
    )
    return subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 0


def crowd(seconds: float) -> Outcome:
    """Attach eight viewers, four of which never read: memory is bounded, and training is as fast as without viewers.

    Two runs train at the same time, each on its own core, and the viewers alternate between them, so that other load
    affects both equally.
    """
    outcome = Outcome(times=8)
    sandbox, cores = Sandbox(), sorted(os.sched_getaffinity(0))
    try:
        paths = [_live(sandbox), _live(sandbox, "other")]
        hosts = [psutil.Process(sandbox.pid(name)) for name in ("live", "other")]
        for host, core in zip(hosts, (cores[0], cores[-1]), strict=True):
            for thread in host.threads():
                os.sched_setaffinity(thread.id, [core])
        os.sched_setaffinity(0, [cores[0]])  # the CPU time of the viewers always slows the same run
        good = [HeadlessViewer(path) for path in paths]
        wait_for(lambda: all(viewer.look().step > 2000 for viewer in good))
        memory = hosts[0].memory_info().rss
        measured: list[float] = []
        for number in range(2 * PAIRS):
            which = number % 2
            crowd = [HeadlessViewer(paths[which]) for _ in range(7)]
            crowded, other = _paces([good[which], good[1 - which]], crowd, seconds * 0.8 / (2 * PAIRS))
            measured.append(crowded / other)
            _leave(crowd)
        # One core may be faster than the other, so each pair has had the viewers on both.
        ratio = median(math.sqrt(one * other) for one, other in zip(measured[::2], measured[1::2], strict=True))
        crowd = [HeadlessViewer(paths[0]) for _ in range(7)]
        _paces(good, crowd, seconds * 0.2)
        grown = hosts[0].memory_info().rss - memory
        _leave([*crowd, *good])
        outcome.note = f"speed {ratio:.3f} of that without viewers, host grew {grown / 1e6:.0f} MB"
        outcome.expect(ratio > 0.98, outcome.note)
        outcome.expect(grown < 60e6, outcome.note)
    finally:
        os.sched_setaffinity(0, cores)
        sandbox.close()
    return outcome


def _paces(good: list[HeadlessViewer], crowd: list[HeadlessViewer], seconds: float) -> list[float]:
    """Return the steps per second of each run, while three viewers read and the others do not."""
    viewers = [*good, *crowd[:3]]
    _look(viewers, SETTLED)
    steps, begun = [viewer.look().step for viewer in good], time.monotonic()
    _look(viewers, seconds)
    passed = time.monotonic() - begun
    return [(viewer.look().step - step) / passed for viewer, step in zip(good, steps, strict=True)]


def _look(viewers: list[HeadlessViewer], seconds: float) -> None:
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        for viewer in viewers:
            viewer.look()
        time.sleep(0.1)


def _leave(crowd: list[HeadlessViewer]) -> None:
    for viewer in crowd:
        viewer.session.close()
