"""The action that opens the guards of the selected run."""

from __future__ import annotations

from dataclasses import replace

from tui_trainer.ui.dashboard.context import DashboardContext


class GuardActions:
    """Opens the guards; a rule that was left unarmed waits in the entry, and its marks stay on the charts.

    Args:
        context: the dashboard.
    """

    def __init__(self, context: DashboardContext) -> None:
        self._context = context
        self._drafts: dict[str, str] = {}

    def open(self) -> None:
        """Show the guards of the selected run, and set others."""
        from tui_trainer.ui.guarding.dialog import GuardsDialog

        context = self._context
        store, run = context.view_state.store, context.selected_run.run

        def mark(typed: str, steps: tuple[int, ...]) -> None:
            self._drafts[run] = typed
            view_state = context.view_state
            foreseen = {**view_state.view.foreseen, run: steps}
            if foreseen != view_state.view.foreseen:
                view_state.view = replace(view_state.view, foreseen=foreseen)
                context.request_redraw()

        dialog = GuardsDialog(
            lambda: store.states[run],
            lambda command: context.send(command, "guard", run),
            self._drafts.get(run, ""),
            mark,
        )
        context.ask(dialog, lambda _answer: None)
