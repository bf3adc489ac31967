"""A run in this process, whose numbers are read as they are published."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import torch

from tui_trainer.config.preset import load
from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.checkpointing import snapshot
from tui_trainer.engine.checkpointing.file_format import parse, serialise
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.events.flush import flush
from tui_trainer.engine.trainer import Trainer
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import AnyCommand

ENDLESS = ["early_stopping.enabled=false", "training.epochs=1000"]


def configuration(preset: str, device: str, changes: Iterable[str] = (), variant: str = "") -> RunConfig:
    """Return the configuration of a preset that trains on, on a device."""
    return load(preset, [*ENDLESS, f"training.device={device}", *changes]).runs[variant]


class BenchRun:
    """A trainer with its numbers.

    Args:
        config: its configuration.
        script: commands, each at its step.
        saved: the bytes of a checkpoint to go on from.
    """

    def __init__(
        self, config: RunConfig, script: Iterable[tuple[int, AnyCommand]] = (), saved: bytes | None = None
    ) -> None:
        self.columns: dict[str, dict[int, float | None]] = {}
        self.log: list[str] = []
        self.commands = CommandQueue(threading.Event())
        self.trainer = Trainer("bench", config, self._take, self.commands)
        self.trainer.set_up(restored=saved is not None)
        if saved is not None:
            tree = parse(bytearray(saved), "a checkpoint")
            snapshot.load_state_dict(self.trainer.state, self.trainer.services, tree)
        self.trainer.follow(list(script))
        self.trainer.begin(None)
        self.steps = self.trainer.run()

    def _take(self, event: ev.AnyEvent) -> None:
        if isinstance(event, ev.Scalars):
            for name, values in event.values.items():
                self.columns.setdefault(name, {}).update(zip(event.steps, values, strict=True))
        elif isinstance(event, ev.Logged):
            self.log += event.lines

    def to(self, step: int) -> BenchRun:
        """Train up to a step, and publish what was measured."""
        for _ in self.steps:
            if self.trainer.state.step >= step:
                break
        flush(self.trainer.state, self.trainer.services)
        return self

    def saved(self) -> bytes:
        """Return the bytes of a checkpoint of now."""
        tree = snapshot.state_dict(self.trainer.state, self.trainer.services)
        return bytes(serialise(tree | {"journal": {"bytes": 0}}))

    def weights(self) -> dict[str, torch.Tensor]:
        """Return the weights and buffers."""
        return self.trainer.services.setup.model.state_dict()

    def losses(self) -> list[float]:
        """Return the losses by step."""
        return [float("nan") if value is None else value for value in self.columns["train_loss"].values()]


def first_difference(one: BenchRun, other: BenchRun, after: int = 0) -> str:
    """Return in words where the numbers of `other` after a step, or its weights, differ from those of `one`."""
    for name in ("train_loss", "lr", "grad_norm"):
        theirs = other.columns.get(name, {})
        for step, value in one.columns.get(name, {}).items():
            if step > after and theirs.get(step) != value:
                return f"{name} differs from step {step}: {value} and {theirs.get(step)}"
    weights: dict[str, Any] = other.weights()
    different = [name for name, value in one.weights().items() if not torch.equal(value, weights[name])]
    return f"weights differ: {', '.join(different[:3])}" if different else ""
