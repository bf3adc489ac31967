"""A line of key hints that can be clicked: a click on a hint equals its key."""

from __future__ import annotations

from textual.content import Content
from textual.events import Click, Key
from textual.widgets import Static

from tui_trainer.text import cell_width
from tui_trainer.ui.terminal.key_names import key_name

SEPARATOR = " · "
_KEYS = {"esc": "escape", "enter": "enter", "tab": "tab", "space": "space"}


def key_of(hint: str) -> str:
    """Return Textual's name of the key that a hint begins with; empty where it begins with none, or with several."""
    sign = hint.split(" ", 1)[0]
    if sign in _KEYS:
        return _KEYS[sign]
    if len(sign) == 1 and sign.isascii():
        return key_name(sign)
    return sign if sign[:1] == "f" and sign[1:].isdecimal() else ""


def hint_at(hints: str, x: int) -> str:
    """Return the hint at a column of a line of hints; empty between two."""
    start = 0
    for hint in hints.split(SEPARATOR):
        end = start + cell_width(hint)
        if start <= x < end:
            return hint
        start = end + cell_width(SEPARATOR)
    return ""


def wrapped_hints(hints: str, width: int) -> list[str]:
    """Return hints in lines of at most `width` cells; a hint that is wider stands alone."""
    lines: list[str] = []
    for hint in hints.split(SEPARATOR):
        longer = f"{lines[-1]}{SEPARATOR}{hint}" if lines else hint
        if lines and cell_width(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(hint)
    return lines


class KeyHints(Static):
    """Key hints in one line, or in more where the width is short."""

    DEFAULT_CSS = """
    KeyHints { height: auto; color: $muted; }
    """

    def __init__(self, hints: str, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self._hints = hints
        self._style = ""
        self._lines: list[str] = []
        self._drawn: tuple[str, str, int] = ("", "", 0)

    def show(self, hints: str, style: str = "") -> None:
        """Show other hints, or a message in their place."""
        self._hints, self._style = hints, style
        width = self.size.width
        if self._drawn != (hints, style, width):
            self._drawn = hints, style, width
            self._lines = wrapped_hints(hints, max(width, 8)) if width else [hints]
            self.update(Content.styled("\n".join(self._lines), style))

    def on_mount(self) -> None:
        """Show the hints."""
        self.show(self._hints)

    def on_resize(self) -> None:
        """Wrap for the new width."""
        self.show(self._hints, self._style)

    def on_click(self, event: Click) -> None:
        """Press the key of the hint under the mouse."""
        if 0 <= event.y < len(self._lines) and (key := key_of(hint_at(self._lines[event.y], event.x))):
            event.stop()
            self.app.post_message(Key(key, key if len(key) == 1 else None))
