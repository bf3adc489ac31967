"""The rows by name, and the process that runs one: `python -m benchmarks.gpu.rows NAME --device D --out FILE`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

from benchmarks.gpu.results import Result

ROWS: dict[str, float] = {
    "machine": 60,
    "digits-mlp": 60,
    "digits-cnn": 60,
    "char-lm": 60,
    "speed-digits-mlp": 60,
    "precision": 60,
    "replay": 90,
    "screen": 60,
    "broken": 90,
    "large": 60,
    "breast-cancer": 40,
    "spirals": 40,
    "coord-scale": 40,
    "speed-digits-cnn": 60,
    "speed-char-lm": 60,
    "processes": 60,
}
"""Most seconds of each row, in order of worth."""


def row(name: str, device: str, seconds: float) -> Iterator[Result]:
    """Yield the results of a row, each as soon as it is there."""
    from benchmarks.gpu import precision, program, same_bits, speed

    if name == "machine":
        return program.machine(device)
    if name in same_bits.FAMILIES:
        return same_bits.family(name, device)
    if name.startswith("speed-"):
        return speed.against_bare_loop(name.removeprefix("speed-"), device, seconds)
    several: dict[str, Callable[[str, float], Iterator[Result]]] = {
        "precision": precision.mixed,
        "replay": program.replay,
        "screen": program.screen,
        "broken": program.broken,
        "large": speed.large,
        "processes": program.processes,
    }
    return several[name](device, seconds)


def main() -> int:
    """Run one row and append its results to a file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=ROWS)
    parser.add_argument("--device", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    began = monotonic()
    for result in row(given.name, given.device, given.seconds):
        result.seconds = monotonic() - began
        result.write(given.out)
        began = monotonic()
    return 0


if __name__ == "__main__":
    sys.exit(main())
