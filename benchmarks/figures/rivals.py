"""Steps a second with the screen open, beside the libraries that people use, each with its usual display."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.alternating_runs import Lane, Loop, Run, race
from benchmarks.figures import Effort
from benchmarks.sandbox import Place
from benchmarks.statistics import Row, ratios, spread

PYTHON = os.environ.get("BENCH_RIVALS", sys.executable)
"""The interpreter that has them: `BENCH_RIVALS=/path/to/venv/bin/python`, or this one."""

RIVALS = {
    "lightning": "Lightning, RichProgressBar and CSVLogger",
    "transformers": "Hugging Face Trainer",
    "keras": "Keras on torch, progress bar and CSVLogger",
}


def digits_mlp(effort: Effort) -> list[Row]:
    """The Python-bound case."""
    return _beside(effort, "digits-mlp", 5.0)


def digits_cnn(effort: Effort) -> list[Row]:
    """The case in which torch itself has something to do."""
    return _beside(effort, "digits-cnn", 1.3)


def _beside(effort: Effort, preset: str, reach: float) -> list[Row]:
    there = {name: words for name, words in RIVALS.items() if _installed(name)}
    skipped = [
        Row(f"steps/s {preset}, screen open", words, reach=reach, way=">=", skipped=f"{name} is not installed")
        for name, words in RIVALS.items()
        if name not in there
    ]
    if not there:
        return skipped
    place = Place()
    lanes: list[Lane] = []
    try:
        ours = Run(place, "viewer", preset, options=())
        lanes = [ours, *(Loop(place, name, preset, python=PYTHON) for name in there)]
        race(lanes, effort.fewer(5), 2.5)
    finally:
        for lane in lanes:
            lane.close()
        place.close()
    return [
        Row(
            f"steps/s {preset}, screen open",
            RIVALS[lane.name],
            ratios(ours.pace, lane.pace),
            reach=reach,
            way=">=",
            note=f"{spread(ours.pace)[1]:,.0f} / {spread(lane.pace)[1]:,.0f} steps/s",
        )
        for lane in lanes[1:]
    ] + skipped


def _installed(name: str) -> bool:
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({name!r}) is None)"
    return subprocess.run([PYTHON, "-c", code], check=False).returncode == 0
