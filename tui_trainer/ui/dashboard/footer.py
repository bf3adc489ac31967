"""The footer: the keys that are available now, and above them the message with its next key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from time import monotonic

from textual.content import Content
from textual.events import Click
from textual.message import Message

from tui_trainer.ui.actions import ACTIONS, BY_ID, Action, Keymap, shown_key
from tui_trainer.ui.availability import ActionContext, disabled_reason, label
from tui_trainer.ui.dashboard.view_state import ONLY_PAGE, ViewState
from tui_trainer.ui.panels.panel import Panel
from tui_trainer.ui.run_store import Pending

ALWAYS = ("help", "quit")
"""Actions at the end of the line, whatever else is left out."""
SLOW = 1.0
"""Seconds after which the footer shows how long a command has been waiting for its answer."""
PAGE_ACTIONS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "findings": (("undo", "undo"), ("layers", "layers")),
    "layers": (("diagnosis", "findings"), ("chart_6", "layer chart")),
    "notes": (("lesson", "full text"), ("next_run", "next run")),
    "answers": (("ask", "ask"), ("answers", "close")),
    "runs": (("next_run", "next run"), ("runs", "settings"), ("steer_all", "steer all")),
    "comparison": (("log_down", "scroll"), ("next_run", "next run"), ("leaderboard", "leaderboard")),
    "leaderboard": (
        ("sort_runs", "sort"),
        ("reverse_order", "reverse"),
        ("hide_run", "hide"),
        ("pin_baseline", "pin"),
        ("other_baseline", "other baseline"),
        ("compare", "compare"),
    ),
}
"""The actions of each page with their labels, before those of the run."""


@dataclass(slots=True)
class _Hints:
    """One line of hints, with the cells of each for the mouse."""

    line: Content = field(default_factory=lambda: Content(""))
    spans: list[tuple[int, int, str]] = field(default_factory=list[tuple[int, int, str]])

    def at(self, x: int) -> str:
        """Return the action of the hint at a cell, empty where there is none."""
        return next((action for start, end, action in self.spans if start <= x < end), "")


class Footer(Panel):
    """Key hints in one line, and a line for messages above it where the terminal is high enough.

    A message keeps its next key beside it. Hints can be clicked. Textual's own footer shows every binding: here only
    as many hints as fit the width, the most useful first.
    """

    DEFAULT_CSS = """
    Footer { height: 1; padding: 0 1; background: $panel; color: $foreground; }
    """

    ALLOW_SELECT = False

    @dataclass
    class Pressed(Message):
        """Posted when a hint is clicked: a click equals the key."""

        action: str

    def __init__(self) -> None:
        super().__init__()
        self._message: tuple[str, bool] = ("", False)
        self._next_action = ""
        """The action whose key stands beside the message."""
        self._until = 0.0
        self._keys, self._message_keys = _Hints(), _Hints()
        self._lines = 1

    @property
    def message(self) -> str:
        """The message that is shown now; empty without one."""
        return self._message[0] if monotonic() < self._until else ""

    @property
    def has_message(self) -> bool:
        """Whether there is a message that has yet to be removed from the screen."""
        return bool(self._message[0])

    @property
    def has_message_line(self) -> bool:
        """Whether messages have a line of their own above the keys."""
        return self._lines > 1

    def place(self, lines: int) -> None:
        """Take so many lines: none, the keys, or the message and the keys."""
        self._lines = lines
        self.display = lines > 0
        self.styles.height = max(lines, 1)

    def flash(self, text: str, *, error: bool, until: float, action: str = "") -> None:
        """Show a message until a monotonic time, in seconds, with the key of an action beside it."""
        self._message, self._until, self._next_action = (text, error), until, action

    def draw(self, view_state: ViewState, keymap: Keymap, pending: Mapping[str, Pending]) -> None:
        """Draw the key hints, and the message in its own line if there is one."""
        if not pending and not self.message:
            self._message = ("", False)
        context, width = view_state.action_context, self.size.width - 2
        self._keys = _key_hints(view_state, context, keymap, width)
        if self._lines < 2:
            self.show(self._keys.line)
        else:
            self.show(Content.assemble(self.message_line(context, keymap, pending, width), "\n", self._keys.line))

    def message_line(
        self, context: ActionContext, keymap: Keymap, pending: Mapping[str, Pending], width: int
    ) -> Content:
        """Return the unanswered commands, else the message with its next key, in one line of at most `width` cells."""
        self._message_keys = _Hints()
        if pending:
            return _waiting(pending).truncate(max(width, 0), ellipsis=True)
        if not self.message:
            return Content("")
        text, error = self._message
        line = Content.styled(f"! {text}", "bold $warning") if error else Content.styled(text, "$secondary")
        action = BY_ID.get(self._next_action)
        if action is None or disabled_reason(action, context) is not None or not shown_key(action, keymap):
            return line.truncate(max(width, 0), ellipsis=True)
        hint = _hint(shown_key(action, keymap), label(action, context))
        line = line.truncate(max(width - hint.cell_length - 3, 0), ellipsis=True)
        start = line.cell_length + 3
        self._message_keys.spans.append((start, start + hint.cell_length, action.id))
        return Content.assemble(line, "   ", hint)

    def on_click(self, event: Click) -> None:
        """Perform the action of the hint under the mouse."""
        event.stop()
        hints = self._message_keys if self._lines > 1 and event.y == 0 else self._keys
        action = hints.at(event.x - 1)
        if action:
            self.post_message(self.Pressed(action))


def _waiting(pending: Mapping[str, Pending]) -> Content:
    oldest = next(iter(pending.values()))
    seconds = monotonic() - oldest.since
    more = f" and {len(pending) - 1} more" if len(pending) > 1 else ""
    waited = f" ({seconds:.0f} s)" if seconds >= SLOW else ""
    return Content.styled(f"sent: {oldest.description}{more} …{waited}", "$secondary")


def _key_hints(view_state: ViewState, context: ActionContext, keymap: Keymap, width: int) -> _Hints:
    """Return the hints that fit: what closes, the keys of the open page, the keys of the run, help and quit."""
    ends = [(shown_key(BY_ID[name], keymap), BY_ID[name].label, name) for name in ALWAYS]
    used = sum(2 + _hint(key, text).cell_length for key, text, _ in ends)
    chosen: list[tuple[str, str, str]] = []
    known = set[str](ALWAYS)
    for action, text in _candidates(view_state, context):
        key = shown_key(action, keymap)
        if action.id in known or not key or disabled_reason(action, context) is not None:
            continue
        used += 2 * bool(chosen) + _hint(key, text).cell_length
        if used > width:
            break
        chosen.append((key, text, action.id))
        known.add(action.id)
    return _joined((*chosen, *ends))


@lru_cache(maxsize=4)
def _joined(hints: tuple[tuple[str, str, str], ...]) -> _Hints:
    """Return a line of hints, each a key, a text and an action. It is asked for ten times a second, and seldom new."""
    parts: list[Content] = []
    spans: list[tuple[int, int, str]] = []
    end = -2
    for key, text, action in hints:
        hint = _hint(key, text)
        start, end = end + 2, end + 2 + hint.cell_length
        parts.append(hint)
        spans.append((start, end, action))
    return _Hints(Content("  ").join(parts), spans)


_RANKED = tuple(sorted((action for action in ACTIONS if action.rank), key=lambda action: action.rank))
"""The actions that the line may show, the most useful first."""


def _candidates(view_state: ViewState, context: ActionContext) -> list[tuple[Action, str]]:
    """Return the actions that the line may show, the most useful first, with their labels."""
    first: list[tuple[Action, str]] = [(BY_ID["resume_run"], "resume")] if context.gone else []
    if view_state.something_open:
        first.append((BY_ID["back"], "charts" if view_state.page == ONLY_PAGE else "close"))
    elif view_state.notes:
        first.append((BY_ID["back"], "notes"))
    if view_state.mark is not None:
        first += [(BY_ID["previous_mark"], "earlier"), (BY_ID["next_mark"], "later"), (BY_ID["undo"], "undo")]
    elif view_state.page:
        first += [(BY_ID[name], text) for name, text in PAGE_ACTIONS[view_state.page] if name in BY_ID]
    status = context.state.status if context.state is not None else ""
    return first + [
        (action, label(action, context)) for action in _RANKED if not action.prime or action.prime == status
    ]


@cache
def _hint(key: str, text: str) -> Content:
    return Content.assemble((key, "bold $primary"), (f" {text}", "$foreground 80%"))
