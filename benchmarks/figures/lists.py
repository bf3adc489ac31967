"""Lists of thousands of runs: a letter typed on the home screen, its rest, and the commands that list."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Generator
from time import monotonic, sleep

from benchmarks.figures import Effort
from benchmarks.figures.quiet import watch
from benchmarks.sandbox import Sandbox
from benchmarks.statistics import Row
from benchmarks.terminal import Terminal

RUNS = 2_000
GROUPS, VARIANTS = 20, 10
"""Groups among them, and runs of each."""
KEPT_EVERY = 20
"""Of as many runs one is tagged, and one is hidden."""
OTHERS = 40
"""Damaged, foreign and hidden folders of each kind beside them."""
WORDS = ("wine", "r19", "comp")
"""Words that are typed, letter by letter; each finds runs."""
ENTRY = 2
"""Line of the search entry."""


def home(effort: Effort) -> list[Row]:
    """Type on the home screen until the letter is seen, then watch it at rest."""
    seconds: list[float] = []
    lost = 0
    with many_runs() as sandbox:
        command = [sys.executable, "-m", "tui_trainer"]
        terminal = Terminal(command, 100, 30, sandbox.environ, str(sandbox.directory), interpret=True)
        try:
            if terminal.wait(lambda text: "first steps" in text, 60) < 0:
                raise RuntimeError(f"the home screen did not list anything: {terminal.text}")
            sleep(2.0)
            for number in range(effort.rounds):
                word = WORDS[number % len(WORDS)]
                terminal.press("/")
                for end in range(1, len(word) + 1):
                    pressed = monotonic()
                    terminal.press(word[end - 1])
                    seen = terminal.wait(lambda text, part=word[:end]: _typed(text) == part, 20)
                    seconds += [seen - pressed] if seen > 0 else []
                    lost += seen < 0
                    sleep(0.1)
                terminal.press("\x1b")
                terminal.wait(lambda text: not _typed(text), 20)
                sleep(0.5)
            terminal.settled(2.0)
            cpu, sent = watch(terminal, effort.rounds, 5.0)
        finally:
            terminal.close()
    note = "100x30" + (f"; {lost} letters not seen" if lost else "")
    name = f"home screen, {RUNS:,} runs"
    return [
        Row(f"{name}: a letter, worst", "", seconds, "s", 0.2, "<=", note, worst=True),
        Row(f"{name}: at rest, CPU", "", cpu, "% of a core", 1.5, "<=", note),
        Row(f"{name}: at rest, bytes/s", "", sent, "B/s", 0, "<=", note),
    ]


def _typed(text: str) -> str:
    """Return what stands in the search entry, empty where that shows its hint."""
    lines = text.splitlines()
    entry = lines[ENTRY].strip() if len(lines) > ENTRY else ""
    return "" if entry.startswith("/") else entry


def commands(effort: Effort) -> list[Row]:
    """Measure the commands that list runs or find one among them."""
    rows: list[Row] = []
    with many_runs() as sandbox:
        for name, arguments in {
            "runs": ("runs",),
            "runs --json": ("runs", "--json"),
            "runs tag=good lr>=0.01": ("runs", "tag=good", "lr>=0.01"),
            "compare r19 last": ("compare", "r19", "last"),
        }.items():
            seconds: list[float] = []
            for _ in range(effort.rounds + 1):
                began = monotonic()
                line = [sys.executable, "-m", "tui_trainer", *arguments]
                subprocess.run(line, cwd=sandbox.directory, env=sandbox.environ, capture_output=True, check=True)
                seconds.append(monotonic() - began)
            rows.append(Row(f"tui-trainer {name}, {RUNS:,} runs", "", seconds[1:], "s", 1.0, "<=", "warm"))
    return rows


@contextlib.contextmanager
def many_runs() -> Generator[Sandbox]:
    """Make a runs directory with copies of one run, some of them in groups, and with folders that are none."""
    sandbox = Sandbox()
    try:
        sandbox.run("run", "wine", "training.epochs=5", "--headless", "--name", "a")
        original = sandbox.folder("a")
        names = [f"g{group}/v{variant}" for group in range(GROUPS) for variant in range(VARIANTS)]
        names += [f"r{number}" for number in range(1, RUNS - len(names))]
        for name in names:
            folder = sandbox.folder(name)
            folder.mkdir(parents=True)
            for file in ("run.toml", "about.json", "events.jsonl"):
                shutil.copy(original / file, folder / file)
        for name in names[::KEPT_EVERY]:
            (sandbox.folder(name) / "kept.json").write_text('{"tags": ["good"]}')
        for name in names[1::KEPT_EVERY]:
            (sandbox.folder(name) / "kept.json").write_text('{"hidden": true}')
        for number in range(OTHERS):
            damaged = sandbox.folder(f"damaged{number}")
            damaged.mkdir()
            (damaged / "events.jsonl").write_bytes(b"\xff\x00{{{\n" * 100)
            (sandbox.folder(f"foreign{number}") / "src" / "deep").mkdir(parents=True)
            (sandbox.folder(f".hidden{number}") / "events.jsonl").parent.mkdir()
        yield sandbox
    finally:
        sandbox.close()
