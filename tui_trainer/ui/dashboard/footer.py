"""The footer: the keys that are available now, or a message."""

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
"""Seconds after which the footer shows how long a command has been waiting for its answer."""


class Footer(Panel):
    """One line of key hints; messages and unanswered commands replace them for a while.

    Textual's own footer shows every binding: here only as many hints as fit the width, the most useful first.
    """

    DEFAULT_CSS = """
    Footer { height: 1; padding: 0 1; background: $panel; color: $foreground; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._message: tuple[str, bool] = ("", False)
        self._until = 0.0

    @property
    def message(self) -> str:
        """The message that is shown now; empty while the key hints are."""
        return self._message[0] if monotonic() < self._until else ""

    @property
    def has_message(self) -> bool:
        """Whether the line holds a message that has yet to be replaced by the key hints."""
        return bool(self._message[0])

    def flash(self, text: str, *, error: bool, until: float) -> None:
        """Show a message until a monotonic time, in seconds."""
        self._message, self._until = (text, error), until

    def draw(self, context: ActionContext, keymap: Keymap, pending: Mapping[str, Pending]) -> None:
        """Draw the unanswered commands, else the message, else the key hints."""
        if pending:
            self.show(_waiting(pending))
        elif self.message:
            text, error = self._message
            self.show(Content.styled(f"! {text}", "bold $warning") if error else Content.styled(text, "$secondary"))
        else:
            self._message = ("", False)
            self.show(_key_hints(context, keymap, self.size.width - 2))


def _waiting(pending: Mapping[str, Pending]) -> Content:
    oldest = next(iter(pending.values()))
    seconds = monotonic() - oldest.since
    more = f" and {len(pending) - 1} more" if len(pending) > 1 else ""
    waited = f" ({seconds:.0f} s)" if seconds >= SLOW else ""
    return Content.styled(f"sent: {oldest.description}{more} …{waited}", "$secondary")


def _key_hints(context: ActionContext, keymap: Keymap, width: int) -> Content:
    last = Content("  ").join([_hint(name, context, keymap) for name in ALWAYS])
    row = Content("")
    for action in sorted((action for action in ACTIONS if action.rank), key=lambda action: action.rank):
        wrong_status = action.prime and (context.state is None or context.state.status != action.prime)
        if action.id in ALWAYS or wrong_status or disabled_reason(action, context) is not None:
            continue
        hint = _hint(action.id, context, keymap)
        joined = Content.assemble(row, "  ", hint) if row else hint
        if joined.cell_length + 2 + last.cell_length > width:
            break
        row = joined
    return Content.assemble(row, "  ", last) if row else last


def _hint(name: str, context: ActionContext, keymap: Keymap) -> Content:
    action = BY_ID[name]
    return Content.assemble(
        (shown_key(action, keymap), "bold $primary"), (f" {label(action, context)}", "$foreground 80%")
    )
