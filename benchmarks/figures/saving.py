"""What saving costs: the share of a run's time that goes into its checkpoints, as they are taken by default."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from time import perf_counter

from benchmarks.figures import Effort
from benchmarks.sandbox import Place
from benchmarks.statistics import Row, spread
from tui_trainer.config.preset import dump, load

PRESETS = ("digits-mlp", "digits-cnn", "char-lm")
ROUND = 21.0
"""Seconds of a round: four saves at the default pace."""


def saving(effort: Effort) -> list[Row]:
    """Every save of a run: the journal synced, the state gathered, written, synced and renamed."""
    return [_share(preset, effort) for preset in PRESETS]


def _share(preset: str, effort: Effort) -> Row:
    import torch

    from tui_trainer.engine.commands.queue import CommandQueue
    from tui_trainer.engine.trainer import Trainer
    from tui_trainer.host.event_bus import EventBus
    from tui_trainer.runs.journal import Journal
    from tui_trainer.runs.run_dir import Owner, RunDir

    place = Place()
    torch.set_num_threads(1)
    config = load(preset, ["training.epochs=100000", "early_stopping.enabled=false"]).runs[""]
    folder = RunDir(place.folder("run"))
    folder.create(dump(config), {}, Owner(os.getpid(), "here", ""))
    hub = EventBus()
    try:
        hub.add_run("run")
        hub.write_to("run", Journal(folder.journal, claim=folder.claim))
        trainer = Trainer("run", config, lambda event: hub.publish("run", event), CommandQueue(threading.Event()))
        trainer.set_up()
        trainer.begin(folder, lambda: hub.mark("run"))
        costs: list[float] = []
        checkpointer = trainer.services.checkpointer
        assert checkpointer is not None
        plan_next = checkpointer.plan_next

        def timed_plan(seconds: float, since: float) -> None:
            plan_next(seconds, since)
            costs.append(perf_counter() - since)

        checkpointer.plan_next = timed_plan  # pyright: ignore[reportAttributeAccessIssue]
        loop = trainer.run()
        shares: list[float] = []
        for _ in range(effort.fewer(1 if effort.quick else 3)):
            taken, began = len(costs), perf_counter()
            while perf_counter() < began + ROUND:
                next(loop)
            shares.append(sum(costs[taken:]) / (perf_counter() - began) * 100)
        size = _size(folder.checkpoints)
    finally:
        hub.close()
        folder.release()
        place.close()
    low, middle, high = spread([cost * 1000 for cost in costs])
    return Row(
        f"saving's share of the time, {preset}",
        "all of it",
        shares,
        "%",
        1.0,
        "<=",
        f"{len(costs)} saves of {middle:.1f} ms ({low:.1f} - {high:.1f}), {size / 1e6:.2f} MB on disk",
    )


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.iterdir())
