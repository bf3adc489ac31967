"""What a thousand ranks cost rank 0, and how soon the slow one stands on a screen of 80x24."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks import many_ranks
from benchmarks.figures import Effort
from benchmarks.sandbox import Sandbox, wait_for
from benchmarks.statistics import Row
from benchmarks.terminal import Terminal

RANKS, SECONDS = 1000, 30.0
CHARTS = ("busy_worst", "slowest", "wait")
"""Series under `rank/` whose charts are looked for, on further pages."""


def thousand(effort: Effort) -> list[Row]:
    """Measure 1,000 ranks that send their numbers with each beat, with a screen attached."""
    found: dict[str, list[float]] = {"cpu": [], "grown": [], "journal": [], "named": [], "drawn": []}
    for number in range(effort.fewer(3)):
        for name, value in _once(number).items():
            found[name].append(value)
    what = f"{RANKS:,} ranks"
    return [
        Row(f"{what}: CPU of rank 0", "", found["cpu"], "% of a core", 5, "<=", "gather, aggregation, journal, socket"),
        Row(f"{what}: memory that rank 0 takes", "", found["grown"], "MiB", 100, "<=", f"grown in {SECONDS:g} s"),
        Row(f"{what}: journal", "", found["journal"], "B/s", 2000, "<=", "medians and extremes"),
        Row(
            f"{what}: until the slow one is named on the screen",
            "",
            found["named"],
            "s",
            1,
            "<=",
            "80x24, in the header",
            worst=True,
        ),
        Row(f"{what}: charts under rank/ at 80x24", "", found["drawn"], "", len(CHARTS), ">=", ", ".join(CHARTS)),
    ]


def _once(number: int) -> dict[str, float]:
    sandbox = Sandbox()
    name = f"ranks-{number}"
    try:
        folder = sandbox.folder(name)
        command = [sys.executable, "-m", "benchmarks.many_ranks", str(folder), str(RANKS), str(SECONDS)]
        process = subprocess.Popen(command, env=sandbox.environ, stdout=subprocess.PIPE, text=True)
        if not wait_for(lambda: (folder / "events.jsonl").exists()):
            raise RuntimeError("the ranks did not start")
        attach = [sys.executable, "-m", "tui_trainer", "attach", name]
        terminal = Terminal(attach, 80, 24, sandbox.environ, str(sandbox.directory), interpret=True)
        try:
            if terminal.wait(lambda text: f"worst {many_ranks.FIRST}:" in text) < 0:
                raise RuntimeError("the screen did not name the slow rank")
            named = terminal.wait(lambda text: f"worst {many_ranks.SECOND}:" in text)
            changed = float((folder / many_ranks.CHANGED).read_text())
            seen: set[str] = set()
            for page in range(2, 9):
                terminal.press("}")
                terminal.wait(lambda text, page=page: f"page {page} of" in text, 5.0)
                terminal.settled(0.3, seconds=1.5)  # the charts come after the title of the page
                seen |= {series for series in CHARTS if f"rank/{series}" in terminal.text}
        finally:
            terminal.close()
        out, _ = process.communicate(timeout=120)
        return json.loads(out) | {"named": named - changed if named > 0 else float("inf"), "drawn": float(len(seen))}
    finally:
        sandbox.close()
