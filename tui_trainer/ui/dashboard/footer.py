"""The line at the bottom: the keys that matter now, as many as fit; for a while, a message in their place."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic

from textual.content import Content

from tui_trainer.ui.actions import ACTIONS, BY_ID, Keymap, shown_key
from tui_trainer.ui.availability import ActionContext, disabled_reason, label
from tui_trainer.ui.panels.panel import Panel
from tui_trainer.ui.run_store import Pending

ALWAYS = ("help", "quit")
SLOW = 1.0
"""Seconds after which an unanswered command says how long it has been waiting."""


class Footer(Panel):
    """What cannot be done now is not advertised."""

    DEFAULT_CSS = """
    Footer { height: 1; padding: 0 1; background: $panel; color: $foreground; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._message: tuple[str, bool] = ("", False)
        self._until = 0.0

    @property
    def message(self) -> str:
        """The message that stands there now, empty where the keys do."""
        return self._message[0] if monotonic() < self._until else ""

    @property
    def changes(self) -> bool:
        """Whether there is something on it that will go away by itself."""
        return bool(self._message[0])

    def say(self, text: str, *, wrong: bool, until: float) -> None:
        """Keep a message in sight until then."""
        self._message, self._until = (text, wrong), until

    def draw(self, now: ActionContext, keymap: Keymap, pending: Mapping[str, Pending]) -> None:
        """Show what was asked and not answered yet, else the message, else the keys."""
        if pending:
            self.show(_waiting(pending))
        elif self.message:
            text, wrong = self._message
            self.show(Content.styled(f"! {text}", "bold $warning") if wrong else Content.styled(text, "$secondary"))
        else:
            self._message = ("", False)
            self.show(_keys(now, keymap, self.size.width - 2))


def _waiting(pending: Mapping[str, Pending]) -> Content:
    oldest = next(iter(pending.values()))
    passed = monotonic() - oldest.since
    more = f" and {len(pending) - 1} more" if len(pending) > 1 else ""
    waited = f" ({passed:.0f} s)" if passed >= SLOW else ""
    return Content.styled(f"sent: {oldest.words}{more} …{waited}", "$secondary")


def _keys(now: ActionContext, keymap: Keymap, width: int) -> Content:
    last = Content("  ").join([_entry(name, now, keymap) for name in ALWAYS])
    row = Content("")
    for action in sorted((action for action in ACTIONS if action.rank), key=lambda action: action.rank):
        other_state = action.prime and (now.state is None or now.state.status != action.prime)
        if action.id in ALWAYS or other_state or disabled_reason(action, now) is not None:
            continue
        entry = _entry(action.id, now, keymap)
        joined = Content.assemble(row, "  ", entry) if row else entry
        if joined.cell_length + 2 + last.cell_length > width:
            break
        row = joined
    return Content.assemble(row, "  ", last) if row else last


def _entry(name: str, now: ActionContext, keymap: Keymap) -> Content:
    action = BY_ID[name]
    return Content.assemble((shown_key(action, keymap), "bold $primary"), (f" {label(action, now)}", "$foreground 80%"))
