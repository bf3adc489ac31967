"""A run of digits-mlp in this process, with its journal."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from tui_trainer.config.preset import load
from tui_trainer.protocol import events as ev


class RecordedRun:
    """A trainer whose events go through an event bus to a journal.

    Args:
        journal: the file to write.
        changed: settings, as on the command line.
    """

    def __init__(self, journal: Path, changed: Iterable[str] = ()) -> None:
        import torch

        from tui_trainer.engine.commands.queue import CommandQueue
        from tui_trainer.engine.trainer import Trainer
        from tui_trainer.host.event_bus import EventBus
        from tui_trainer.runs.journal import Journal

        torch.set_num_threads(1)
        self.bus = EventBus()
        self.bus.add_run("run")
        self.bus.attach_journal("run", Journal(journal))
        endless = ["training.epochs=100000", "early_stopping.enabled=false", *changed]
        config = load("digits-mlp", endless).runs[""]
        self.trainer = Trainer("run", config, self.publish, CommandQueue(threading.Event()))
        self.trainer.set_up()
        self.trainer.begin(None)
        self.steps = self.trainer.run()
        """Trains one batch at each `next`."""

    def publish(self, event: ev.AnyEvent) -> None:
        """Publish an event, which writes it to the journal."""
        self.bus.publish("run", event)

    def close(self) -> None:
        """Write what still waits."""
        from tui_trainer.engine.events.flush import flush

        flush(self.trainer.state, self.trainer.services)
        self.bus.close()
