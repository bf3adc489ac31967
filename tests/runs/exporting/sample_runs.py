"""A small run with values that are awkward to write, and its folder."""

from __future__ import annotations

import math
from pathlib import Path

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.protocol.commands import Evaluate, Note, SetLearningRate
from tui_trainer.runs.exporting.exported_run import ExportedRun
from tui_trainer.runs.exporting.own_run import read_own_run
from tui_trainer.runs.run_info import read_run_info

STARTED = 1_790_000_000.0
"""2026-09-21T14:13:20 UTC, when the run started."""
SPOKEN = 'too "noisy" <script>alert(1)</script>'
LOSSES = [math.exp(-step / 8) for step in range(1, 41)]


def steered() -> list[ev.AnyEvent]:
    """40 steps in epochs of 10; the loss of step 7 is infinite; the rate is halved after step 20, with a reason."""
    changed = SetLearningRate(factor=0.5, id="a", by="ann@lab", because=SPOKEN)
    losses: list[float | None] = list(LOSSES)
    losses[6] = None
    events: list[ev.AnyEvent] = [ev.RunStarted(title="Small", steps_per_epoch=10, epochs=4, model="mlp", device="cpu")]
    for first, last in ((0, 20), (20, 35), (35, 40)):
        steps = list(range(first + 1, last + 1))
        events.append(
            ev.Scalars(
                step=last,
                steps=steps,
                seconds=[step / 4 for step in steps],
                values={"train_loss": losses[first:last], "lr": [0.1 if first == 0 else 0.05] * len(steps)},
                not_finite={"train_loss": {6: "inf"}} if first == 0 else {},
            )
        )
        if last == 35:
            asked = Evaluate(id="c", by="ann@lab")
            events.append(ev.Scalars(step=35, steps=[35], seconds=[8.75], values={"val_loss": [0.5]}, cause=asked))
            continue
        metrics: dict[str, float | None] = {"val_loss": LOSSES[last - 1] + 0.125}
        events.append(ev.EpochEnded(step=last, epoch=last // 10, seconds=last / 4, metrics=metrics))
        if first == 0:
            events.append(ev.SettingChanged(step=20, name="lr", value=0.05, previous=0.1, cause=changed))
            events.append(ev.Noted(step=20, text="half", cause=Note(text="half", id="b", by="ann@lab")))
    return [*events, ev.RunFinished(reason="completed", step=40, epoch=4, seconds=10.0)]


def write_run(folder: Path, events: list[ev.AnyEvent]) -> ExportedRun:
    """Write a run folder and read it for an export."""
    folder.mkdir(parents=True)
    stamped = [
        event.model_copy(update={"seq": seq, "run": folder.name, "at": "2026-09-21T14:13:20.000Z"})
        for seq, event in enumerate(events, 1)
    ]
    (folder / "events.jsonl").write_bytes(b"".join(map(encode_event, stamped)))
    return read_own_run(read_run_info(folder))
