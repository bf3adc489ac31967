"""A choice of one value from a few, made with the arrow keys."""

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
    """One line with the value between two arrows; left and right change it.

    Not `Select` or `RadioSet`: those need three lines or a line per option, and take up and down for themselves, which
    move between the fields here.
    """

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
    """The selected value."""

    class Changed(Message):
        """Another value was selected."""

        def __init__(self, choice: Choice, value: str) -> None:
            super().__init__()
            self.choice = choice
            self.value = value

        @property
        def control(self) -> Choice:
            """The widget that sent the message."""
            return self.choice

    class Submitted(Message):
        """Enter was pressed."""

    def __init__(self, options: tuple[str, ...], value: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.options = options
        self.set_reactive(Choice.value, value)

    def render(self) -> RenderResult:
        """Return the value between its arrows."""
        return Content(f"‹ {self.value or '-'} ›")

    def watch_value(self, value: str) -> None:
        """Post the new value."""
        self.post_message(self.Changed(self, value))

    def on_click(self, event: Click) -> None:
        """Select the previous value on the left arrow, the next one elsewhere."""
        self.action_turn(-1 if event.x <= 1 else 1)

    def action_accept(self) -> None:
        """Accept the form, as enter does in a text entry."""
        self.post_message(self.Submitted())

    def action_turn(self, offset: int) -> None:
        """Select the value `offset` positions on."""
        index = self.options.index(self.value) if self.value in self.options else -1
        self.value = self.options[(index + offset) % len(self.options)]
