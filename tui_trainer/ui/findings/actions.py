"""Actions of the findings page: perform a numbered action, select another finding, mute one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tui_trainer.protocol.commands import Undo
from tui_trainer.protocol.events import Diagnosed, FindingAction
from tui_trainer.protocol.finding_titles import title_of
from tui_trainer.text import visible
from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.findings.advice import actions_of
from tui_trainer.ui.panels.findings import active_findings

Handler = Callable[[], None]
NUMBERS = (1, 2, 3, 4)
"""Three actions, and mute."""


class FindingActions:
    """Handlers of the keys that mean something else while the findings page is open.

    Args:
        context: the dashboard.
        is_open: returns whether the findings page is open.
        perform: performs an action of the table by its id; its form opens with the value.
        others: the handlers of the same keys while the page is closed.
    """

    def __init__(
        self,
        context: DashboardContext,
        is_open: Callable[[], bool],
        perform: Callable[[str, str], None],
        others: Mapping[str, Handler],
    ) -> None:
        self._context = context
        self._state = context.view_state
        self._is_open = is_open
        self._perform = perform
        self._others = dict(others)

    def handlers(self) -> dict[str, Handler]:
        """Return the handler of each action by its id."""
        return {
            **{f"chart_{number}": self._numbered(number) for number in NUMBERS},
            "zoom_in": lambda: self._select(-1, "zoom_in"),
            "zoom_out": lambda: self._select(1, "zoom_out"),
            "mute_finding": self.mute,
        }

    def _numbered(self, number: int) -> Handler:
        def choose() -> None:
            if not self.choose(number):
                self._others[f"chart_{number}"]()

        return choose

    def choose(self, number: int) -> bool:
        """Perform the action with this number of the shown finding. Returns False where the page does not have it."""
        finding = self._shown() if self._is_open() else None
        if finding is None:
            return False
        actions = actions_of(finding, self._context.selected_run)
        if number == len(actions) + 1:
            self.mute()
        elif number <= len(actions):
            self._act(finding, actions[number - 1])
        return number <= len(actions) + 1

    def _act(self, finding: Diagnosed, action: FindingAction) -> None:
        if not action.action:
            self._context.flash(action.reason)
        elif action.action == "undo":
            self._ask_undo(finding, action)
        else:
            self._perform(action.action, action.value)

    def _ask_undo(self, finding: Diagnosed, action: FindingAction) -> None:
        """Ask before the cause of a finding is undone, as a number key alone must not change a run."""
        from tui_trainer.ui.screens.dialogs.confirm import Confirm, Possible

        count = int(action.value or 1)
        many = f"the last {count} changes are" if count > 1 else "the change is"
        question = f"{finding.likely_cause} The run goes back to step {finding.cause_step or 0:,}, and {many} undone."
        answers = (Possible("undo", "u", "Undo"), Possible("stay", "c", "Leave it as it is"))

        def answered(answer: str) -> None:
            if answer == "undo":
                for _ in range(count):
                    self._context.send(Undo(), "undo")

        self._context.ask(Confirm(f"Undo: {title_of(finding)}", visible(question), answers), answered)

    def _shown(self) -> Diagnosed | None:
        """Return the finding that the page shows in full."""
        active = active_findings(self._context.selected_run, self._state.muted_findings)
        return active[min(self._state.finding, len(active) - 1)] if active else None

    def _select(self, findings: int, other: str) -> None:
        """Show the next finding in full; where there is none, do what the key does elsewhere."""
        count = len(active_findings(self._context.selected_run, self._state.muted_findings))
        if not self._is_open() or count < 2:
            self._others[other]()
            return
        self._state.finding = min(max(self._state.finding + findings, 0), count - 1)
        self._context.redraw()

    def mute(self) -> None:
        """Mute the shown finding of this run; where none is shown, show the muted ones again."""
        state, run = self._state, self._context.selected_run.run
        finding = self._shown()
        if finding is not None:
            state.muted[run] = state.muted_findings | {finding.finding}
            self._context.flash(f"muted: {title_of(finding)}")
        elif state.muted.pop(run, None):
            self._context.flash("the muted findings are shown again")
        else:
            self._context.flash("no finding to mute")
        state.finding = 0
        self._context.redraw()
