"""Measure speed and memory, and print one table: `python -m benchmarks [NAME ...] [--quick]`."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import traceback
from datetime import datetime
from pathlib import Path

from benchmarks.figures import Effort, figures
from benchmarks.sandbox import leave_nothing
from benchmarks.statistics import Row
from benchmarks.table import machine, table


def main() -> int:
    """Measure the named figures, or all of them."""
    known = figures()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"figures or prefixes of their names: {', '.join(known)}"
    )
    parser.add_argument("--quick", action="store_true", help="three rounds of each, and shorter long runs")
    parser.add_argument("--rounds", type=int, default=0, help="rounds of each figure")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="trainings of find-lr: kept there, and not repeated")
    given = parser.parse_args()
    unknown = [name for name in given.names if not any(figure.startswith(name) for figure in known)]
    if unknown:
        parser.error(f"no figure {unknown[0]!r}; there are {', '.join(known)}")
    selected = [name for name in known if not given.names or any(name.startswith(part) for part in given.names)]
    effort = Effort(rounds=given.rounds or (3 if given.quick else 7), quick=given.quick, keep=given.keep)
    leave_nothing()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    machine_line = machine()
    began = datetime.now()
    rows: list[Row] = []
    for name in selected:
        print(f"{datetime.now():%H:%M:%S} {name} ...", file=sys.stderr, flush=True)
        try:
            rows += known[name](effort)
        except KeyboardInterrupt:
            print("interrupted: the table holds the figures measured so far", file=sys.stderr)
            break
        except Exception as error:  # noqa: BLE001 - one figure that cannot be measured must not lose the others
            traceback.print_exc()
            rows.append(Row(name, skipped=f"{type(error).__name__}: {error}"))
    print(f"$ {shlex.join(['python', '-m', 'benchmarks', *sys.argv[1:]])}")
    print(f"{began:%Y-%m-%d %H:%M} - {datetime.now():%H:%M}. {machine_line}\n")
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
