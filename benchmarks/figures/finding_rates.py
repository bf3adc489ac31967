"""The rates that a search marks, beside the best of nine: the fall of the validation loss in ten epochs."""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from time import process_time

from benchmarks.figures import Effort
from benchmarks.kept_trainings import KeptTrainings
from benchmarks.statistics import Row
from tui_trainer.config.preset import load
from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.trying.bench import TrialBench
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

PRESETS = (
    "wine", "diabetes", "breast-cancer", "overfit-tiny", "gd-vs-sgd", "spirals", "head-vector", "label-smoothing",
    "dropout", "digits-mlp", "digits-cnn", "batch-norm",
)  # fmt: skip
"""The cheapest first."""
OPTIMIZERS = ("sgd", "adam", "adamw", "rmsprop", "nadam")
SEEDS = (0, 1, 2)
"""The rule of the proposed rate was chosen on the first."""
RATES = tuple(10 ** (exponent / 2) for exponent in range(-8, 1))
"""Nine rates from 0.0001 to 1, a factor of the square root of 10 apart."""
EPOCHS = 10
TARGET = 0.95
AGAINST = f"best of {len(RATES)} rates, {EPOCHS} epochs"
MARKS = ("proposed", "steepest", "tenth")


@dataclass(frozen=True, slots=True)
class Cell:
    """One preset with one optimizer and one seed.

    Attributes:
        shares: the fall at each mark over the best fall; empty where the search finds no clear rate.
        searched: CPU seconds of the search; `trained`: those of the trainings it is compared with, kept ones too.
    """

    preset: str
    optimizer: str
    seed: int
    shares: dict[str, float]
    searched: float
    trained: float

    def __str__(self) -> str:
        return f"{self.preset} {self.optimizer} seed {self.seed}"


def finding_rates(effort: Effort) -> list[Row]:
    """Return the median share of the best fall that the marked rates reach, and the worst cell.

    A quick figure has two presets, one seed and two optimizers.
    """
    presets, seeds, optimizers = PRESETS, SEEDS[: effort.fewer(len(SEEDS))], OPTIMIZERS
    if effort.quick:
        presets, seeds, optimizers = PRESETS[1:3], SEEDS[:1], OPTIMIZERS[:2]
    cells = [(preset, optimizer, seed) for preset, seed, optimizer in product(presets, seeds, optimizers)]
    return rows_of(measured(cells, effort.keep))


def measured(cells: list[tuple[str, str, int]], keep: Path | None) -> list[Cell]:
    """Measure each cell; an interruption returns those measured so far."""
    found: list[Cell] = []
    # A cell at a time for each process: the first presets of the list are whole when the measurement is interrupted.
    pool = ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), initializer=one_thread)
    try:
        for done in as_completed(pool.submit(measure, *cell, keep) for cell in cells):
            cell = done.result()
            found.append(cell)
            shares = ", ".join(f"{name} {share:.3f}" for name, share in cell.shares.items()) or "no clear rate"
            print(f"{cell}: {shares}; {cell.trained:.1f} s", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print(f"interrupted: the table holds {len(found)} of {len(cells)} cells", file=sys.stderr)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return found


def rows_of(cells: list[Cell]) -> list[Row]:
    """Return the rows of the table: each mark, then the proposed rate by seed, by optimizer and by preset."""
    rows = [_row(f"find-lr {name}", cells, name, target=name == MARKS[0]) for name in MARKS]
    spent = sum(cell.searched for cell in cells), sum(cell.trained for cell in cells)
    rows[0].note += f"; {spent[0] / 60:.0f} min of CPU time for the searches, {spent[1] / 60:.0f} for the trainings"
    keys: list[Callable[[Cell], str]] = [lambda cell: f"seed {cell.seed}", lambda cell: cell.optimizer, _preset]
    for key in keys:
        rows += [
            _row(f"find-lr {name}", [cell for cell in cells if key(cell) == name])
            for name in dict.fromkeys(key(cell) for cell in sorted(cells, key=str))
        ]
    return rows


def _preset(cell: Cell) -> str:
    return cell.preset


def _row(name: str, cells: list[Cell], mark: str = MARKS[0], *, target: bool = False) -> Row:
    clear = [cell for cell in cells if cell.shares]
    unclear = f"no clear rate in {len(cells) - len(clear)} of {len(cells)} cells"
    if not clear:
        return Row(name, AGAINST, skipped=unclear)
    worst = min(clear, key=lambda cell: cell.shares[mark])
    return Row(
        name, AGAINST, [cell.shares[mark] for cell in clear], target=TARGET if target else None, comparison=">=",
        note=f"worst {worst}: {worst.shares[mark]:.2f}; {unclear}",
    )  # fmt: skip


def one_thread() -> None:
    """Use one thread: there is a process for each core. An interruption is for the process that waits for them."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


def measure(preset: str, optimizer: str, seed: int, keep: Path | None = None) -> Cell:
    """Search for a rate, and train at its marks and at each of the nine, unless that has been kept."""
    config = configured(preset, seed, optimizer)
    kept = KeptTrainings(keep, f"{preset} {optimizer} seed {seed}")
    began = process_time()
    found, start = searched(preset, config)
    searching = process_time() - began
    if found.proposed is None:
        return Cell(preset, optimizer, seed, {}, searching, 0.0)
    best = largest_fall(config, RATES, start, kept)
    shares = {name: largest_fall(config, [getattr(found, name)], start, kept) / best for name in MARKS} if best else {}
    return Cell(preset, optimizer, seed, shares, searching, kept.seconds)


def configured(preset: str, seed: int, optimizer: str) -> RunConfig:
    """Return the first run of a preset with another optimizer, at a constant rate and without an early end."""
    changes = [
        f"optimizer.kind={optimizer}", "optimizer.lr=0.001", "scheduler.kind=constant", f"training.seed={seed}",
        f"training.epochs={EPOCHS}", "training.device=cpu", "training.steps_per_second=0",
        "early_stopping.enabled=false",
    ]  # fmt: skip
    config = next(iter(load(preset, changes).runs.values()))
    return config.model_copy(update={"actions": (), "pictures": (), "lesson": None})


def searched(name: str, config: RunConfig) -> tuple[ev.RateFound, float]:
    """Return what the search finds from the first weights, and the validation loss before the first step."""
    bench = TrialBench(name, config)
    measured = bench.apply(cmd.Evaluate(id="start"))
    found = bench.apply(cmd.FindRate(id="search"))
    assert isinstance(found, ev.RateFound)
    assert isinstance(measured, ev.Scalars)
    start = measured.values["val_loss"][-1]
    return found, math.nan if start is None else start


def largest_fall(config: RunConfig, rates: Iterable[float], start: float, kept: KeptTrainings) -> float:
    """Return how far the validation loss falls in ten epochs at the best of some rates; 0 where it does not."""
    return max(max(start - kept.lowest(config, rate), 0.0) for rate in rates)
