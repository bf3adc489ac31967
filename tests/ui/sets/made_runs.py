"""Made-up finished runs: as folders on disk, and as states."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tui_trainer.components.schedulers.builtin import Constant
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.state.run_state import RunState

STEPS = 10
"""Steps of an epoch."""


def settings(lr: float = 0.1, seed: int = 0, **tables: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration; further tables replace those of the same name."""
    return {
        "title": "made up", "data": {"kind": "digits", "validation": 0.2}, "loss": {"kind": "cross-entropy"},
        "optimizer": {"kind": "sgd", "lr": lr}, "training": {"epochs": 5, "seed": seed}, **tables,
    }  # fmt: skip


def events_of(
    name: str,
    accuracies: Sequence[float],
    config: dict[str, Any],
    path: str = "",
    *,
    over: bool = True,
    epochs: int = 0,
) -> list[ev.AnyEvent]:
    """Return the events of a run that reached these validation accuracies; its losses are 1 less the accuracy."""
    lr = float(config["optimizer"]["lr"])
    total = epochs or len(accuracies)
    plan = LrPlan.begin(Constant(), lr, step=0, end=total * STEPS, steps_per_epoch=STEPS)
    events: list[ev.AnyEvent] = [
        ev.RunStarted(
            title=name, preset="made", path=path, config=config, steps_per_epoch=STEPS, epochs=total, plan=plan,
            metric="accuracy", task="classification", batch_size=8, train_samples=80, validation_samples=400,
        ),
        ev.StatusChanged(status="running"),
    ]  # fmt: skip
    for epoch, accuracy in enumerate(accuracies, 1):
        steps = list(range((epoch - 1) * STEPS + 1, epoch * STEPS + 1))
        losses: list[float | None] = [1 - accuracy + 0.01 * (step % 3) for step in steps]
        values: dict[str, list[float | None]] = {"train_loss": losses, "lr": [lr] * STEPS, "grad_norm": losses}
        events.append(ev.Scalars(step=steps[-1], steps=steps, seconds=[step / 10 for step in steps], values=values))
        metrics: dict[str, float | None] = {
            "train_loss": 1 - accuracy, "val_loss": 1 - accuracy, "val_accuracy": accuracy,
        }  # fmt: skip
        events.append(ev.EpochEnded(step=steps[-1], epoch=epoch, seconds=float(epoch), metrics=metrics, lr=lr))
    if over:
        last = len(accuracies)
        events.append(ev.RunFinished(step=last * STEPS, reason="completed", epoch=last, seconds=float(last)))
    return [event.model_copy(update={"seq": seq, "run": name}) for seq, event in enumerate(events, 1)]


def made_state(
    name: str, accuracies: Sequence[float], config: dict[str, Any] | None = None, **options: Any
) -> RunState:
    """Return the state of a run."""
    state = RunState(run=name)
    state.apply(*events_of(name, accuracies, config or settings(), **options))
    return state


def made_run(
    folder: Path,
    accuracies: Sequence[float],
    config: dict[str, Any] | None = None,
    about: dict[str, Any] | None = None,
    name: str = "",
) -> Path:
    """Write the folder of a run, named after its folder unless it has a name of its own."""
    name = name or folder.name
    config = config or settings()
    folder.mkdir(parents=True)
    facts = {"name": name, "preset": "made", "started": "2026-11-28T19:16:11Z", **(about or {})}
    (folder / "about.json").write_text(json.dumps(facts))
    (folder / "run.toml").write_text(toml(config))
    events = events_of(name, accuracies, config, str(folder))
    (folder / "events.jsonl").write_bytes(b"".join(map(encode_event, events)))
    return folder


def toml(config: dict[str, Any]) -> str:
    """Return a configuration of one level of tables as TOML."""
    plain = [f"{key} = {json.dumps(value)}" for key, value in config.items() if not isinstance(value, dict)]
    for table, values in config.items():
        if isinstance(values, dict):
            plain += [f"[{table}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
    return "\n".join(plain) + "\n"
