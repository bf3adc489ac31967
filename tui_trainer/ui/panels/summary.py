"""What a run came to, in words: why it ended, what is best, where it lies, and what to do next."""

from __future__ import annotations

import shlex

from textual.content import Content

from tui_trainer.components.early_stopping import lower_is_better
from tui_trainer.protocol.describe import duration, number
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.icons import STATE_STYLES, Icons
from tui_trainer.ui.panels.intervention_card import before_after, reach

DONE = 3
"""Interventions that the summary lists; all of them stand in `tui-trainer compare`."""

REASONS = {
    "completed": "trained for all its epochs",
    "early-stopped": "stopped early: no better for a while",
    "stopped": "stopped by hand",
    "interrupted": "interrupted",
    "not-finite": "stopped: the loss is not a number any more",
    "failed": "failed",
    "refused": "could not be started",
}


def why(state: RunState) -> str:
    """Why the run ended, in words."""
    reason = REASONS.get(state.reason, visible(state.reason) or "ended")
    detail = visible(state.detail)
    return detail if detail and detail.startswith(reason.split(":")[0]) else f"{reason}: {detail}" if detail else reason


def commands(state: RunState) -> list[tuple[str, str]]:
    """What one may do next on the command line, and what it does."""
    if state.started is None:
        return []
    run = shlex.quote(visible(state.run) or "last")
    found = [(f"tui-trainer open {run}", "look at it again")]
    if state.reason in ("stopped", "interrupted", "failed", "not-finite"):
        found.append((f"tui-trainer resume {run}", "go on from its last checkpoint"))
    if state.marks:
        found.append((f"tui-trainer replay {run}", "train it again, interventions and all"))
    return found


def interventions(state: RunState) -> list[Content]:
    """What was done to the run, the newest last: at which step, and the training loss before and after."""
    series = state.series.get("train_loss")
    marks = [mark for mark in state.marks if mark.letter != "n"]
    if series is None or not marks:
        return []
    lines: list[Content] = []
    for mark in marks[-DONE:]:
        before, after = before_after(series, mark.step, reach(state))
        loss = f"  loss {number(before)} → {number(after)}" if before is not None or after is not None else ""
        lines.append(
            Content.assemble(("done  ", "$muted"), f"step {mark.step:,}  {visible(mark.text)}", (loss, "$muted"))
        )
    more = len(marks) - len(lines)
    if more:
        lines.append(Content.styled(f"      and {more} before: [ visits each", "$muted"))
    return lines


def summary(state: RunState, width: int, signs: Icons) -> Content:
    """The summary of one run."""
    style = STATE_STYLES.get(state.status, "")
    epochs = f"{state.epoch} of {state.epochs} epochs, " if state.epochs else ""
    lines = [
        Content.assemble((f"{signs.state(state.status)} {why(state)}", style)),
        Content.styled(f"{epochs}{state.step:,} steps in {duration(state.seconds)}", "$muted"),
    ]
    if state.best is not None:
        sign = "lowest" if lower_is_better(state.best.metric) else "highest"
        lines.append(
            Content.assemble(
                ("best  ", "$muted"),
                (f"{visible(state.best.metric)} {number(state.best.value)}", "bold"),
                (f", the {sign}, in epoch {state.best.epoch}", "$muted"),
            )
        )
    lines += interventions(state)
    wanted = [name for name in state.metrics if name.startswith(("train_", "val_", "test_")) and "/" not in name]
    if wanted:
        last = "  ".join(f"{visible(name)} {number(state.metrics[name])}" for name in wanted)
        lines.append(Content.assemble(("last  ", "$muted"), last))
    if state.started is not None and state.started.path:
        lines.append(Content.assemble(("in    ", "$muted"), visible(state.started.path)))
    lines += [Content.assemble(("next  ", "$muted"), text, (f"  {does}", "$muted")) for text, does in commands(state)]
    lines.append(Content.styled("the charts stay: move the cursor, zoom, read the layers; q leaves", "$muted"))
    return Content("\n").join(
        [line if line.cell_length <= width else line.truncate(width, ellipsis=True) for line in lines]
    )
