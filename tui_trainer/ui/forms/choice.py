"""One of a few words, turned with the arrow keys."""

from __future__ import annotations

from typing import ClassVar

from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class Choice(Widget, can_focus=True):
    """A value between two arrows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "turn(-1)", show=False),
        Binding("right,space", "turn(1)", show=False),
        Binding("enter", "accept", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]

    DEFAULT_CSS = """
    Choice { height: 1; padding: 0 1; background: $panel; color: $foreground; }
    Choice:focus { background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold; }
    """

    value: reactive[str] = reactive("")
    """The word that is chosen."""

    class Changed(Message):
        """Another word was chosen."""

        def __init__(self, choice: Choice, value: str) -> None:
            super().__init__()
            self.choice = choice
            self.value = value

        @property
        def control(self) -> Choice:
            """The widget itself."""
            return self.choice

    class Submitted(Message):
        """Enter was pressed."""

    def __init__(self, options: tuple[str, ...], value: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.options = options
        self.set_reactive(Choice.value, value)

    def render(self) -> RenderResult:
        """The word between its arrows."""
        return Content(f"‹ {self.value or '-'} ›")

    def watch_value(self, value: str) -> None:
        """Tell the form."""
        self.post_message(self.Changed(self, value))

    def on_click(self, event: Click) -> None:
        """The left arrow turns back, all else turns on."""
        self.action_turn(-1 if event.x <= 1 else 1)

    def action_accept(self) -> None:
        """As in a line of text, enter accepts the form."""
        self.post_message(self.Submitted())

    def action_turn(self, by: int) -> None:
        """The next word, or the one before."""
        at = self.options.index(self.value) if self.value in self.options else -1
        self.value = self.options[(at + by) % len(self.options)]
