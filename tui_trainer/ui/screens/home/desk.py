"""Slow changes that the home screen makes in a thread, and the questions before them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from tui_trainer.errors import UserError
from tui_trainer.text import visible
from tui_trainer.ui.background_call import NamedCall
from tui_trainer.ui.forms.key_hints import KeyHints

if TYPE_CHECKING:
    from textual.screen import Screen

    from tui_trainer.ui.icons import Icons
    from tui_trainer.ui.screens.dialogs.base import Dialog
    from tui_trainer.ui.screens.dialogs.confirm import Confirm

Answer = TypeVar("Answer")
Then = Callable[[], None]


class Shows(Protocol):
    """A screen with a last line for keys and errors."""

    @property
    def icons(self) -> Icons:
        """The signs of the spinner."""
        ...

    def show_keys(self) -> None:
        """Show the keys in the last line."""
        ...

    def show_error(self, text: str) -> None:
        """Show an error there."""
        ...

    def read_soon(self) -> None:
        """Read runs and queue again with the next tick."""
        ...


class Desk:
    """Makes one change at a time.

    Args:
        screen: the screen that asks.
        shows: the same screen, as one that shows progress and errors.
    """

    def __init__(self, screen: Screen[None], shows: Shows) -> None:
        self._screen, self._shows = screen, shows
        self._task: NamedCall[Then] | None = None

    def do(self, name: str, doing: str, function: Callable[[], Then]) -> None:
        """Run a function in a thread, and then the function that it returns in the screen."""
        if self._task is None:
            self._task = NamedCall(function, visible(name), doing, "failed")

    def tick(self) -> None:
        """Show the progress of the change, or its end."""
        task = self._task
        if task is None:
            return
        if not task.done:
            self._screen.query_one("#bottom", KeyHints).show(task.progress(self._shows.icons.spinner), "$secondary")
            return
        self._task = None
        self._shows.show_keys()
        try:
            then = task.result()
        except UserError as error:
            self._shows.show_error(str(error))
        else:
            then()

    def show(self, dialog: Dialog[Answer], answered: Callable[[Answer], None]) -> None:
        """Show a dialog; nothing happens where it is cancelled."""
        self._screen.app.push_screen(dialog, lambda answer: answered(answer) if answer is not None else None)

    def ask(self, dialog: Confirm, answered: Callable[[str], None]) -> None:
        """Show a question."""
        self.show(dialog, answered)

    def told(self, text: str) -> None:
        """Show a message, and read the queue again."""
        self._screen.notify(visible(text))
        self.read_again()

    def read_again(self) -> None:
        """Read the queue again with the next tick."""
        self._shows.read_soon()
