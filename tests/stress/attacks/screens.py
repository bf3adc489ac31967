"""Hostile names on every screen; random keys and sizes."""

from __future__ import annotations

import asyncio
import os
import random
import re
import sys
import time
from pathlib import Path

from textual import events
from textual.geometry import Size

from benchmarks.sandbox import ROOT, Sandbox
from tests.stress.attacks import Outcome
from tests.stress.attacks.hostile import hostile_events
from tests.ui.fake_session import LEAVING, app_over, finished, not_today, running, trained
from tests.ui.terminal.pseudo_terminal import Pseudo
from tui_trainer.protocol.codec import encode_event
from tui_trainer.text import visible
from tui_trainer.ui.actions import ACTIONS

PAYLOADS = [
    "p\x1b[31mred", "p\x1b]0;title\x07", "p\x1b]52;c;aGVsbG8=\x07", "p\x1b[2J\x1b[H", "p\x1b[?1049l",
    "p\x1bPq#0~\x1b\\", "p\x1b[6n", "p\x1bc", "p\x9b31m", "p\x9d0;x\x9c", "p\x90q\x9c", "p\x85\x8d",
    "p\u202eevil\u202c", "p\u2066x\u2069\u200f", "p\u200b\ufeff\u2028", "p[@click=app.quit]x[/]",
    "p[/] [/ [b] $error {0} %s", "p\x00\x07\x08\x08\r\n\t\x7f", "p\x1b[201~\x1b[200~", "p\u061cq\u200d",
]  # fmt: skip
"""Hostile names. Each begins with a letter, by which the screen is searched."""

WALKS = {
    "dashboard": ["w", "w", "1", "1", "2", "2", "4", "4", "[", "]", "\t", "-", ":", "\x1b", "?", "\x1b", "s", "\x1b",
                  "o", "\x1b", "oo", "\x1b", "or", "\x1b", "op", "\x1b", "og", "\x1b", "on", "\x1b", "oE", "\x1b",
                  "ob", "\x1b", "e", "\x1b", "y", "\x1b", "/", "a", "\r", "n", "q", "c", "d"],
    "over": ["1", "1", "w", "w", "[", "?", "\x1b", "q"],
    "home": ["\x1b[B", "j", "/", "p", "\x7f", "\x1b", "?", "\x1b", ":", "\x1b", "\r", "\x1b", "d", "q", "q"],
}  # fmt: skip
_OURS = re.compile(
    r"\x1b\[[?<>]?[0-9;]*(\$p|[a-zA-Z])|\x1b\]22;[a-z-]*\x07|\x1b\[[0-9]+ q|[\r\n]"
    r"|\x07?\x1b\](2|9|777;notify);[^\x00-\x1f\x7f-\x9f]*\x07"
)
"""Sequences of the screen: positions, colours, modes, the shape of the pointer, title, bell and notification."""
_FOREIGN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_NEVER = ("\x1b[2J", "\x1b]0;", "\x1b]52", "\x1b[6n", "\x1bc", "\x1bP", "\x1b[31m")
"""Sequences of the payloads that the screen never sends."""


def payloads(times: int, _seed: int) -> Outcome:
    """Use escape sequences, overrides and markup as all names, on every screen and in the output of commands."""
    outcome, before = Outcome(), Path.cwd()
    os.chdir(ROOT)
    sandbox = Sandbox()
    screens = 0
    try:
        for payload in PAYLOADS[:times]:
            if outcome.late:
                break
            outcome.times += 1
            for what, keys in WALKS.items():
                problem = _walk(payload, what, keys)
                screens += len(keys)
                outcome.expect(not problem, f"{payload!r} on {what}: {problem}")
            for problem in _printed(sandbox, payload):
                outcome.expect(False, f"{payload!r} printed: {problem}")
        outcome.note = f"{screens} screens"
    finally:
        os.chdir(before)
        sandbox.close()
    return outcome


def _walk(payload: str, what: str, keys: list[str]) -> str:
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in payload)
    terminal = Pseudo(sys.executable, "-m", "tests.stress.attacks.hostile", escaped, what, size=(140, 40))
    try:
        terminal.until(lambda: visible(payload)[:4] in terminal.text, 60)
        for key in keys:
            if terminal.ended():
                break
            terminal.press(key)
            terminal.quiet(0.4 if key == "\x1b" else 0.1)
        if not terminal.ended():
            terminal.press("qd")
        terminal.leave()
        if b"\x1b[?1049h" not in terminal.raw:
            return "nothing was drawn"
        return foreign(terminal.raw.decode(errors="replace"))
    except AssertionError as error:
        return str(error)[:300]
    finally:
        terminal.close()


