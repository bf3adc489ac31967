"""The veil over a drill: the diagnosis is folded, but not shown, until the cause is named or a hint asked for."""

from __future__ import annotations

from tui_trainer.config.teaching.drill import DrillProgress, drill_of
from tui_trainer.protocol import events as ev
from tui_trainer.state.run_data import RunData


def is_veiled(state: RunData) -> bool:
    """Return whether the findings of a run are withheld."""
    progress = state.drill
    return progress is not None and not progress.named and not progress.hints


def begin(state: RunData) -> None:
    """Take in whether the run that has begun is a drill."""
    if state.drill is None and state.started is not None and drill_of(state.started.config) is not None:
        state.drill = DrillProgress()


def read_note(state: RunData, event: ev.Noted) -> None:
    """Take in a note; the one that names the cause or asks for a hint lifts the veil."""
    if state.drill is None:
        return
    state.drill.read(event.text)
    if state.withheld and not is_veiled(state):
        state.findings, state.withheld = {**state.findings, **state.withheld}, {}


def diagnosed(state: RunData, event: ev.Diagnosed) -> None:
    """Keep a finding, behind the veil where there is one."""
    if is_veiled(state):
        state.withheld[event.finding] = event
    else:
        state.findings[event.finding] = event
