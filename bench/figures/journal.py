"""What writing everything down costs: bytes on disk, and a share of the loop's time."""

from __future__ import annotations

import threading
from time import perf_counter, thread_time

from bench.figures import Effort
from bench.place import Place
from bench.rounds import Row
from tui_trainer.config.preset import load
from tui_trainer.protocol import events as ev


def journal(effort: Effort) -> list[Row]:
    """digits-mlp through the hub that a host has: stamped, folded, encoded and written."""
    import torch

    from tui_trainer.engine.control import Control
    from tui_trainer.engine.trainer import Trainer
    from tui_trainer.runs.journal import Journal
    from tui_trainer.session.hub import Hub

    place = Place()
    try:
        torch.set_num_threads(1)
        hub = Hub()
        hub.add_run("run")
        hub.write_to("run", Journal(place.directory / "events.jsonl"))
        spent = 0.0
        values = 0

        def publish(event: ev.AnyEvent) -> None:
            nonlocal spent, values
            if isinstance(event, ev.Scalars):
                values += sum(len(column) for column in event.values.values())
            began = thread_time()
            hub.publish("run", event)
            spent += thread_time() - began

        config = load("digits-mlp", ["training.epochs=100000", "early_stopping.enabled=false"]).runs[""]
        trainer = Trainer("run", config, publish, Control(threading.Event()))
        trainer.set_up()
        trainer.begin(None)
        loop = trainer.run()
        shares: list[float] = []
        for _ in range(effort.rounds):
            before, began, until = spent, thread_time(), perf_counter() + 1.5
            while perf_counter() < until:
                next(loop)
            shares.append((spent - before) / (thread_time() - began) * 100)
        trainer.flush()
        hub.close()
        size = (place.directory / "events.jsonl").stat().st_size
    finally:
        place.close()
    return [
        Row(
            "journal on disk, per step and metric",
            "",
            [size / values],
            "bytes",
            40,
            "<=",
            f"{trainer.step:,} steps of digits-mlp; steps, seconds, epochs and layers included",
        ),
        Row(
            "journal's share of the loop's time",
            "",
            shares,
            "%",
            1.0,
            "<=",
            "stamp, fold, encode, write; CPU of the thread",
        ),
    ]
