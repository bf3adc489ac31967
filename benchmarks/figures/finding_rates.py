"""The rate that a search marks, beside the best of nine: the fall of the validation loss in ten epochs."""

from __future__ import annotations

import math
import sys
from itertools import product

from benchmarks.figures import Effort
from benchmarks.statistics import Row
from tui_trainer.config.preset import load
from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.trying.bench import TrialBench
from tui_trainer.errors import UserError
from tui_trainer.lecture.training_cache import TrainingCache
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

PRESETS = (
    "digits-mlp", "digits-cnn", "breast-cancer", "diabetes", "wine", "spirals", "batch-norm", "dropout", "head-vector",
    "label-smoothing", "overfit-tiny", "gd-vs-sgd",
)  # fmt: skip
OPTIMIZERS = ("sgd", "adam", "adamw", "rmsprop", "nadam")
SEEDS = (0, 1, 2)
RATES = tuple(10 ** (exponent / 2) for exponent in range(-8, 1))
"""Nine rates from 0.0001 to 1, a factor of the square root of 10 apart."""
EPOCHS = 10
TARGET = 0.95


def finding_rates(effort: Effort) -> list[Row]:
    """Return the median share of the best fall that the marked rate reaches, and the worst cell.

    A quick figure has two presets, one seed and two optimizers.
    """
    presets, seeds, optimizers = PRESETS, SEEDS[: effort.fewer(len(SEEDS))], OPTIMIZERS
    if effort.quick:
        presets, seeds, optimizers = PRESETS[2:4], SEEDS[:1], OPTIMIZERS[:2]
    shares: dict[str, float] = {}
    unclear: list[str] = []
    for preset, seed, optimizer in product(presets, seeds, optimizers):
        cell = f"{preset} {optimizer} seed {seed}"
        config = configured(preset, seed, optimizer)
        found, start = searched(cell, config)
        if found.steepest is None:
            unclear.append(cell)
            continue
        best = max(fall(config, rate, start) for rate in RATES)
        reached = fall(config, found.steepest, start)
        shares[cell] = reached / best if best > 0 else math.nan
        print(f"{cell}: rate {found.steepest:.3g}, {shares[cell]:.3f} of the best fall", file=sys.stderr, flush=True)
    against = f"best of {len(RATES)} rates, {EPOCHS} epochs"
    if not shares:
        return [Row("find-lr", against, skipped="no cell has a clear rate")]
    worst = min(shares, key=lambda name: shares[name] if not math.isnan(shares[name]) else math.inf)
    note = f"worst {worst}: {shares[worst]:.2f}; no clear rate in {len(unclear)} of {len(shares) + len(unclear)} cells"
    values = [share for share in shares.values() if not math.isnan(share)]
    return [Row("find-lr", against, values, target=TARGET, comparison=">=", note=note)]


def configured(preset: str, seed: int, optimizer: str) -> RunConfig:
    """Return the first run of a preset with another optimizer, at a constant rate and without an early end."""
    changes = [
        f"optimizer.kind={optimizer}", "optimizer.lr=0.001", "scheduler.kind=constant", f"training.seed={seed}",
        f"training.epochs={EPOCHS}", "training.device=cpu", "training.steps_per_second=0",
        "early_stopping.enabled=false",
    ]  # fmt: skip
    config = next(iter(load(preset, changes).runs.values()))
    return config.model_copy(update={"actions": (), "pictures": (), "lesson": None})


def searched(cell: str, config: RunConfig) -> tuple[ev.RateFound, float]:
    """Return what the search finds from the first weights, and the validation loss before the first step."""
    bench = TrialBench(cell, config)
    measured = bench.apply(cmd.Evaluate(id="start"))
    found = bench.apply(cmd.FindRate(id="search"))
    assert isinstance(found, ev.RateFound)
    assert isinstance(measured, ev.Scalars)
    start = measured.values["val_loss"][-1]
    return found, math.nan if start is None else start


def fall(config: RunConfig, rate: float, start: float) -> float:
    """Return how far the validation loss falls in ten epochs at a rate; 0 where it does not."""
    given = config.model_copy(update={"optimizer": config.optimizer.model_copy(update={"lr": rate})})
    try:
        trained = TrainingCache(config.training.seed).train(given, f"rate {rate:g}")
    except UserError:
        return 0.0
    losses = [event.metrics.get("val_loss") for event in trained.epochs]
    finite = [loss for loss in losses if loss is not None]
    return max(start - min(finite), 0.0) if finite else 0.0
