"""`tui-trainer run` on a terminal: a bad configuration closes the screen and is one line on stderr."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import termios
from collections.abc import Callable
from time import monotonic
from typing import NamedTuple

import pytest

ENTER_SCREEN, LEAVE_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"
SHOW_CURSOR = b"\x1b[?25h"


class TerminalResult(NamedTuple):
    """A finished process: its exit code, all that the terminal received, and whether the terminal modes are back."""

    code: int
    output: bytes
    modes_restored: bool

    @property
    def message(self) -> str:
        """The text after the screen was left, without control sequences."""
        text = self.output.rpartition(LEAVE_SCREEN)[2]
        return re.sub(r"\x1b(\[[0-9:;<=>?]*[ -/]*[@-~]|\][^\x07]*\x07)", "", text.decode()).strip()


@pytest.fixture
def on_terminal(shell) -> Callable[..., TerminalResult]:
    """Run the program on a pseudo-terminal until it ends."""

    def run(*arguments: str) -> TerminalResult:
        master, slave = pty.openpty()
        modes = termios.tcgetattr(slave)
        process = subprocess.Popen(
            [sys.executable, "-m", "tui_trainer", *arguments],
            cwd=shell.directory,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env=os.environ | {"TERM": "xterm-256color", "LANG": "C.UTF-8", "COLUMNS": "200", "LINES": "30"},
        )
        output, deadline = b"", monotonic() + 120
        try:
            while process.poll() is None or select.select([master], [], [], 0)[0]:
                assert monotonic() < deadline, output
                if select.select([master], [], [], 0.05)[0]:
                    output += os.read(master, 1 << 16)
            return TerminalResult(process.returncode, output, termios.tcgetattr(slave) == modes)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            os.close(master)
            os.close(slave)

    return run


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["wrong.toml"], ["wrong.toml", "optimizer.lrr", "did you mean 'lr'"]),
        (["tiny.toml", "optimizer.lr=-1"], ["optimizer.lr", "-1", "must be"]),
    ],
    ids=["file", "override"],
)
def test_a_bad_setting_closes_the_screen_and_is_one_line_and_exit_code_2(on_terminal, shell, arguments, parts):
    (shell.directory / "wrong.toml").write_text("[optimizer]\nlrr = 0.1\n")
    result = on_terminal("run", *arguments)
    assert ENTER_SCREEN in result.output  # the first frame was shown before the configuration was checked
    assert result.code == 2
    assert result.message.startswith("tui-trainer: ")
    assert "\n" not in result.message
    assert [part for part in parts if part not in result.message] == [], result.message
    assert result.modes_restored
    assert result.output.rfind(SHOW_CURSOR) > result.output.rfind(b"\x1b[?25l")
    assert shell.runs == []


@pytest.mark.parametrize("preset", ["digts-mlp", "none.toml", "bad.toml"])
def test_a_missing_or_malformed_preset_is_refused_without_opening_the_screen(on_terminal, shell, preset):
    (shell.directory / "bad.toml").write_text("a = 1\nb = = 2\n")
    result = on_terminal("run", preset)
    assert result.code == 2
    assert ENTER_SCREEN not in result.output
    assert preset in result.message
    assert shell.runs == []
