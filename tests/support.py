"""What several test modules need: waiting for a condition, tiny runs, collected events."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.checkpointing import snapshot
from tui_trainer.engine.checkpointing.save import save_run
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.events.flush import flush
from tui_trainer.engine.train_state import StateTree
from tui_trainer.engine.trainer import Trainer
from tui_trainer.protocol import events as ev
from tui_trainer.state.run_state import RunState

T = TypeVar("T")


def wait_for(condition: Callable[[], T], seconds: float = 120.0, what: str = "the condition") -> T:
    """The first true value of the condition. Fails when the deadline passes."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {seconds:g} s")
        time.sleep(0.005)


def tiny_config(**tables: dict[str, Any]) -> RunConfig:
    """A configuration that trains in a fraction of a second: 120 points in two dimensions, 5 batches an epoch."""
    table: dict[str, dict[str, Any]] = {
        "data": {"kind": "moons", "samples": 120, "batch_size": 20, "validation": 0.2},
        "model": {"kind": "mlp", "hidden": [8]},
        "optimizer": {"kind": "sgd", "lr": 0.1},
        "scheduler": {"kind": "constant"},
        "training": {"epochs": 4, "device": "cpu", "threads": 1},
        "early_stopping": {"enabled": False},
    }
    for name, values in tables.items():
        old = table.get(name, {})
        table[name] = values if "kind" in values and values["kind"] != old.get("kind") else {**old, **values}
    return RunConfig.model_validate(table)


class TrainerHarness:
    """A trainer on the bench: its events collected and folded, its commands given by hand."""

    def __init__(self, config: RunConfig, folder: Any = None) -> None:
        self.events: list[ev.AnyEvent] = []
        self.state = RunState(run="bench")
        self.control = CommandQueue(threading.Event())
        self.trainer = Trainer("bench", config, self._take, self.control)
        self.trainer.set_up()
        self.trainer.begin(folder)
        self._run = self.trainer.run()

    def _take(self, event: ev.AnyEvent) -> None:
        event = event.model_copy(update={"seq": len(self.events) + 1, "run": "bench"})
        self.events.append(event)
        self.state.apply(event)

    def steps(self, count: int) -> None:
        """Train so many batches more."""
        for _ in range(count):
            next(self._run)

    def flush(self) -> None:
        """Publish the buffered measurements."""
        flush(self.trainer.state, self.trainer.services)

    def save(self) -> None:
        """Save the run as it is."""
        save_run(self.trainer.state, self.trainer.services)

    def state_dict(self) -> StateTree:
        """The tree that a checkpoint of now holds."""
        return snapshot.state_dict(self.trainer.state, self.trainer.services)

    def load_state_dict(self, tree: StateTree) -> None:
        """Continue from what `state_dict` returned."""
        snapshot.load_state_dict(self.trainer.state, self.trainer.services, tree)

    def finish(self) -> ev.RunFinished:
        """Train to the end."""
        for _ in self._run:
            pass
        return self.of(ev.RunFinished)[-1]

    def of(self, kind: type[T]) -> list[T]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def column(self, name: str) -> dict[int, float | None]:
        """The values of a metric by step, as they were published."""
        return {
            step: value
            for event in self.of(ev.Scalars)
            if name in event.values
            for step, value in zip(event.steps, event.values[name], strict=True)
        }


def small_net(inputs: tuple[int, ...], outputs: int, width: int = 4) -> Any:
    """A model by import path."""
    from torch import nn

    return nn.Sequential(
        nn.Flatten(), nn.Linear(inputs[0], width), nn.Dropout(0.2), nn.Tanh(), nn.Linear(width, outputs)
    )


def small_samples(count: int = 60) -> Any:
    """Data by import path: two classes of points."""
    import torch

    inputs = torch.randn(count, 3, generator=torch.Generator().manual_seed(0))
    return inputs, (inputs[:, 0] > 0).long()


def halving(optimizer: Any) -> Any:
    """A scheduler by import path."""
    from torch.optim.lr_scheduler import ExponentialLR

    return ExponentialLR(optimizer, 0.5)
