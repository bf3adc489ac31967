"""The viewer in a real pseudo-terminal: it draws, ends, and restores the terminal."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ui.terminal.pseudo_terminal import ROOT, Pseudo

Start = Callable[..., Pseudo]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts viewers; they are ended after the test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))  # the screen remembers beside the settings
    begun: list[Pseudo] = []

    def viewer(*mode: str, **options: Any) -> Pseudo:
        begun.append(Pseudo.viewer(*mode, **options))
        return begun[-1]

    yield viewer
    for terminal in begun:
        terminal.close()


def test_a_session_is_drawn_paused_and_detached(start: Start) -> None:
    terminal = start()
    terminal.shows("1 loss")
    terminal.press(" ")
    terminal.shows("paused")
    terminal.resize(60, 20)
    terminal.until(lambda: "1 loss" in terminal.text and any("paused" in line for line in terminal.screen.display[17:]))
    terminal.press("q")
    terminal.shows("Leave it training")
    terminal.press("d")
    assert terminal.leave() == 0
    assert terminal.restored()
    assert b"tui-trainer attach digits" in terminal.raw


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT], ids=lambda number: number.name
)
def test_signals_restore_the_terminal(start: Start, number: signal.Signals) -> None:
    terminal = start()
    terminal.shows("1 loss")
    terminal.kill(number)
    assert terminal.leave() == 128 + number
    assert terminal.restored()


def test_a_hanging_viewer_is_ended_and_the_terminal_restored(start: Start) -> None:
    terminal = start()
    terminal.shows("1 loss")
    begun = time.monotonic()
    terminal.kill(signal.SIGSTOP)  # nothing in it can run
    terminal.kill(signal.SIGTERM)
    terminal.kill(signal.SIGCONT)
    assert terminal.leave() == 128 + signal.SIGTERM
    assert time.monotonic() - begun < 120
    assert terminal.restored()


def test_a_terminal_that_is_not_read_does_not_block_the_exit(start: Start) -> None:
    terminal = start(size=(200, 60))
    terminal.shows("1 loss")
    for size in [(190, 60), (200, 60)] * 4:  # whole frames, until the line is full
        terminal.resize(*size)
        time.sleep(0.15)
    terminal.kill(signal.SIGTERM)
    deadline = time.monotonic() + 120
    while not terminal.ended():
        assert time.monotonic() < deadline, "the exit waits for the terminal to be read"
        time.sleep(0.02)


def test_a_closed_terminal_ends_the_viewer(start: Start) -> None:
    terminal = start()
    terminal.shows("1 loss")
    fd, terminal.fd = terminal.fd, os.open(os.devnull, os.O_RDWR)
    os.close(fd)
    deadline = time.monotonic() + 120
    while not terminal.ended():
        assert time.monotonic() < deadline, "the viewer runs on without a terminal"
        time.sleep(0.02)
    assert terminal.status == 129


def test_a_closed_terminal_ends_the_viewer_if_hangups_are_ignored(start: Start) -> None:
    terminal = Pseudo("/bin/sh", "-c", f"trap '' HUP; exec {sys.executable} -m tests.ui.terminal.viewer")
    try:
        terminal.shows("1 loss")
        fd, terminal.fd = terminal.fd, os.open(os.devnull, os.O_RDWR)
        os.close(fd)
        deadline = time.monotonic() + 120
        while not terminal.ended():
            assert time.monotonic() < deadline, "the viewer runs on without a terminal"
            time.sleep(0.02)
        assert terminal.status == 129
    finally:
        terminal.close()


def test_suspend_and_resume(start: Start) -> None:
    terminal = start()
    terminal.shows("1 loss")
    terminal.press("\x1a")

    def stopped() -> bool:
        return Path(f"/proc/{terminal.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"

    terminal.until(stopped)
    terminal.read()
    assert terminal.restored()
    terminal.screen.reset()
    terminal.kill(signal.SIGCONT)
    terminal.shows("1 loss")
    terminal.press(" ")
    terminal.shows("paused")


def test_stop_and_continue_by_signals(start: Start) -> None:
    terminal = start()
    terminal.shows("1 loss")
    terminal.kill(signal.SIGSTOP)
    terminal.screen.reset()
    terminal.kill(signal.SIGCONT)
    terminal.shows("1 loss")
    terminal.press(" ")
    terminal.shows("paused")
    terminal.press("d")
    assert terminal.leave() == 0


def test_a_key_pressed_while_resuming_is_not_lost(start: Start) -> None:
    terminal = start()
    terminal.shows("saves hidden (f shows)")
    for _ in range(6):
        terminal.kill(signal.SIGSTOP)
        terminal.press("f")
        terminal.kill(signal.SIGCONT)
        terminal.until(lambda: "(f shows)" not in terminal.text)
        terminal.kill(signal.SIGSTOP)
        terminal.kill(signal.SIGCONT)
        terminal.press("f")
        terminal.shows("saves hidden (f shows)")


def test_keys_of_a_slow_line_act_in_order(start: Start) -> None:
    terminal = start()
    terminal.shows("1 loss")
    terminal.press("on\x7fab\x7fc\r ")
    terminal.shows("paused")
    terminal.press("on")
    terminal.shows("─ Note ─")
    terminal.press("x\x7fyes\x7f\x7fou\rd")
    assert terminal.leave() == 0


def test_malformed_input_changes_nothing(start: Start) -> None:
    terminal = start()
    terminal.shows("1 loss")
    for data in (
        b"\xff\xfe\x80",
        b"\x1b[M\xff\xff\xff",
        b"\x1b[99999999999999999999u",
        b"\x1b[<0;9999;9999M",
        b"\x1b[1;1;1114112u",
    ):
        terminal.press(data)
        terminal.read()
    terminal.press(b"\x1b[48;1;1;1;1t")
    terminal.until(lambda: "▶" in terminal.screen.display[0])
    terminal.press("?")
    terminal.shows("Move on the charts")
    terminal.press("\x1b")
    terminal.until(lambda: "Move on the charts" not in terminal.text)
    terminal.press(" ")
    terminal.shows("paused")


def test_no_untrusted_control_character_reaches_the_terminal(start: Start) -> None:
    terminal = start("hostile")
    terminal.shows("★")
    for key, sign in [
        ("w", "layers ─"),
        ("w", "1 loss"),
        ("1", "1 loss"),
        ("1", "2 rate"),
        ("[", "means over"),
        (":", "─ Commands ─"),
    ]:
        terminal.press(key)
        terminal.shows(sign)
    terminal.press("\x1b")
    terminal.until(lambda: "─ Commands ─" not in terminal.text)
    terminal.press("d")
    assert terminal.leave() == 0
    drawn = terminal.raw[terminal.raw.index(b"\x1b[?1049h") : terminal.raw.rindex(b"\x1b[?1049l")].decode()
    assert "]52" in drawn
    assert "\x1b]52" not in drawn
    title = r"\x1b\]2;[^\x00-\x1f\x7f-\x9f]*\x07"
    ours = re.sub(rf"\x1b\[[?<>]?[0-9;]*(\$p|[a-zA-Z])|\x1b\]22;[a-z-]*\x07|{title}|[\r\n]", "", drawn)
    found = re.findall("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", ours)
    assert found == []
    assert "\x1b[2J" not in drawn


def test_a_failing_tick_is_reported_and_survived(start: Start, tmp_path: Path) -> None:
    terminal = start("failing")
    terminal.shows("display error: RuntimeError: drain is broken on purpose")
    terminal.press("d")
    assert terminal.leave() == 0
    log = next(tmp_path.rglob("screen.log")).read_text()
    assert "Traceback" in log
    assert "drain is broken on purpose" in log


def test_a_crash_is_one_line_and_exit_code_one(start: Start, tmp_path: Path) -> None:
    terminal = start("crash")
    assert terminal.leave() == 1
    assert terminal.restored()
    said = terminal.raw[terminal.raw.rindex(b"\x1b[?1049l") :].decode()
    assert "the screen failed: RuntimeError: broken on purpose; details in" in said
    assert "Traceback" not in said
    assert "Traceback" in next(tmp_path.rglob("screen.log")).read_text()


def test_a_full_repaint_changes_nothing(start: Start) -> None:
    terminal = start()
    terminal.shows("★")
    for key, sign in [("3", "esc close"), ("3", "3 gradient"), ("3", "1 loss"), ("or", "Learning rate")]:
        terminal.press(key)
        terminal.shows(sign)
    terminal.press("\x1b")
    terminal.until(lambda: "Learning rate" not in terminal.text)
    terminal.press("L")
    terminal.shows("logarithmic y axis")
    terminal.press(" ")
    terminal.until(lambda: "paused" in terminal.screen.display[0])
    terminal.quiet()
    before = terminal.screen.display[:-1]  # the message in the last line goes away by itself
    terminal.press("\x0c")
    size = len(terminal.raw)
    terminal.until(lambda: len(terminal.raw) - size > 3000)
    terminal.quiet()
    assert terminal.screen.display[:-1] == before


def refused(*command: str, **environ: str) -> Pseudo:
    terminal = Pseudo(*command, **environ)
    terminal.leave()
    terminal.close()
    return terminal


VIEWER = f"cd {ROOT}; {sys.executable} -m tests.ui.terminal.viewer"


@pytest.mark.parametrize(
    ("shell", "environ", "words"),
    [
        (f"{VIEWER} </dev/null", {}, "stdin is not a terminal"),
        (f"{VIEWER} <&-", {}, "stdin is not a terminal"),
        (f"{VIEWER} | cat", {}, "stdout is not a terminal"),
        (f"({VIEWER} 2>&1 >&3 | cat) 3>&1", {}, "stderr is not a terminal"),
        (VIEWER, {"TERM": "dumb"}, "cannot move the cursor (TERM=dumb)"),
        (VIEWER, {"TERM": ""}, "cannot move the cursor (TERM=unset)"),
        (VIEWER, {"PYTHONIOENCODING": "latin-1"}, "the charts need UTF-8"),
    ],
    ids=["null", "closed", "pipe", "stderr", "dumb", "unset", "latin-1"],
)
def test_a_missing_terminal_is_reported_in_one_line(shell: str, environ: dict[str, str], words: str) -> None:
    said = refused("/bin/sh", "-c", shell, **environ).raw.decode()
    assert words in said
    assert "--headless" in said
    assert len(said.strip().splitlines()) == 1


def test_terminal_check_imports_no_textual() -> None:
    code = (
        "import sys, tui_trainer.ui.terminal.terminal_check as p; p.terminal_problem(); print('textual' in sys.modules)"
    )
    assert b"False" in refused(sys.executable, "-c", code).raw


def test_the_title_is_set_and_given_back(start: Start) -> None:
    terminal = start()
    terminal.shows("1 loss")
    terminal.until(lambda: terminal.screen.title.startswith("digits"))
    kept = terminal.raw.index(b"\x1b[22;2t")
    assert kept < terminal.raw.index(b"\x1b]2;digits")
    terminal.press("q")
    terminal.shows("Leave it training")
    terminal.press("d")
    assert terminal.leave() == 0
    assert terminal.raw.rindex(b"\x1b]2;\x07\x1b[23;2t") > terminal.raw.rindex(b"\x1b]2;digits")
    assert terminal.screen.title == ""


def test_a_hostile_name_does_not_leave_the_title(start: Start) -> None:
    terminal = start("hostile")
    terminal.shows("1 loss")
    terminal.until(lambda: terminal.screen.title.startswith("evil"))
    assert terminal.screen.title.isprintable()
    assert b"\x1b]52" not in terminal.raw
