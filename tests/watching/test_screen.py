"""The screen on a script that is not edited, in a real pseudo-terminal: interrupted, hung up, left."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.ui.terminal.pseudo_terminal import Pseudo

pytestmark = pytest.mark.long
LOOP = 'i=0; while :; do i=$((i + 1)); echo "loss: 0.$i"; sleep 0.2; done'
SCRIPT = "echo $$ > {pid}; trap 'echo caught; exit 9' INT; " + LOOP


class Screen:
    """A screen on a shell script that prints a loss and does not end by itself."""

    def __init__(self, folder: Path) -> None:
        self.pid_file, self.runs = folder / "pid", folder / "runs"
        script = SCRIPT.format(pid=self.pid_file)
        words = ("-m", "tui_trainer", "watch", "--name", "try", "--runs-dir", str(self.runs), "--", "sh", "-c", script)
        self.terminal = Pseudo(sys.executable, *words, size=(140, 40), HOME=str(folder), XDG_STATE_HOME=str(folder))
        self.terminal.shows("loss: 0.")

    @property
    def script(self) -> psutil.Process:
        """The process of the script."""
        return psutil.Process(int(self.pid_file.read_text()))

    def finished(self) -> dict[str, object]:
        """Wait for the end of the run in the journal."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            lines = (self.runs / "try" / "events.jsonl").read_text().splitlines(keepends=True)
            events = [json.loads(line) for line in lines if line.endswith("\n")]
            if events[-1]["type"] == "RunFinished":
                return dict(events[-1])
            time.sleep(0.05)
        raise AssertionError("the run did not end")


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    """A screen on a script; both are ended after the test."""
    made = Screen(tmp_path)
    script = made.script
    yield made
    if script.is_running():
        os.killpg(script.pid, signal.SIGKILL)
    made.terminal.close()


def test_ctrl_c_asks_and_then_interrupts_the_script(screen: Screen) -> None:
    screen.terminal.press("\x03")
    screen.terminal.shows("SIGINT to its group")
    screen.terminal.press("s")
    assert screen.terminal.leave() == 9
    assert screen.terminal.restored()
    finished = screen.finished()
    assert (finished["reason"], finished["exit_code"]) == ("stopped", 9)


def test_a_screen_that_is_hung_up_ends_the_script(screen: Screen) -> None:
    script = screen.script
    screen.terminal.kill(signal.SIGHUP)
    assert screen.terminal.leave() == 128 + signal.SIGHUP
    finished = screen.finished()
    assert (finished["reason"], finished["exit_code"]) == ("interrupted", 128 + signal.SIGTERM)
    assert not script.is_running()


def test_a_screen_that_is_left_leaves_the_script_running(screen: Screen) -> None:
    screen.terminal.press("q")
    screen.terminal.shows("Leave it training")
    screen.terminal.press("d")
    assert screen.terminal.leave() == 0
    assert screen.script.is_running()
    os.kill(screen.script.pid, signal.SIGKILL)
    assert screen.finished()["detail"] == "the script was killed by SIGKILL"
