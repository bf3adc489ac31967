"""A loop with everything that can move between two steps, with something tried on the way and without."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.engine.trying.untouched import bits
from tests.monitor.conftest import send
from tui_trainer import Monitor
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol.codec import decode_event
from tui_trainer.runs.history import RunHistory

BATCHES = 24
"""Batches of an epoch."""


class Average:
    """A running mean of the weights, as a script may keep one."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.values = [parameter.detach().clone() for parameter in model.parameters()]

    def update(self) -> None:
        for value, parameter in zip(self.values, self.model.parameters(), strict=True):
            value.lerp_(parameter.detach(), 0.1)

    def state_dict(self) -> dict[str, Any]:
        return {"values": self.values}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for value, saved in zip(self.values, state["values"], strict=True):
            value.copy_(saved)


class Noisy(torch.utils.data.Dataset[Any]):
    """Samples that are distorted with random numbers while they are read."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(1)
        self.inputs = torch.randn(BATCHES * 4, 6, generator=generator)

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        row = self.inputs[index]
        return row + 0.01 * torch.randn(6) + random.random() * 0.01, row.sum().reshape(1) + np.random.rand() * 0.01


class Loop:
    """A training whose every number depends on every generator.

    Args:
        runs: the runs directory.
        optimizer: makes the optimizer.
        every: batches of a step.
    """

    def __init__(
        self,
        runs: Path,
        optimizer: Callable[[Any], torch.optim.Optimizer] | None = None,
        *,
        every: int = 1,
        critic: bool = False,
    ) -> None:
        torch.manual_seed(3)
        random.seed(3)
        np.random.seed(3)
        self.runs, self.every = runs, every
        self.model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 1))
        make = optimizer or (lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9))
        self.optimizer = make(self.model.parameters())
        cycles = "momentum" in self.optimizer.defaults or "betas" in self.optimizer.defaults
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, 0.1, total_steps=400, cycle_momentum=cycles)
        self.average = Average(self.model)
        self.scaler = torch.amp.GradScaler("cpu", init_scale=64.0, growth_interval=5)
        self.knob = 0.0
        self.order = torch.Generator().manual_seed(7)
        self.loader = torch.utils.data.DataLoader(Noisy(), batch_size=4, shuffle=True, generator=self.order)
        self.critic = nn.Linear(6, 1) if critic else None
        self.critics = torch.optim.Adam(self.critic.parameters(), lr=0.01) if self.critic is not None else None
        self.handed: list[Tensor] = []
        """The batches that the training got, with those of trials."""
        self.path = Path()
        self.monitor: Any = None

    def train(self, sent: Sequence[tuple[int, cmd.AnyCommand]] = (), epochs: int = 2, **given: Any) -> None:
        """Train, and send each command at its step."""
        waiting = list(sent)
        models = {"model": self.model, "critic": self.critic} if self.critic is not None else self.model
        optimizers = {"model": self.optimizer, "critic": self.critics} if self.critic is not None else self.optimizer
        arguments = {"model": models, "optimizer": optimizers, "scheduler": self.schedule, "runs_dir": self.runs}
        with Monitor("tried", **(arguments | {"quiet": True} | given)) as monitor:
            self.monitor, self.path = monitor, Path(monitor.path)
            monitor.keep(average=self.average, scaler=self.scaler, order=self.order)
            monitor.knob("noise", self, "knob", low=0.0, high=1.0)
            run = monitor._run
            for _ in monitor.epochs(epochs):
                pending = 0
                for inputs, targets in monitor.batches(self.loader):
                    self.handed.append(inputs.clone())
                    inputs += self.knob * torch.randn_like(inputs)  # in place: the batch that is kept stays as it was
                    loss = nn.functional.mse_loss(self.model(inputs), targets) / self.every
                    self.scaler.scale(loss).backward()
                    monitor.log(loss=loss, axis={"samples": len(inputs)})
                    pending += 1
                    if pending % self.every:
                        continue
                    if self.critic is not None and self.critics is not None:
                        self.critic(inputs).square().mean().backward()
                        self.critics.step()
                        self.critics.zero_grad()
                    self.scaler.unscale_(self.optimizer)
                    monitor.clip(self.model.parameters(), 1.0)
                    self.scaler.step(self.optimizer)
                    self.scaler.update()
                    self.optimizer.zero_grad()
                    self.schedule.step()
                    self.average.update()
                    assert run is not None
                    while waiting and waiting[0][0] == monitor.step_count and not run.inside:
                        send(monitor, waiting.pop(0)[1])
                monitor.log_epoch(val_loss=self.model[0].weight.square().mean().item())

    def state(self) -> Any:
        """Return everything that the training has moved, as bits."""
        critic = self.critic.state_dict() if self.critic is not None else None
        return bits(
            {
                "model": self.model.state_dict(),
                "modes": [module.training for module in self.model.modules()],
                "optimizer": self.optimizer.state_dict(),
                "critic": [critic, self.critics.state_dict() if self.critics is not None else None],
                "schedule": self.schedule.state_dict(),
                "average": self.average.state_dict(),
                "scaler": self.scaler.state_dict(),
                "order": self.order.get_state(),
                "torch": torch.get_rng_state(),
                "others": [random.getstate(), np.random.get_state()[1].tolist()],
                "knob": self.knob,
            }
        )

    def events(self, *types: str) -> list[Any]:
        """Return the events of the journal, or those of some types."""
        lines = (self.path / "events.jsonl").read_text().splitlines()
        events = [decode_event(line.encode()) for line in lines]
        return [event for event in events if not types or event.type in types]

    def history(self) -> RunHistory:
        """Return what was measured."""
        record = RunHistory()
        for event in self.events():
            record.add(event)
        return record

    def series_lr(self, step: int) -> float:
        """Return the rate with which a step was taken."""
        return self.history().rows[step]["lr"]
