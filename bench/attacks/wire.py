"""Clients that talk nonsense, clients of somebody else, and a crowd of viewers that never read."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from bench.attacks import Outcome
from bench.place import Place, wait_for
from tui_trainer.protocol.state import RunState
from tui_trainer.session.base import Greeting
from tui_trainer.session.client import ClientSession, connect


class Watching:
    """A viewer without a screen."""

    def __init__(self, path: Path) -> None:
        self.session: ClientSession = connect(path)
        self.state = RunState()

    def look(self) -> RunState:
        """Take in what has come."""
        for message in self.session.drain():
            if isinstance(message, Greeting):
                self.state = message.states[0]
            elif hasattr(message, "seq"):
                self.state.apply(message)  # pyright: ignore[reportArgumentType]
        return self.state


def _live(place: Place) -> Path:
    place.run("run", "tiny.toml", "training.epochs=100000000", "--detach", "--name", "live")
    return next(place.sockets.glob("tui-trainer/*.sock"))


def rubbish(clients: int, seed: int) -> Outcome:
    """Half lines, oversized lines, floods and unknown commands: the host and the other viewers notice nothing."""
    outcome, source = Outcome(), random.Random(seed)
    place = Place()
    try:
        path = _live(place)
        good = Watching(path)
        wait_for(lambda: good.look().step > 100)
        for _ in range(clients):
            outcome.times += 1
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(2)
                try:
                    client.connect(str(path))
                    client.sendall(_nonsense(source))
                    if source.random() < 0.3:
                        client.recv(100)
                except OSError:
                    continue
            before = good.look().step
            if outcome.times % 25 == 0:
                outcome.expect(wait_for(lambda before=before: good.look().step > before, 10), "training stood still")
        outcome.expect(not [line for line in good.look().log if "refused" in line.text], "others saw the nonsense")
        outcome.expect(_other_user_is_refused(path), "another user was let in")
        good.session.close()
    finally:
        place.close()
    return outcome


def _nonsense(source: random.Random) -> bytes:
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
    """Whether a process of another user cannot speak to the host, even where it can reach the socket."""
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
    """Eight viewers, four of which never read: host memory bounded, training as fast as without them."""
    outcome = Outcome(times=8)
    place = Place()
    try:
        path = _live(place)
        host = psutil.Process(place.pid("live"))
        good = Watching(path)
        wait_for(lambda: good.look().step > 2000)
        alone, together = [], []
        part = seconds / 8
        crowd: list[Watching] = []
        memory = host.memory_info().rss
        for number in range(8):  # A B A B: the machine's own moods hit both alike
            if number % 2:
                crowd = [Watching(path) for _ in range(7)]
            start, begun = good.look().step, time.monotonic()
            while time.monotonic() - begun < part:
                for viewer in [good, *crowd[:3]]:
                    viewer.look()
                time.sleep(0.1)
            pace = (good.look().step - start) / (time.monotonic() - begun)
            (together if number % 2 else alone).append(pace)
            for viewer in crowd:
                viewer.session.close()
            crowd = []
        ratio = sorted(b / a for a, b in zip(alone, together, strict=True))[len(alone) // 2]
        grown = host.memory_info().rss - memory
        outcome.note = f"speed {ratio:.3f} of none, host grew {grown / 1e6:.0f} MB"
        outcome.expect(ratio > 0.98, outcome.note)
        outcome.expect(grown < 60e6, outcome.note)
        good.session.close()
    finally:
        place.close()
    return outcome
