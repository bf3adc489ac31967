"""Seconds to open the same long run in other viewers, each in its own format."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import psutil

from benchmarks import synthetic_journals
from benchmarks.figures import Effort
from benchmarks.sandbox import ROOT, Sandbox
from benchmarks.statistics import Row, ratios, spread
from benchmarks.terminal import Terminal

PYTHON = os.environ.get("BENCH_VIEWERS", "")
"""The interpreter of the environment with the viewers and tensorboardX: `BENCH_VIEWERS=/path/to/venv/bin/python`."""
OURS = [sys.executable, "-m", "tui_trainer", "open"]
QUIET = 8.0
"""Seconds without a change after which the screen counts as complete."""
PATIENCE = 180.0
BLOCKS = frozenset("▀▁▂▃▄▅▆▇▖▗▘▙▚▛▜▝▞▟╱╲")
"""Glyphs other than braille that curves are drawn with; frames and bars use others."""
ALIKE = 0.98
"""Share of the cells that must equal the last screen: a clock or a cursor may change."""


def others(effort: Effort) -> list[Row]:
    """Measure 100,000 steps of five metrics; writing ten times as many in all formats takes a quarter of an hour."""
    steps, metrics, rounds = 100_000, 5, effort.fewer(3)
    what = f"open {steps:,} steps x {metrics} metrics"
    if not PYTHON:
        return [Row(what, "LEET, terminalboard, ltui", skipped="BENCH_VIEWERS is not set")]
    bin_ = Path(PYTHON).parent
    sandbox = Sandbox()
    try:
        synthetic_journals.write(sandbox.folder("long"), steps, metrics)
        table = sandbox.directory / "csv" / "version_0" / "metrics.csv"
        _write_csv(table, steps, metrics)
        written = {kind: _converted(sandbox, kind, table) for kind in ("tensorboard", "wandb")}
        commands = {
            "ours": [*OURS, "long"],
            "ours on TensorBoard": [*OURS, str(sandbox.directory / "tensorboard")],
            "ours on CSV": [*OURS, str(table)],
            "LEET": [str(bin_ / "wandb"), "leet", str(sandbox.directory / "wandb" / "wandb")],
            "terminalboard": [str(bin_ / "terminalboard"), str(sandbox.directory / "tensorboard")],
            "ltui": [str(bin_ / "ltui"), str(sandbox.directory / "csv")],
        }
        reasons = {name: "not installed" for name in commands if not Path(commands[name][0]).exists()}
        needs = {"ours on TensorBoard": "tensorboard", "terminalboard": "tensorboard", "LEET": "wandb"}
        reasons |= {name: written[kind] for name, kind in needs.items() if written[kind]}
        commands = {name: command for name, command in commands.items() if name not in reasons}
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        memory: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                for cache in sandbox.folder("long").glob(".fold*"):
                    cache.unlink()
                took, used = _open(sandbox, command)
                seconds[name].append(took)
                memory[name].append(used)
    finally:
        sandbox.close()
    pairs = (
        ("LEET", "ours"),
        ("terminalboard", "ours"),
        ("ltui", "ours"),
        ("terminalboard", "ours on TensorBoard"),
        ("ltui", "ours on CSV"),
    )
    rows: list[Row] = []
    for name, own in pairs:
        title = f"{what}: until everything is drawn, {name}"
        if reason := reasons.get(name) or reasons.get(own):
            rows.append(Row(title, own, skipped=reason))
            continue
        on_its_format = " on " in own
        rows.append(
            Row(
                title,
                own,
                ratios(seconds[name], seconds[own]),
                target=2 if on_its_format else None,
                comparison=">=" if on_its_format else "",
                note=f"{spread(seconds[name])[1]:.1f} / {spread(seconds[own])[1]:.1f} s, "
                f"{spread(memory[name])[1]:.0f} / {spread(memory[own])[1]:.0f} MiB",
            )
        )
    return rows


def _converted(sandbox: Sandbox, kind: str, table: Path) -> str:
    """Write the curves in another format. Returns why that was not possible, empty where it was."""
    script, target = ROOT / "benchmarks" / "other_formats.py", sandbox.directory / kind
    done = subprocess.run(
        [PYTHON, str(script), kind, str(table), str(target)], capture_output=True, text=True, cwd=sandbox.directory
    )
    return f"{kind}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}" if done.returncode else ""


def _write_csv(path: Path, steps: int, metrics: int) -> None:
    """Write the curves like Lightning's CSVLogger."""
    path.parent.mkdir(parents=True)
    names = synthetic_journals.METRICS[:metrics]
    with path.open("w") as file:
        file.write(",".join(("epoch", "step", *names)) + "\n")
        for first in range(1, steps + 1, synthetic_journals.EACH):
            event = synthetic_journals.scalars(first, min(first + synthetic_journals.EACH - 1, steps), metrics, steps)
            for index, step in enumerate(event.steps):
                values = ",".join(repr(event.values[name][index]) for name in names)
                file.write(f"{step // 1000},{step},{values}\n")


def _open(sandbox: Sandbox, command: list[str]) -> tuple[float, float]:
    """Return the seconds until the chart stood on the screen and nothing changed any more, and the MiB in use then."""
    began = monotonic()
    terminal = Terminal(command, 140, 40, sandbox.environ, str(sandbox.directory), interpret=True)
    seen: list[tuple[float, str]] = []
    try:
        while monotonic() - began < PATIENCE:
            sleep(0.1)
            text = terminal.text
            if not seen or text != seen[-1][1]:
                seen.append((monotonic() - began, text))
            unchanged = _since(seen)
            if has_chart(text) and monotonic() - began - unchanged > QUIET:
                return unchanged, memory_of(terminal.process.pid)
    finally:
        terminal.close()
    return float("nan"), float("nan")


def has_chart(text: str) -> bool:
    """Return whether a curve stands on the screen: braille, blocks or slanted lines in many cells."""
    return sum(0x2800 < ord(sign) <= 0x28FF or sign in BLOCKS for sign in text) > 60


def _since(seen: list[tuple[float, str]]) -> float:
    """Return the time since which the screen has looked like the last one."""
    last = seen[-1][1]
    since = seen[-1][0]
    for at, text in reversed(seen):
        if sum(a == b for a, b in zip(text, last, strict=False)) < ALIKE * len(last):
            break
        since = at
    return since


def memory_of(process: int) -> float:
    """Return the resident MiB of a program and its children."""
    viewer = psutil.Process(process)
    return sum(one.memory_info().rss for one in [viewer, *viewer.children(recursive=True)]) / 2**20
