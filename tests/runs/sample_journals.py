"""Journals with every kind of event, for tests that read them in several ways."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from tui_trainer.components.optimizers.first_order import Adam
from tui_trainer.components.schedulers.builtin import Constant
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.protocol.commands import Note

METRICS = ("train_loss", "lr", "grad_norm")


def eventful(seed: int, steps: int, *, over: bool = True) -> Iterator[ev.AnyEvent]:
    """Yield the events of a run with epochs, layers, notes, non-finite values and undone interventions."""
    source = random.Random(seed)
    plan = LrPlan.begin(Constant(), 0.1, step=0, end=steps, steps_per_epoch=1000)
    yield ev.RunStarted(title="eventful", steps_per_epoch=1000, epochs=steps // 1000)
    yield ev.StatusChanged(status="running")
    step = 0
    undone = False
    while step < steps:
        count = source.randint(1, 300)
        here = list(range(step + 1, step + count + 1))
        values: dict[str, list[float | None]] = {name: [source.gauss(1, 0.1) for _ in here] for name in METRICS}
        lost: dict[str, dict[int, str]] = {}
        if source.random() < 0.05:
            values["train_loss"][0], lost = None, {"train_loss": {0: "inf"}}
        step = here[-1]
        seconds = [at / 1000 for at in here]
        yield ev.Scalars(step=step, steps=here, seconds=seconds, values=values, not_finite=lost)
        if source.random() < 0.2:
            layer = ev.Layer(grad_norm=source.random(), update_ratio=source.random())
            yield ev.LayersMeasured(step=step, layers={"hidden": layer})
        if source.random() < 0.1:
            metrics: dict[str, float | None] = {"val_loss": source.random(), "train_loss": source.random()}
            yield ev.EpochEnded(step=step, epoch=step // 1000, seconds=step / 1000, metrics=metrics)
        if source.random() < 0.03:
            yield ev.Noted(step=step, text=f"at {step}", cause=Note(text=f"at {step}", id=f"note-{step}"))
        if not undone and step > steps // 2:
            undone = True
            step -= source.randint(1, steps // 4)
            restored = restored_to(plan, here[-1], step / 1000, steps // 1000)
            yield ev.RolledBack(step=step, to="before", from_epoch=step // 1000, restored=restored)
    if over:
        yield ev.RunFinished(reason="completed", step=step, epoch=step // 1000, seconds=step / 1000)


def restored_to(plan: LrPlan, from_step: int, seconds: float, epochs: int) -> ev.Restored:
    """Return the settings that an undo restores, of a run without interventions."""
    return ev.Restored(
        from_step=from_step,
        undid="none",
        seconds=seconds,
        epochs=epochs,
        lr=0.1,
        clip_grad_norm=0,
        patience=0,
        min_delta=0,
        early_stopping=False,
        bad_epochs=0,
        plan=plan,
        optimizer=Adam(),
    )


def write(folder: Path, seed: int, steps: int, *, over: bool = True) -> Path:
    """Write the journal of an eventful run into a folder."""
    folder.mkdir(parents=True)
    path = folder / "events.jsonl"
    with path.open("wb") as file:
        for seq, event in enumerate(eventful(seed, steps, over=over), start=1):
            stamp = {"seq": seq, "run": folder.name, "at": "2026-11-24T12:00:00.000Z"}
            file.write(encode_event(event.model_copy(update=stamp)))
    return path


def altered(path: Path, source: random.Random, count: int) -> None:
    """Flip one bit at `count` random places."""
    data = bytearray(path.read_bytes())
    for _ in range(count):
        data[source.randrange(1000, len(data))] ^= 1
    path.write_bytes(data)
