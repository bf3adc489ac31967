"""A run of digits-mlp in this process, its events written down as a host does it."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from tui_trainer.config.preset import load
from tui_trainer.protocol import events as ev


class Written:
    """The trainer, and the hub that its events go through.

    Args:
        journal: the file that they are written to.
        changed: settings, as on the command line.
    """

    def __init__(self, journal: Path, changed: Iterable[str] = ()) -> None:
        import torch

        from tui_trainer.engine.commands.queue import CommandQueue
        from tui_trainer.engine.trainer import Trainer
        from tui_trainer.host.event_bus import EventBus
        from tui_trainer.runs.journal import Journal

        torch.set_num_threads(1)
        self.hub = EventBus()
        self.hub.add_run("run")
        self.hub.write_to("run", Journal(journal))
        endless = ["training.epochs=100000", "early_stopping.enabled=false", *changed]
        config = load("digits-mlp", endless).runs[""]
        self.trainer = Trainer("run", config, self.publish, CommandQueue(threading.Event()))
        self.trainer.set_up()
        self.trainer.begin(None)
        self.steps = self.trainer.run()
        """Takes a step at each `next`."""

    def publish(self, event: ev.AnyEvent) -> None:
        """Write an event down."""
        self.hub.publish("run", event)

    def close(self) -> None:
        """Write what still waits."""
        from tui_trainer.engine.events.flush import flush

        flush(self.trainer.state, self.trainer.services)
        self.hub.close()
