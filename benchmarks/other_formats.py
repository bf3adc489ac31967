"""Convert a CSV of curves to the formats of other viewers: `python -m benchmarks.other_formats KIND FILE DIRECTORY`.

The interpreter needs tensorboardX for `tensorboard` and wandb for `wandb`.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator
from pathlib import Path


def rows(path: Path) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield the step and the values by name of each row."""
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            yield int(row.pop("step")), {name: float(value) for name, value in row.items() if name != "epoch"}


def tensorboard(path: Path, directory: Path) -> None:
    """Write one event file."""
    from tensorboardX import SummaryWriter

    with SummaryWriter(str(directory), max_queue=10_000, flush_secs=60) as writer:
        for step, values in rows(path):
            for name, value in values.items():
                writer.add_scalar(name, value, step)


def wandb(path: Path, directory: Path) -> None:
    """Write one offline run."""
    import wandb

    os.environ["WANDB_SILENT"] = "true"
    directory.mkdir()
    run = wandb.init(mode="offline", dir=str(directory), project="bench", settings=wandb.Settings(x_disable_stats=True))
    for step, values in rows(path):
        run.log(values, step=step)
    run.finish()


if __name__ == "__main__":
    kind, source, target = sys.argv[1:4]
    {"tensorboard": tensorboard, "wandb": wandb}[kind](Path(source), Path(target))
