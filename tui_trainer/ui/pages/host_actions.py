"""The messages of a session about its host, and the action that resumes runs whose host died."""

from __future__ import annotations

from collections.abc import Callable

from tui_trainer.errors import UserError
from tui_trainer.session.base import Notice
from tui_trainer.text import visible
from tui_trainer.ui.actions import BY_ID, Keymap, shown_key
from tui_trainer.ui.availability import disabled_reason
from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.panels.progress import DEAD, resume_point

LASTING, PASSING = 3600.0, 8.0
"""Seconds for which a message is shown: one that asks for an action, and any other."""


class HostActions:
    """Reports that a host died, and starts a new one on request.

    Args:
        context: the dashboard.
        keymap: the user's keys.
    """

    def __init__(self, context: DashboardContext, keymap: Keymap) -> None:
        self._context = context
        self._state = context.view_state
        self._keymap = keymap
        self._said_at = 0.0

    def handlers(self) -> dict[str, Callable[[], None]]:
        """Return the handler of each action by its id."""
        return {"resume_run": self.resume}

    @property
    def lost(self) -> bool:
        """Whether nothing is heard of the selected run any more, although it has not ended."""
        store, state = self._state.store, self._state.selected_run
        return state is not None and not state.over and (store.vanished(state) or not store.connected)

    def header_due(self, now: float) -> bool:
        """Return whether the header has to say again how long ago a lost host was heard, at most once a second."""
        if not self.lost or now - self._said_at < 1:
            return False
        self._said_at = now
        return True

    def report(self, notice: Notice) -> None:
        """Show a message of the session; of a host that died, what is known and what to do."""
        store, state = self._state.store, self._state.selected_run
        text = visible(notice.text)
        resumable = disabled_reason(BY_ID["resume_run"], self._state.action_context) is None
        if state is not None and store.vanished(state):
            text = f"{DEAD}: {text}"
            key = shown_key(BY_ID["resume_run"], self._keymap)
            if resumable and key:
                text += f"; {key} resumes {resume_point(state)}"
        lasting = notice.fatal or notice.cut_off or resumable
        self._context.flash(text, error=lasting, seconds=LASTING if lasting else PASSING)

    def resume(self) -> None:
        """Start a new host for runs whose host vanished, and connect to it."""
        from tui_trainer.session.resume import resume_session

        store = self._state.store
        try:
            session = resume_session(store.resumable, store.ended_folders)
        except UserError as error:
            self._context.flash(str(error), error=True)
            return
        if store.session.kind == "finished":
            self._state.read_only = False
        store.switch_session(session)
        self._context.flash("resuming from the last checkpoint")
        self._context.redraw()
