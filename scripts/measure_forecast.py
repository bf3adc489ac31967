#!/usr/bin/env python3
"""Measure the forecast of what is still to gain: `scripts/measure_forecast.py [--seeds N] [--calibrate]`.

Presets are trained for 30 epochs each. After 20 of them the validation loss 10 epochs later is forecast from what was
measured so far, and compared with what it was. `--calibrate` prints the quantiles of the error in the unit of the
forecast on presets that the table does not use; they are the constants of `tui_trainer.diagnosis.forecast.forecast`.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tui_trainer.config.preset import load
from tui_trainer.diagnosis.forecast.forecast import COVERS, Extrapolation, extrapolate, forecast, has_missed
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.trainer import Trainer
from tui_trainer.protocol import events as ev

EPOCHS, SEEN = 30, 20
VARIANTS = 2
"""Most variants of a preset."""
TABLE = (
    "adagrad", "adam", "breast-cancer", "deep-act", "diabetes", "early-stop", "head-binary", "head-vector",
    "label-smoothing", "lr-low", "overfit-tiny", "rmsprop", "scheduler-zoo", "spirals", "weight-decay",
)  # fmt: skip
"""Presets of the table."""
SET_ASIDE = (
    "act-sign", "clipping", "dropout", "head-regression", "init-scale", "layer-speed", "loss-duel", "optimizer-race",
    "plateau-train", "sampling", "schedules", "wine",
)  # fmt: skip
"""Presets of the quantiles."""
QUICK = (
    f"training.epochs={EPOCHS}", "training.layers_every=0", "training.probe_every=0", "training.system_load=false",
    "training.validate_every=1", "training.norm_every=1000", "early_stopping.enabled=false", "pictures=[]",
    "data.batch_size=64", "training.device=cpu",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Curve:
    """The validation losses of a run, one for each epoch."""

    preset: str
    name: str
    losses: list[float]

    @property
    def truth(self) -> float:
        """The change of the loss from the epoch of the forecast to the last."""
        return self.losses[-1] - self.losses[SEEN - 1]

    @property
    def seen(self) -> tuple[list[float], list[float]]:
        """The epochs and losses that the forecast may use."""
        return [float(epoch) for epoch in range(1, SEEN + 1)], self.losses[:SEEN]


def curves(presets: tuple[str, ...], seeds: int, cache: Path | None) -> Iterator[Curve]:
    """Yield the curve of each run; a run that broke has none."""
    known: dict[str, list[float]] = json.loads(cache.read_text()) if cache is not None and cache.exists() else {}
    for preset in presets:
        variants = list(load(preset).runs)[:VARIANTS]
        for seed in range(seeds):
            runs = load(preset, [*QUICK, f"training.seed={seed + 11}"]).runs
            for variant in variants:
                name = f"{preset}/{variant or '-'}/{seed + 11}"
                if name not in known:
                    known[name] = trained(runs[variant])
                if len(known[name]) == EPOCHS:
                    yield Curve(preset, name, known[name])
        print(preset, file=sys.stderr, flush=True)
        if cache is not None:
            cache.write_text(json.dumps(known))


def trained(config: object) -> list[float]:
    """Train a run; returns its validation losses."""
    losses: list[float] = []

    def take(event: ev.AnyEvent) -> None:
        if isinstance(event, ev.EpochEnded):
            value = event.metrics.get("val_loss")
            if value is not None:
                losses.append(value)

    trainer = Trainer("run", config, take, CommandQueue(threading.Event()))  # pyright: ignore[reportArgumentType]
    trainer.set_up()
    trainer.begin(None)
    for _ in trainer.run():
        pass
    return losses


Found = list[tuple[Curve, Extrapolation]]


def quantiles(found: Found, level: float) -> tuple[float, float]:
    """Return the quantiles of the error, in the unit of the forecast, between which this share of the runs lies."""
    errors = sorted((curve.truth - one.change) / one.scale for curve, one in found)
    rest, last = (1 - level) / 2, len(errors) - 1
    return errors[round(rest * last)], errors[round((1 - rest) * last)]


def share_left_out(found: Found, level: float) -> float:
    """Return the share of the runs that lie between the quantiles of the other presets.

    Runs of one preset are alike: a preset that was not there is met as the screen meets it.
    """
    held = 0
    for preset in SET_ASIDE:
        low, high = quantiles([pair for pair in found if pair[0].preset != preset], level)
        mine = [(curve.truth - one.change) / one.scale for curve, one in found if curve.preset == preset]
        held += sum(low <= error <= high for error in mine)
    return held / len(found)


def main() -> None:
    """Measure, and print the table or the quantiles."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--calibrate", action="store_true")
    parser.add_argument("--cache", type=Path, help="JSON file that keeps the curves")
    given = parser.parse_args()
    runs = list(curves(SET_ASIDE if given.calibrate else TABLE, given.seeds, given.cache))
    if given.calibrate:
        pairs = [(curve, extrapolate(*curve.seen, EPOCHS - SEEN)) for curve in runs]
        found = [(curve, one) for curve, one in pairs if one is not None and not has_missed(*curve.seen)]
        level = next(level for step in range(100) if share_left_out(found, level := COVERS + 0.002 * step) >= COVERS)
        low, high = quantiles(found, level)
        print(f"{len(found)} of {len(runs)} runs, level {level:.3f}: BELOW, ABOVE = {low:.2f}, {high:.2f}")
        return
    print("| preset | runs | silent | held | share of the others | median width |")
    print("|---|---|---|---|---|---|")
    total: list[int] = [0, 0, 0]
    for preset in TABLE:
        mine = [curve for curve in runs if curve.preset == preset]
        forecasts = [(curve, forecast(*curve.seen, EPOCHS - SEEN)) for curve in mine]
        said = [(curve, one) for curve, one in forecasts if one is not None]
        held = sum(one.low <= curve.truth <= one.high for curve, one in said)
        widths = sorted((one.high - one.low) / curve.losses[SEEN - 1] for curve, one in said)
        width = f"{widths[len(widths) // 2]:.1%} of the loss" if widths else "-"
        share = f"{held / len(said):.0%}" if said else "-"
        print(f"| {preset} | {len(mine)} | {len(mine) - len(said)} | {held} | {share} | {width} |")
        total = [total[0] + len(mine), total[1] + len(mine) - len(said), total[2] + held]
    said_in_all = total[0] - total[1]
    print(f"| all | {total[0]} | {total[1]} | {total[2]} | {total[2] / max(said_in_all, 1):.0%} | |")


if __name__ == "__main__":
    main()
