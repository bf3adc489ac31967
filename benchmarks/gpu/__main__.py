"""Try everything on a GPU and print one table: `python -m benchmarks.gpu [ROW ...] [--minutes 6] [--json PATH]`.

Nothing is downloaded. Each row is a process of its own with a time limit: an error, a crash or a hang loses that row
alone, and the table says why. Rows are in order of worth; those for which no time is left are listed as not begun.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from time import monotonic

from benchmarks.gpu.results import Result, read, table
from benchmarks.gpu.rows import ROWS

ROOT = Path(__file__).parents[2]
LEAST = 10.0
"""Seconds without which a row is not begun."""
TAIL = 6
"""Last lines of an error that are printed."""


def run_row(name: str, limit: float, device: str, log: Path) -> list[Result]:
    """Run a row in a process of its own. Returns its results, the last one of which says how it broke off."""
    out = log.with_suffix(".jsonl")
    began = monotonic()
    command = [sys.executable, "-m", "benchmarks.gpu.rows", name, "--device", device, "--out", str(out)]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, "--seconds", f"{limit:.0f}"],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": path},
        )
        try:
            code = process.wait(limit)
            problem = "" if code == 0 else f"exit code {code}: {_last_words(log)}"
        except subprocess.TimeoutExpired:
            problem = f"stopped after {limit:.0f} s"
        finally:
            _kill(process)
    results = read(out)
    if problem:
        results.append(Result(name, holds=False, note=problem, seconds=monotonic() - began))
    return results


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a row and everything that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " | ".join(lines[-TAIL:] if len(lines) < TAIL or not lines[-1].count(":") else lines[-1:])[:300]


def main() -> int:
    """Run the rows, as far as the time reaches."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="ROW", help=f"rows or prefixes of their names: {', '.join(ROWS)}")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N, or cpu, to prove the script without a GPU")
    parser.add_argument("--minutes", type=float, default=6.0, help="time for all rows together")
    parser.add_argument("--slack", type=float, default=1.0, help="multiplies the time limit of each row: slow machines")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the results there too, after each row")
    given = parser.parse_args()
    unknown = [name for name in given.names if not any(row.startswith(name) for row in ROWS)]
    if unknown:
        parser.error(f"no row {unknown[0]!r}; there are {', '.join(ROWS)}")
    selected = [row for row in ROWS if not given.names or any(row.startswith(name) for name in given.names)]
    deadline = monotonic() + 60 * given.minutes
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="tt-gpu-") as folder:
        for name in selected:
            left = deadline - monotonic()
            if left < LEAST:
                results.append(Result(name, skipped=f"not begun: {max(left, 0):.0f} s of {given.minutes:g} min left"))
                continue
            found = run_row(name, min(ROWS[name] * given.slack, left), given.device, Path(folder, f"{name}.log"))
            for result in found:
                line = f"{result.verdict or 'done':8}{result.name}: {result.value} {result.skipped or result.note}"
                print(line[:240], flush=True)
            results += found
            if given.json is not None:
                _write(given.json, given.device, results)
            if name == "machine" and any(result.holds is False for result in found):
                break
    machine = next((result.note for result in results if result.name == "machine"), "")
    print(f"\n$ python -m benchmarks.gpu {' '.join(sys.argv[1:])}\n{machine}\n")
    print(table(result for result in results if result.name != "machine"))
    if given.json is not None:
        _write(given.json, given.device, results)
    return int(any(result.holds is False for result in results))


def _write(path: Path, device: str, results: list[Result]) -> None:
    rows = [asdict(result) | {"verdict": result.verdict} for result in results]
    path.write_text(json.dumps({"device": device, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
