"""Monitors of small loops, whose journals are read back."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tui_trainer import Monitor
from tui_trainer.protocol.commands import AnyCommand


class Script:
    """A small regression with a monitor, and what became of it on disk."""

    def __init__(self, runs: Path) -> None:
        torch.manual_seed(0)
        self.runs = runs
        self.model = nn.Linear(4, 1)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
        inputs = torch.randn(40, 4)
        self.inputs, self.targets = inputs, inputs.sum(1, keepdim=True)
        self.loader = [(self.inputs[at : at + 8], self.targets[at : at + 8]) for at in range(0, 40, 8)]
        self.path = Path()

    def monitor(self, name: str = "try", **given: Any) -> Monitor:
        """Return a monitor of the model and its optimizer."""
        given = {"model": self.model, "optimizer": self.optimizer, "runs_dir": self.runs, "quiet": True} | given
        monitor = Monitor(name, **given)
        self.path = Path(monitor.path)
        return monitor

    def step(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Take one step. Returns the loss, with its graph."""
        loss = nn.functional.mse_loss(self.model(inputs), targets)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss

    def validate(self) -> dict[str, torch.Tensor]:
        """Measure the loss over all samples."""
        return {"val_loss": nn.functional.mse_loss(self.model(self.inputs), self.targets)}

    def events(self, *types: str) -> list[dict[str, Any]]:
        """Return the journal of the run, or its events of some types."""
        lines = [json.loads(line) for line in (self.path / "events.jsonl").read_text().splitlines()]
        return [event for event in lines if not types or event["type"] in types]

    def series(self, name: str) -> dict[int, float | None]:
        """Return what the journal has of a series, by step."""
        found: dict[int, float | None] = {}
        for event in self.events("Scalars"):
            found |= dict(zip(event["steps"], event["values"].get(name, []), strict=False))
        return found


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """A script whose runs go to a temporary directory."""
    return Script(tmp_path)


def send(monitor: Monitor, command: AnyCommand) -> None:
    """Send a command, as a viewer would."""
    run = monitor._run
    assert run is not None
    assert run.submit(command) is None


@pytest.fixture
def when() -> Iterator[Callable[[Callable[[], bool], Callable[[], None]], None]]:
    """Do something from another thread once a condition holds."""
    threads: list[threading.Thread] = []

    def start(condition: Callable[[], bool], act: Callable[[], None]) -> None:
        def wait() -> None:
            deadline = time.monotonic() + 120
            while not condition() and time.monotonic() < deadline:
                threading.Event().wait(0.005)
            act()

        threads.append(threading.Thread(target=wait, daemon=True))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
