"""The action that opens a race of the selected run."""

from __future__ import annotations

from tui_trainer.protocol.commands import AnyCommand, TakeRace
from tui_trainer.ui.dashboard.context import DashboardContext


def open_race(context: DashboardContext) -> None:
    """Race settings of the selected run, and send what was chosen."""
    from tui_trainer.ui.racing.dialog import RaceDialog

    run, store = context.selected_run.run, context.view_state.store

    def send(command: AnyCommand) -> str:
        context.send(command, "race", run)
        return next(reversed(store.pending))

    def decided(decision: TakeRace) -> None:
        context.send(decision, f"take {decision.lane or 'none'} of the race", run)

    context.ask(RaceDialog(lambda: store.states[run], send, lambda id: id in store.pending), decided)
