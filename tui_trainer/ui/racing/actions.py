"""The action that opens a race of the selected run."""

from __future__ import annotations

from tui_trainer.protocol.commands import AnyCommand, SetLearningRate, ShowAnswers, TakeRace
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


def open_step(context: DashboardContext) -> None:
    """Try the coming batch of the selected run, and set the rate that was chosen, or ask the model."""
    from tui_trainer.ui.racing.step_dialog import StepDialog

    run, store = context.selected_run.run, context.view_state.store

    def send(command: AnyCommand) -> str:
        context.send(command, "try the batch", run)
        return next(reversed(store.pending))

    def decided(decision: SetLearningRate | ShowAnswers) -> None:
        if isinstance(decision, ShowAnswers):
            context.perform("ask")
        else:
            context.send(decision, "rate", run)

    context.ask(StepDialog(lambda: store.states[run], send, lambda id: id in store.pending), decided)