def foreign(text: str) -> str:
    """Return the control characters in the output that are not the screen's own, else an empty text."""
    drawn = text[text.find("\x1b[?1049h") :]
    for sequence in _NEVER:
        if sequence in drawn:
            return f"{sequence!r} reached the terminal"
    found = _FOREIGN.findall(_OURS.sub("", drawn))
    return f"foreign characters: {sorted(set(found))}" if found else ""


def _printed(sandbox: Sandbox, payload: str) -> list[str]:
    """Return the problems in the output of commands about a run folder full of the payload."""
    folder = sandbox.folder("odd")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.toml").write_text("")
    lines: list[bytes] = []
    text = payload.encode("utf-8", "replace").decode()
    for number, event in enumerate([*hostile_events(text), finished("failed", text, 1)], start=1):
        stamp = {"seq": number, "at": "2026-11-24T12:00:00Z", "run": text}
        lines.append(encode_event(event.model_copy(update=stamp)))
    (folder / "events.jsonl").write_bytes(b"".join(lines))
    problems: list[str] = []
    typed = text.replace("\0", "")
    for arguments in (
        ("runs",), ("runs", "--json"), ("compare", "odd"), ("compare", "odd", "--json"), ("send", "odd", "pause"),
        ("resume", typed), ("run", typed), ("export", "odd", "--to", typed),
    ):  # fmt: skip
        code, out, err = sandbox.run(*arguments)
        found = sorted(set(_FOREIGN.findall((out + err).replace("\n", ""))))
        if found or "Traceback" in err or code not in (0, 1, 2):
            problems.append(f"{arguments[0]}: exit code {code}, {found} {err[-200:]}")
    return problems


TYPED = [
    "escape", "enter", "tab", "shift+tab", "backspace", "home", "end", "a", "1", "0", "x", "f12", "delete", "space",
    "up", "down", "left", "right", "e", "9", "full_stop", "minus", "left_parenthesis",
]  # fmt: skip


def random_keys(times: int, seed: int) -> Outcome:
    """Press random keys and resize after every tenth: no exception, and the screen stays responsive."""
    outcome = Outcome()
    try:
        asyncio.run(_storm(outcome, times, random.Random(seed)))
    except Exception as error:  # noqa: BLE001 - any exception is a failure
        outcome.expect(False, f"{type(error).__name__}: {error}")
    return outcome


async def _storm(outcome: Outcome, times: int, source: random.Random) -> None:
    session = running("set/a", "set/b")
    session.reply = not_today
    app = app_over(session)
    keys = [key for action in ACTIONS for key in action.keys if key not in LEAVING] + TYPED
    sizes = 0
    slowest = 0.0
    async with app.run_test(size=(100, 30)) as pilot:
        while outcome.times < times and app.is_running and not outcome.late:
            for _ in range(10):
                key = source.choice(keys)
                app.post_message(events.Key(key, key if len(key) == 1 else {"space": " "}.get(key)))
                outcome.times += 1
            if source.random() < 0.3:
                x, y = source.randrange(100), source.randrange(30)
                app.post_message(events.MouseDown(None, x, y, 0, 0, 1, False, False, False))
                app.post_message(events.MouseUp(None, x, y, 0, 0, 1, False, False, False))
            size = Size(source.randint(1, 300), source.randint(1, 100))
            app.post_message(events.Resize(size, size))
            sizes += 1
            session.play(*trained(10, 201 + outcome.times), run=source.choice(["set/a", "set/b"]))
            begun = time.monotonic()
            while app.is_running and app._key_queue.busy:
                outcome.expect(time.monotonic() - begun < 60, "the screen is stuck")
                if time.monotonic() - begun > 60:
                    return
                await asyncio.sleep(0.002)
            app.tick()
            await pilot.pause()
            slowest = max(slowest, time.monotonic() - begun)
        outcome.expect(app.is_running, f"the application ended after {outcome.times} keys")
        outcome.expect(not app.errors, f"display error: {app.errors}")
        app.post_message(events.Resize(Size(100, 30), Size(100, 30)))
        for _ in range(4):
            app.post_message(events.Key("escape", None))
            await pilot.pause(0.05)
        outcome.expect(app.dashboard is not None, "the dashboard is gone")
    outcome.note = f"{sizes:,} sizes; slowest ten keys {slowest:.1f} s"
