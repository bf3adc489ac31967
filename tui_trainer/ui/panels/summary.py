"""The summary of a finished run: reason of the end, best epoch, run directory and next commands."""

from __future__ import annotations

import shlex

from textual.content import Content

from tui_trainer.components.early_stopping import lower_is_better
from tui_trainer.protocol.describe import duration, number
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.charts.readout import series_label
from tui_trainer.ui.icons import STATE_STYLES, Icons
from tui_trainer.ui.panels.intervention_card import before_after, comparison_window

MAX_INTERVENTIONS = 3
"""Most interventions in the summary; `tui-trainer compare` lists all of them."""

REASONS = {
    "completed": "completed all epochs",
    "early-stopped": "stopped early: no improvement within the patience",
    "stopped": "stopped by the user",
    "interrupted": "interrupted",
    "not-finite": "stopped: the loss became NaN or inf",
    "failed": "failed",
    "refused": "could not start",
}


def end_reason(state: RunState) -> str:
    """Return the reason why the run ended, as text."""
    reason = REASONS.get(state.reason, visible(state.reason) or "ended")
    detail = visible(state.detail)
    return detail if detail and detail.startswith(reason.split(":")[0]) else f"{reason}: {detail}" if detail else reason


def next_commands(state: RunState) -> list[tuple[str, str]]:
    """Return the useful next commands and their effects."""
    if state.started is None:
        return []
    run = shlex.quote(visible(state.run) or "last")
    rows = [(f"tui-trainer open {run}", "open it again")]
    if state.reason in ("stopped", "interrupted", "failed", "not-finite"):
        rows.append((f"tui-trainer resume {run}", "continue from its last checkpoint"))
    if state.marks:
        rows.append((f"tui-trainer replay {run}", "train it again with the same interventions"))
    return rows


def interventions(state: RunState) -> list[Content]:
    """Return the newest interventions, oldest first, with step and training loss before and after."""
    series = state.series.get("train_loss")
    marks = [mark for mark in state.marks if mark.letter != "n"]
    if series is None or not marks:
        return []
    lines: list[Content] = []
    for mark in marks[-MAX_INTERVENTIONS:]:
        before, after = before_after(series, mark.step, comparison_window(state))
        loss = f"  train loss {number(before)} → {number(after)}" if before is not None or after is not None else ""
        lines.append(
            Content.assemble(("done  ", "$muted"), f"step {mark.step:,}  {visible(mark.text)}", (loss, "$muted"))
        )
    hidden = len(marks) - len(lines)
    if hidden:
        lines.append(Content.styled(f"      and {hidden} earlier (key [ shows each)", "$muted"))
    return lines


def summary(state: RunState, width: int, icons: Icons) -> Content:
    """Return the summary of one run."""
    style = STATE_STYLES.get(state.status, "")
    epochs = f"{state.epoch} of {state.epochs} epochs, " if state.epochs else ""
    lines = [
        Content.assemble((f"{icons.state(state.status)} {end_reason(state)}", style)),
        Content.styled(f"{epochs}{state.step:,} steps in {duration(state.seconds)}", "$muted"),
    ]
    if state.best is not None:
        sign = "lowest" if lower_is_better(state.best.metric) else "highest"
        lines.append(
            Content.assemble(
                ("best  ", "$muted"),
                (f"{series_label(state.best.metric)} {number(state.best.value)}", "bold"),
                (f", the {sign}, in epoch {state.best.epoch}", "$muted"),
            )
        )
    lines += interventions(state)
    for label, prefixes in (("last  ", ("train_", "val_")), ("test  ", "test_")):
        metrics = [name for name in state.metrics if name.startswith(prefixes) and "/" not in name]
        if metrics:
            values = "  ".join(f"{series_label(name)} {number(state.metrics[name])}" for name in metrics)
            lines.append(Content.assemble((label, "$muted"), values))
    if state.started is not None and state.started.path:
        lines.append(Content.assemble(("in    ", "$muted"), visible(state.started.path)))
    lines += [
        Content.assemble(("next  ", "$muted"), text, (f"  {effect}", "$muted")) for text, effect in next_commands(state)
    ]
    lines.append(
        Content.styled("the charts stay open: move the cursor, zoom, read the layers; press q to quit", "$muted")
    )
    return Content("\n").join(
        [line if line.cell_length <= width else line.truncate(width, ellipsis=True) for line in lines]
    )
