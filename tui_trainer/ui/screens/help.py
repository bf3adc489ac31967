"""The help page: the keys of the present view first, then all others by what they do; typing filters them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import wrap

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Key
from textual.widget import Widget
from textual.widgets import Input, Static

from tui_trainer.ui.actions import ACTIONS, BY_ID, GROUPS, SECTIONS, Action, Keymap, keys_of, shown_key
from tui_trainer.ui.availability import ActionContext, disabled_reason
from tui_trainer.ui.dashboard.view_state import ViewState
from tui_trainer.ui.forms.entry import TextEntry
from tui_trainer.ui.screens.dialogs.base import Dialog
from tui_trainer.ui.terminal.key_names import key_sign

KEY_WIDTH = 9
"""Cells of the column of the keys."""
REPEATED = 3
"""Keys of a section that are unavailable for one reason, from which on it is said once for all of them."""
SCROLL_KEYS = {"up": -1, "down": 1, "pageup": -10, "pagedown": 10}


@dataclass(frozen=True, slots=True)
class KeyLine:
    """One key on the page.

    Attributes:
        keys: the keys, as users read them.
        text: their effect, in one sentence.
        id: the name in a user's keymap; empty for a key that cannot be changed.
        reason: the reason why it is unavailable; empty where it is not.
    """

    keys: str
    text: str
    id: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class KeySection:
    """Keys under one title, and the reason why several of them are unavailable."""

    title: str
    lines: tuple[KeyLine, ...]

    @property
    def common_reason(self) -> str:
        """The reason that several keys of the section share; empty where none does."""
        counts = Counter(line.reason for line in self.lines if line.reason)
        reason, count = counts.most_common(1)[0] if counts else ("", 0)
        return reason if count >= REPEATED else ""


_VIEWS: dict[str, tuple[str, tuple[str, ...]]] = {
    "card": ("Here: an intervention", ("previous_mark", "next_mark", "undo", "redo", "back")),
    "findings": ("Here: the findings", ("steer", "undo", "layers", "diagnosis", "back")),
    "layers": ("Here: the layers", ("over_time", "diagnosis", "layers", "back")),
    "answers": ("Here: the answers of the model", ("steer", "log_down", "log_up", "answers", "back")),
    "runs": ("Here: the runs", ("zoom_in", "zoom_out", "next_run", "runs", "steer_all", "back")),
    "comparison": ("Here: the comparison", ("log_down", "log_up", "next_run", "compare", "runs", "back")),
    "leaderboard": (
        "Here: the leaderboard",
        ("zoom_in", "zoom_out", "sort_runs", "reverse_order", "hide_run", "pin_baseline", "other_baseline", "back"),
    ),
    "over": ("Here: a run that is over", ("steer", "cursor_left", "zoom", "next_mark", "copy", "back", "quit")),
    "cursor": (
        "Here: the cursor", ("cursor_left", "cursor_right", "first_step", "last_step", "zoom", "copy", "back"),
    ),
    "chart": ("Here: one chart", ("log_y", "smoothing", "axis", "zoom", "cursor_left", "pictures", "back")),
    "charts": ("Here: the charts", ("cursor_left", "zoom_in", "chart_1", "axis", "pause", "steer", "undo", "quit")),
}  # fmt: skip
"""The title and the most useful actions of each view."""


def view_name(state: ViewState) -> str:
    """Return the name of what the dashboard shows now."""
    if state.mark is not None:
        return "card"
    if state.page:
        return state.page
    if state.view.cursor is not None:
        return "cursor"
    if state.maximized is not None:
        return "chart"
    return "over" if state.selected_run is not None and state.selected_run.over else "charts"


def dashboard_sections(state: ViewState, keymap: Keymap) -> list[KeySection]:
    """Return the keys of the dashboard: those of the present view, then all by what they do."""
    context = state.action_context
    title, ids = _VIEWS[view_name(state)]
    sections = [KeySection(title, tuple(_line(BY_ID[name], keymap, context) for name in ids))]
    for group, group_title in GROUPS.items():
        actions = [action for action in ACTIONS if action.group == group]
        if group != "look":
            sections.append(_section(group_title, actions, keymap, context))
            continue
        for section, section_title in SECTIONS.items():
            chosen = [action for action in actions if action.section == section]
            sections.append(_section(f"{section_title} (never changes a run)", chosen, keymap, context))
    return sections


def _section(title: str, actions: Iterable[Action], keymap: Keymap, context: ActionContext) -> KeySection:
    return KeySection(title, tuple(_line(action, keymap, context) for action in actions))


def _line(action: Action, keymap: Keymap, context: ActionContext) -> KeyLine:
    keys = " ".join(key_sign(key) for key in keys_of(action, keymap)) or shown_key(action, keymap)
    return KeyLine(keys, action.help, action.id, disabled_reason(action, context) or "")


class _Filter(TextEntry):
    """The entry of the filter; `?` closes the page while it is empty, as it opened it."""

    def on_key(self, event: Key) -> None:
        if event.key == "question_mark" and not self.value and isinstance(self.screen, Help):
            event.stop()
            event.prevent_default()
            self.screen.action_leave()


class Help(Dialog[None]):
    """All keys, wrapped to the width; what is typed filters them.

    Args:
        sections: the keys, those of the present view first.
    """

    DEFAULT_CSS = """
    Help > #frame { width: 100; height: 90%; }
    Help.-short > #frame { height: 100%; }
    Help VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; margin-top: 1; }
    Help.-short VerticalScroll { margin-top: 0; }
    Help #page { height: auto; }
    """

    HINTS = "type to filter · ↑↓ scroll · esc close"

    def __init__(self, sections: Sequence[KeySection]) -> None:
        super().__init__("Keys")
        self._sections = list(sections)

    def inside(self) -> list[Widget]:
        """Return the text entry of the filter, and the page."""
        return [
            _Filter(placeholder="type to filter: rate, zoom, k …", id="filter"),
            VerticalScroll(Static(id="page", markup=False), can_focus=False),
        ]

    def on_mount(self) -> None:
        """Show all keys."""
        super().on_mount()
        self.query_one(TextEntry).focus()
        self.call_after_refresh(self._fill)

    def on_resize(self) -> None:
        """Wrap for the new width."""
        super().on_resize()
        if self.query("#page"):
            self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        width = max(self.query_one(VerticalScroll).size.width - 1, 16)
        page = page_of(filtered(self._sections, self.query_one(TextEntry).value), width)
        self.query_one("#page", Static).update(page)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._fill()
        self.query_one(VerticalScroll).scroll_home(animate=False)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.answer(None)

    def on_key(self, event: Key) -> None:
        """Scroll while the text entry keeps the focus."""
        if event.key in SCROLL_KEYS:
            event.stop()
            self.query_one(VerticalScroll).scroll_relative(y=SCROLL_KEYS[event.key], animate=False)


def filtered(sections: Sequence[KeySection], typed: str) -> list[KeySection]:
    """Return the keys whose key, effect, id or title holds every typed word; a single character is a key first."""
    words = typed.casefold().split()
    if len(typed.strip()) == 1:
        exact = [
            KeySection(s.title, tuple(line for line in s.lines if typed.strip() in line.keys.split())) for s in sections
        ]
        if found := [section for section in exact if section.lines]:
            return found
    kept: list[KeySection] = []
    for section in sections:
        lines = tuple(
            line
            for line in section.lines
            if all(word in f"{line.keys} {line.text} {line.id} {section.title}".casefold() for word in words)
        )
        if lines:
            kept.append(KeySection(section.title, lines))
    return kept


def page_of(sections: Sequence[KeySection], width: int) -> Content:
    """Return the page in lines of at most `width` cells; nothing is cut."""
    if not sections:
        return Content.styled("no key matches", "$muted")
    lines: list[Content] = []
    for section in sections:
        if lines:
            lines.append(Content(""))
        common = section.common_reason
        title = section.title + (f" (dimmed: {common})" if common else "")
        lines += [Content.styled(row, "bold") for row in wrap(title, width)]
        for line in section.lines:
            lines += _rows(line, width, common)
    return Content("\n").join(lines)


def _rows(line: KeyLine, width: int, common: str) -> list[Content]:
    text = line.text if line.reason in ("", common) else f"{line.text} Not now: {line.reason}."
    style = "$muted" if line.reason else ""
    own_id = f" [{line.id}]" if line.id and width >= 70 else ""
    rows = wrap(text + own_id, width - KEY_WIDTH - 2) or [""]
    keys = wrap(line.keys, KEY_WIDTH) or [""]
    rows += [""] * (len(keys) - len(rows))
    keys += [""] * (len(rows) - len(keys))
    return [
        Content.assemble((f"{key:>{KEY_WIDTH}}  ", "$muted" if line.reason else "bold $primary"), (row, style))
        for key, row in zip(keys, rows, strict=True)
    ]
