"""Share of a run's time spent on checkpoints at the default interval."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from time import perf_counter

from benchmarks.figures import Effort
from benchmarks.sandbox import Sandbox
from benchmarks.statistics import Row, spread
from tui_trainer.config.preset import dump, load

PRESETS = ("digits-mlp", "digits-cnn", "char-lm")
ROUND = 21.0
"""Seconds of a round: four saves at the default interval."""


def saving(effort: Effort) -> list[Row]:
    """Measure complete saves: sync the journal, collect the state, write, sync and rename."""
    return [_share(preset, effort) for preset in PRESETS]


def _share(preset: str, effort: Effort) -> Row:
    import torch

    from tui_trainer.engine.commands.queue import CommandQueue
    from tui_trainer.engine.trainer import Trainer
    from tui_trainer.host.event_bus import EventBus
    from tui_trainer.runs.journal import Journal
    from tui_trainer.runs.run_dir import Owner, RunDir

    sandbox = Sandbox()
    torch.set_num_threads(1)
    config = load(preset, ["training.epochs=100000", "early_stopping.enabled=false"]).runs[""]
    folder = RunDir(sandbox.folder("run"))
    folder.create(dump(config), {}, Owner(os.getpid(), "here", ""))
    bus = EventBus()
    try:
        bus.add_run("run")
        bus.attach_journal("run", Journal(folder.journal, claim=folder.claim))
        trainer = Trainer("run", config, lambda event: bus.publish("run", event), CommandQueue(threading.Event()))
        trainer.set_up()
        trainer.begin(folder, lambda: bus.sync_journal("run"))
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
        bus.close()
        folder.release()
        sandbox.close()
    low, middle, high = spread([cost * 1000 for cost in costs])
    return Row(
        f"share of time spent saving, {preset}",
        "total time",
        shares,
        "%",
        1.0,
        "<=",
        f"{len(costs)} saves of {middle:.1f} ms ({low:.1f} - {high:.1f}), {size / 1e6:.2f} MB on disk",
    )


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.iterdir())
