"""Steps a second: our runs beside the loop of a tutorial."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from time import perf_counter

from benchmarks.alternating_runs import TURN, Lane, Loop, Run, race
from benchmarks.figures import Effort
from benchmarks.recorded_run import Written
from benchmarks.sandbox import Place
from benchmarks.statistics import Row, ratios, spread

BARE = "the bare loop"
TURNS, STEPS = 20, 100
"""How often two runs in one process take turns in a round, and how many steps each."""


def digits_mlp(effort: Effort) -> list[Row]:
    """The worst case: a step is half a millisecond, most of it Python."""
    return _beside_bare(effort, "digits-mlp", 1, headless=1.05, viewer=1.00, in_process=0.92)


def two_threads(effort: Effort) -> list[Row]:
    """The same with two threads for each operation of torch, in both."""
    return _beside_bare(effort, "digits-mlp", 2, headless=1.05, viewer=1.00)


def digits_cnn(effort: Effort) -> list[Row]:
    """Convolutions."""
    return _beside_bare(effort, "digits-cnn", 1, viewer=0.98)


def char_lm(effort: Effort) -> list[Row]:
    """A small transformer."""
    return _beside_bare(effort, "char-lm", 1, viewer=0.98, turn=4.0)


def _beside_bare(
    effort: Effort,
    preset: str,
    threads: int,
    headless: float | None = None,
    viewer: float | None = None,
    in_process: float | None = None,
    turn: float = TURN,
) -> list[Row]:
    place = Place()
    lanes: list[Lane] = []
    try:
        lanes.append(Loop(place, "bare", preset, threads=threads))
        wanted: list[tuple[str, tuple[str, ...], float]] = []
        for name, options, reach in (
            ("headless", ("--headless",), headless),
            ("viewer-open", (), viewer),
            ("in-process", ("--in-process",), in_process),
        ):
            if reach is not None:
                wanted.append((name, options, reach))
                lanes.append(Run(place, name, preset, threads=threads, options=options))
        race(lanes, effort.rounds, turn)
    finally:
        _close(lanes)
        place.close()
    bare = lanes[0]
    many = f", {threads} threads" if threads > 1 else ""
    return [
        Row(
            f"steps/s {preset}, {name.replace('-', ' ')}{many}",
            BARE,
            ratios(lane.pace, bare.pace),
            reach=reach,
            way=">=",
            note=f"{_per_second(lane)} / {_per_second(bare)} steps/s",
        )
        for lane, (name, _, reach) in zip(lanes[1:], wanted, strict=True)
    ]


def layers(effort: Effort) -> list[Row]:
    """Gradient norms and update ratios of every layer at the default sampling, beside none.

    Both in this process, a few steps each in turn: it is about a hundredth, and processes side by side differ by more.
    """
    place = Place()
    try:
        off = Written(place.directory / "off.jsonl", ["training.layers_every=0"])
        on = Written(place.directory / "on.jsonl")
        seconds: tuple[list[float], list[float]] = ([], [])
        for turn in range(effort.rounds * TURNS):
            for which in (0, 1) if turn % 2 else (1, 0):
                seconds[which].append(_time(on if which else off))
        off.close()
        on.close()
    finally:
        place.close()
    pairs = ratios(*seconds)
    without, having = (STEPS / spread(column)[1] for column in seconds)
    return [
        Row(
            "steps/s, norms and ratios of each layer on",
            "off",
            [median(pairs[start : start + TURNS]) for start in range(0, len(pairs), TURNS)],
            reach=0.98,
            way=">=",
            note=f"{having:,.0f} / {without:,.0f} steps/s; every 100 steps, journal and all; {TURNS} turns a round",
        )
    ]


def _time(run: Written) -> float:
    began = perf_counter()
    for _ in range(STEPS):
        next(run.steps)
    return perf_counter() - began


def _per_second(lane: Lane) -> str:
    return f"{spread(lane.pace)[1]:,.0f}"


def _close(lanes: Sequence[Lane]) -> None:
    for lane in lanes:
        lane.close()
