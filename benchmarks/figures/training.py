"""Steps per second, compared with the loop of a tutorial."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from time import perf_counter

from benchmarks.alternating_runs import TURN, ReferenceLoop, TimedRun, TrainerRun, race
from benchmarks.figures import Effort
from benchmarks.recorded_run import RecordedRun
from benchmarks.sandbox import Sandbox
from benchmarks.statistics import Row, ratios, spread

BARE = "the bare loop"
TURNS, STEPS = 20, 100
"""Turns of each of two runs in a round, and steps of a turn."""


def digits_mlp(effort: Effort) -> list[Row]:
    """Measure the worst case: a step takes half a millisecond, most of it Python."""
    return _compare_with_bare(effort, "digits-mlp", 1, headless=1.05, viewer=1.00, in_process=0.92)


def two_threads(effort: Effort) -> list[Row]:
    """Measure the same with two threads for torch."""
    return _compare_with_bare(effort, "digits-mlp", 2, headless=1.05, viewer=1.00)


def digits_cnn(effort: Effort) -> list[Row]:
    """Measure a convolutional network."""
    return _compare_with_bare(effort, "digits-cnn", 1, viewer=0.98)


def char_lm(effort: Effort) -> list[Row]:
    """Measure a small transformer."""
    return _compare_with_bare(effort, "char-lm", 1, viewer=0.98, turn=4.0)


def _compare_with_bare(
    effort: Effort,
    preset: str,
    threads: int,
    headless: float | None = None,
    viewer: float | None = None,
    in_process: float | None = None,
    turn: float = TURN,
) -> list[Row]:
    sandbox = Sandbox()
    runs: list[TimedRun] = []
    try:
        runs.append(ReferenceLoop(sandbox, "bare", preset, threads=threads))
        variants: list[tuple[str, tuple[str, ...], float]] = []
        for name, options, target in (
            ("headless", ("--headless",), headless),
            ("viewer-open", (), viewer),
            ("in-process", ("--in-process",), in_process),
        ):
            if target is not None:
                variants.append((name, options, target))
                runs.append(TrainerRun(sandbox, name, preset, threads=threads, options=options))
        race(runs, effort.rounds, turn)
    finally:
        _close(runs)
        sandbox.close()
    bare = runs[0]
    suffix = f", {threads} threads" if threads > 1 else ""
    return [
        Row(
            f"steps/s {preset}, {name.replace('-', ' ')}{suffix}",
            BARE,
            ratios(run.pace, bare.pace),
            target=target,
            comparison=">=",
            note=f"{_per_second(run)} / {_per_second(bare)} steps/s",
        )
        for run, (name, _, target) in zip(runs[1:], variants, strict=True)
    ]


def layers(effort: Effort) -> list[Row]:
    """Measure the cost of layer statistics at the default interval.

    Both runs alternate in this process, because the cost is about 1 % and two processes differ by more.
    """
    sandbox = Sandbox()
    try:
        off = RecordedRun(sandbox.directory / "off.jsonl", ["training.layers_every=0"])
        on = RecordedRun(sandbox.directory / "on.jsonl")
        seconds: tuple[list[float], list[float]] = ([], [])
        for turn in range(effort.rounds * TURNS):
            for which in (0, 1) if turn % 2 else (1, 0):
                seconds[which].append(_time(on if which else off))
        off.close()
        on.close()
    finally:
        sandbox.close()
    pairs = ratios(*seconds)
    without, with_layers = (STEPS / spread(column)[1] for column in seconds)
    return [
        Row(
            "steps/s, layer statistics on",
            "off",
            [median(pairs[start : start + TURNS]) for start in range(0, len(pairs), TURNS)],
            target=0.98,
            comparison=">=",
            note=f"{with_layers:,.0f} / {without:,.0f} steps/s; every 100 steps, with journal; {TURNS} turns a round",
        )
    ]


def _time(run: RecordedRun) -> float:
    began = perf_counter()
    for _ in range(STEPS):
        next(run.steps)
    return perf_counter() - began


def _per_second(run: TimedRun) -> str:
    return f"{spread(run.pace)[1]:,.0f}"


def _close(runs: Sequence[TimedRun]) -> None:
    for run in runs:
        run.close()
