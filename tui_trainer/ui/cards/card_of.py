"""Choose the card at the end: that of the set where all of its runs have ended, else that of the selected run."""

from __future__ import annotations

from textual.content import Content

from tui_trainer.ui.actions import Keymap
from tui_trainer.ui.cards.end_card import end_card, set_card
from tui_trainer.ui.cards.ranking import ranking
from tui_trainer.ui.cards.recent_runs import RecentRuns
from tui_trainer.ui.dashboard.view_state import ViewState
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.panels.findings import closing_findings
from tui_trainer.ui.preferences.view_memory import project_folder


def card_at_end(
    view_state: ViewState, width: int, height: int, icons: Icons, keymap: Keymap, recent: RecentRuns
) -> Content:
    """Return the card of the selected run, or of its set; empty while it trains, and for the log of another program.

    Args:
        view_state: the runs.
        width: cells of a line.
        height: lines of the board; a set takes at most a third of it.
        icons: the symbols to draw with.
        keymap: the user's keys.
        recent: asked for the last finished runs of the preset.
    """
    state = view_state.selected_run
    if state is None or not state.over or state.foreign:
        return Content("")
    states = view_state.states
    if len(states) > 1 and view_state.store.over:
        ranked = ranking(states)
        if ranked is not None:
            return set_card(ranked, width, max(height // 3, 5), icons, keymap, view_state.action_context)
    if state.started is not None and len(states) == 1:
        recent.ask(project_folder(state), state.started.preset, state.run)
    remarks = closing_findings(state, view_state.muted_findings)
    return end_card(state, width, icons, keymap, view_state.action_context, recent.runs, remarks)
