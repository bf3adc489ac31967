"""Steps per second with the screen open, compared with other libraries and their usual displays."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.alternating_runs import ReferenceLoop, TimedRun, TrainerRun, race
from benchmarks.figures import Effort
from benchmarks.sandbox import Sandbox
from benchmarks.statistics import Row, ratios, spread

PYTHON = os.environ.get("BENCH_RIVALS", sys.executable)
"""The interpreter with the libraries: `BENCH_RIVALS=/path/to/venv/bin/python`, else this one."""

RIVALS = {
    "lightning": "Lightning, RichProgressBar and CSVLogger",
    "transformers": "Hugging Face Trainer",
    "keras": "Keras on torch, progress bar and CSVLogger",
}


def digits_mlp(effort: Effort) -> list[Row]:
    """Measure digits-mlp, where Python takes most of the time."""
    return _compare(effort, "digits-mlp", 5.0)


def digits_cnn(effort: Effort) -> list[Row]:
    """Measure digits-cnn, where torch takes most of the time."""
    return _compare(effort, "digits-cnn", 1.3)


def _compare(effort: Effort, preset: str, target: float) -> list[Row]:
    installed = {name: display for name, display in RIVALS.items() if _installed(name)}
    skipped = [
        Row(
            f"steps/s {preset}, screen open",
            display,
            target=target,
            comparison=">=",
            skipped=f"{name} is not installed",
        )
        for name, display in RIVALS.items()
        if name not in installed
    ]
    if not installed:
        return skipped
    sandbox = Sandbox()
    runs: list[TimedRun] = []
    try:
        ours = TrainerRun(sandbox, "viewer", preset, options=())
        runs = [ours, *(ReferenceLoop(sandbox, name, preset, python=PYTHON) for name in installed)]
        race(runs, effort.fewer(5), 2.5)
    finally:
        for run in runs:
            run.close()
        sandbox.close()
    return [
        Row(
            f"steps/s {preset}, screen open",
            RIVALS[run.name],
            ratios(ours.pace, run.pace),
            target=target,
            comparison=">=",
            note=f"{spread(ours.pace)[1]:,.0f} / {spread(run.pace)[1]:,.0f} steps/s",
        )
        for run in runs[1:]
    ] + skipped


DISPLAYS = {
    **RIVALS,
    "transformers": "Hugging Face Trainer, its bar and logs",
    "accelerate": "accelerate, tqdm and TensorBoard",
}


def integrations(effort: Effort) -> list[Row]:
    """Measure our callback in each library, its bar and logger switched off, in turns with those and with nothing."""
    return [row for name in DISPLAYS for row in _integration(effort, name)]


def _integration(effort: Effort, name: str) -> list[Row]:
    title = f"steps/s {name}, our callback"
    if not _installed(name):
        return [Row(title, DISPLAYS[name], target=1.0, comparison=">=", skipped=f"{name} is not installed")]
    sandbox = Sandbox()
    runs: list[TimedRun] = []
    try:
        displays = ("monitor", "own", "none")
        runs = [ReferenceLoop(sandbox, f"{name}:{display}", "digits-mlp", python=PYTHON) for display in displays]
        race(runs, effort.fewer(7), 2.5)
    finally:
        for run in runs:
            run.close()
        sandbox.close()
    ours, own, bare = (run.pace for run in runs)
    note = f"{spread(ours)[1]:,.0f} / {spread(own)[1]:,.0f} / {spread(bare)[1]:,.0f} steps/s"
    return [
        Row(title, DISPLAYS[name], ratios(ours, own), target=1.0, comparison=">=", note=note),
        Row(title, "no bar, no logger, no callback", ratios(ours, bare)),
    ]


PACKAGES = {"lightning": "pytorch_lightning"}
"""The package of a library, where it has another name."""


def _installed(name: str) -> bool:
    name = PACKAGES.get(name, name)
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({name!r}) is None)"
    return subprocess.run([PYTHON, "-c", code], check=False).returncode == 0
