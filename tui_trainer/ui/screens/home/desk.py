"""Slow changes that the home screen makes in a thread, and the questions before them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tui_trainer.errors import UserError
from tui_trainer.text import visible
from tui_trainer.ui.background_call import NamedCall
from tui_trainer.ui.forms.key_hints import KeyHints

if TYPE_CHECKING:
    from tui_trainer.ui.screens.dialogs.confirm import Confirm
    from tui_trainer.ui.screens.home.screen import Home

Then = Callable[[], None]


class Desk:
    """Makes one change at a time.

    Args:
        home: the screen that shows progress and errors.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._task: NamedCall[Then] | None = None

    def do(self, name: str, doing: str, function: Callable[[], Then]) -> None:
        """Run a function in a thread, and then the function that it returns in the screen."""
        if self._task is None:
            self._task = NamedCall(function, visible(name), doing, "failed")

    def tick(self) -> None:
        """Show the progress of the change, or its end."""
        home, task = self._home, self._task
        if task is None:
            return
        if not task.done:
            home.query_one("#bottom", KeyHints).show(task.progress(home.icons.spinner), "$secondary")
            return
        self._task = None
        home.show_keys()
        try:
            then = task.result()
        except UserError as error:
            home.show_error(str(error))
        else:
            then()

    def ask(self, dialog: Confirm, answered: Callable[[str], None]) -> None:
        """Show a dialog; nothing happens where it is cancelled."""
        self._home.app.push_screen(dialog, lambda answer: answered(answer) if answer is not None else None)

    def told(self, text: str) -> None:
        """Show a message, and read the queue again."""
        self._home.notify(visible(text))
        self.read_again()

    def read_again(self) -> None:
        """Read the queue again with the next tick."""
        self._home.read_soon()
