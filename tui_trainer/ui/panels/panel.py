"""The panel widget: text that changes often."""

from __future__ import annotations

from textual.app import RenderResult
from textual.content import Content
from textual.widget import Widget

from tui_trainer.ui.icons import Icons


def fitted(line: Content, width: int, icons: Icons) -> Content:
    """Return a line in at most `width` cells; one that is cut ends with an ellipsis."""
    if line.cell_length <= width:
        return line
    return line.truncate(max(width - len(icons.ellipsis), 0)).append(icons.ellipsis[: max(width, 0)])


def rule(title: str, note: str, width: int, icons: Icons) -> Content:
    """Return a title line: the title, a rule, and a note at its end where there is room."""
    room = width - 2 - len(title)
    note = note if len(note) + 4 <= room else ""
    line = icons.rule * max(room - 1 - (len(note) + 1 if note else 0), 0)
    parts = [(title, "bold $foreground"), " ", (line, "$border")]
    return Content.assemble(*parts, (f" {note}" if note else "", "$muted"))


class Panel(Widget):
    """A text panel. Equal text costs nothing, and new text changes the layout only on request."""

    DEFAULT_CSS = """
    Panel { height: auto; width: 1fr; text-wrap: nowrap; text-overflow: clip; }
    """

    def __init__(self, content: Content | None = None, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._content = content or Content("")

    def render(self) -> RenderResult:
        """Return the text."""
        return self._content

    def show(self, content: Content, *, layout: bool = False) -> None:
        """Show a text; with `layout`, a panel of automatic height adapts to it."""
        if not self._content.is_same(content):
            taller = len(content.plain.splitlines()) != len(self._content.plain.splitlines())
            self._content = content
            self.refresh(layout=layout and taller)
