"""What a model prints while it trains is seen: at once, to the last word, and also where it ends the process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.session.conftest import SessionClient
from tests.support import tiny_config, wait_for
from tui_trainer.config.preset import Preset
from tui_trainer.host.spec import host_spec
from tui_trainer.protocol import events as ev
from tui_trainer.runs.journal import Follower
from tui_trainer.session.finished_run import JournalSession
from tui_trainer.session.launch import Launched, launch

TALKATIVE = """
import ctypes, os, sys
from torch import nn

class Talkative(nn.Module):
    def __init__(self, inputs, outputs, code):
        super().__init__()
        self.line, self.code, self.calls = nn.Linear(inputs[0], outputs), code, 0

    def forward(self, x):
        self.calls += 1
        exec(self.code, {"n": self.calls, "os": os, "sys": sys, "c": ctypes.CDLL(None)})
        return self.line(x)

def make(inputs, outputs, code):
    return Talkative(inputs, outputs, code)
"""
ABORT = """
if n == 3:
    print("a line of the model")
    c.printf(b"native: the library is not well\\n")
    os.write(2, b"  what():  it gave up")
    os.abort()
"""


@pytest.fixture
def talk(tmp_path, monkeypatch):
    """A function that launches a host whose model runs some code in each call."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "talkative.py").write_text(TALKATIVE)
    started: list[Launched] = []

    def start(code: str, **training) -> tuple[Launched, Path]:
        model = {"kind": "import", "path": "talkative:make", "arguments": {"code": code}}
        preset = Preset(name="talk", source="test", runs={"": tiny_config(model=model, training=training)})
        spec = host_spec(preset, str(tmp_path / "runs"), "run", ["test"], trust=True)
        started.append(launch(spec))
        return started[-1], Path(spec.runs[0].path)

    yield start
    for launched in started:
        if launched.alive():
            launched.process.kill()
        launched.process.wait(120)


def logged(folder: Path) -> list[str]:
    """Return the printed lines that the journal holds."""
    follower = Follower(folder / "events.jsonl")
    events = []
    while more := follower.read(1 << 20):
        events += more
    return [
        line for event in events if isinstance(event, ev.Logged) and event.source == "output" for line in event.lines
    ]


def test_what_is_printed_is_seen_at_once_and_no_kill_loses_it(talk):
    code = "if n <= 3: print(f'batch {n} seen')\nif n == 4: c.printf(b'native words\\n'); print('begun', end='')"
    launched, folder = talk(code, epochs=1_000_000, steps_per_second=50)
    lines = ["batch 1 seen", "batch 2 seen", "batch 3 seen", "native words"]
    wait_for(lambda: (folder / "events.jsonl").exists() and {*lines, "begun"} <= {*logged(folder)})
    os.kill(launched.process.pid, signal.SIGKILL)
    launched.process.wait(120)
    assert (folder / "host.log").read_text() == "\n".join([*lines, "begun"])


def test_the_last_words_and_the_last_state_of_a_bar_are_seen_without_colours(talk):
    code = """
if n == 1: sys.stderr.write("\\x1b[32mINFO\\x1b[0m ok\\n")
if n < 9: sys.stderr.write(f"\\r\\x1b[1m{n}/8\\x1b[0m")
if n == 9: sys.stderr.write("\\n")
if n == 9: sys.stdout.write("the end \\u5b66")
if n == 9: c.printf(b", natively")
"""
    launched, folder = talk(code, epochs=2)
    assert launched.process.wait(120) == 0
    lines = logged(folder)
    assert lines[0] == "INFO ok"
    assert "8/8" in lines
    assert lines[-1] == "the end 学, natively"
    assert "\\u001b" not in (folder / "events.jsonl").read_text()
    assert "\x1b" not in (folder / "events.jsonl").read_text()


def test_a_character_that_the_locale_lacks_ends_no_training(talk, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    launched, folder = talk("print('\\u5b66\\u4e60', '\\udc80') if n == 1 else None", epochs=1)
    assert launched.process.wait(120) == 0
    assert logged(folder) == ["学习 \\udc80"]


def test_the_words_of_a_native_library_that_ends_the_process_are_the_reason(talk):
    launched, folder = talk(ABORT, epochs=2)
    viewer = SessionClient(launched.session())
    viewer.until(viewer.notices)
    said = "Aborted; it last printed: native: the library is not well | what():  it gave up"
    assert viewer.notices()[-1].text == f"the host crashed in native code (SIGABRT): {said}"
    later = SessionClient(JournalSession(folder))
    later.until(later.notices)
    assert later.notices()[-1].text.endswith(f"the host crashed in native code: {said}")


def test_a_library_that_exits_has_its_words_told(talk):
    launched, _ = talk("c.puts(b'Error #15: two of them') if n == 2 else None\nif n == 2: os._exit(3)", epochs=2)
    viewer = SessionClient(launched.session())
    viewer.until(viewer.notices)
    assert viewer.notices()[-1].text == "the host ended with exit code 3: Error #15: two of them"


def test_training_without_a_screen_tells_them_on_standard_error(tmp_path, forks):
    (tmp_path / "talkative.py").write_text(TALKATIVE)
    (tmp_path / "talk.toml").write_text(
        f"""
[data]
kind = "moons"
samples = 120
[model]
kind = "import"
path = "talkative:make"
arguments = {{ code = {json.dumps(ABORT)} }}
[optimizer]
kind = "sgd"
lr = 0.1
[training]
epochs = 2
threads = 1
"""
    )
    command = [sys.executable, "-m", "tui_trainer", "run", "talk.toml", "--trust", "--headless", "--name", "a"]
    with open(tmp_path / "err", "w+") as err:
        process = forks.popen(
            command, cwd=tmp_path, env=dict(os.environ), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err
        )
        assert process.wait(120) == -signal.SIGABRT
        wait_for(lambda: (tmp_path / "err").read_text().endswith("\n"))
    (line,) = (tmp_path / "err").read_text().splitlines()
    assert line.startswith(
        "tui-trainer: the host crashed in native code: Aborted; it last printed: native: the library"
    )
    assert "is not well | what():  it gave up" in line
    assert line.endswith("host.log")
