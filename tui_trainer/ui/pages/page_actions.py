"""Actions that open something in front of the dashboard: help, commands, search and copying."""

from __future__ import annotations

from collections.abc import Callable

from tui_trainer.state.run_state import LogLine
from tui_trainer.ui.actions import BY_ID
from tui_trainer.ui.dashboard.context import DashboardContext

# Each screen is imported when it is opened: the first frame does not wait for any of them.


class PageActions:
    """Handlers of the actions that look something up. None of them sends a command."""

    def __init__(self, context: DashboardContext) -> None:
        self._context = context
        self._sought = ""
        self._found: LogLine | None = None

    def handlers(self) -> dict[str, Callable[[], None]]:
        """Return the handler of each action by its id."""
        return {
            "palette": self.palette,
            "help": self.help,
            "search": self.search,
            "search_next": lambda: self.next_match(older=True),
            "search_previous": lambda: self.next_match(older=False),
            "copy": self.copy,
        }

    def palette(self) -> None:
        """Find a command, a view or a theme, and perform or show it."""
        from tui_trainer.ui.screens.command_palette import CommandPalette, dashboard_commands

        context = self._context
        commands = dashboard_commands(context.view_state.action_context, context.keymap)
        context.ask(CommandPalette(commands), self._chosen)

    def _chosen(self, answer: str) -> None:
        if answer in BY_ID:  # the palette has switched the theme itself
            self._context.perform(answer)

    def help(self) -> None:
        """Show all keys, those of the present view first."""
        from tui_trainer.ui.screens.help import Help, dashboard_sections

        context = self._context
        sections = dashboard_sections(context.view_state, context.keymap)
        context.ask(Help(sections), lambda _: None)

    def search(self) -> None:
        """Ask for a text and go to the newest event that holds it."""
        from tui_trainer.ui.screens.dialogs.prompt import Prompt

        def parse(text: str) -> str:
            if not text.strip():
                raise ValueError("enter a word of an event: rate, epoch 12, saved")
            return text.strip()

        def accepted(text: str) -> None:
            self._sought, self._found = text, None
            self.next_match(older=True)

        dialog = Prompt(
            "Search the events", "n goes to the next older match, N back", self._sought, parse, reason=False
        )
        self._context.ask(dialog, accepted)

    def next_match(self, *, older: bool) -> None:
        """Show the next older or newer event that holds the text of the search."""
        context = self._context
        if not self._sought:
            context.flash("search first: /")
            return
        matches = [line for line in context.selected_run.log if self._sought.casefold() in line.text.casefold()]
        if not matches:
            context.flash(f'no event holds "{self._sought}"')
            return
        here = next((index for index, line in enumerate(matches) if line is self._found), None)
        if here is None:
            at = len(matches) - 1
        else:
            at = (here + (-1 if older else 1)) % len(matches)
        self._found = matches[at]
        context.reveal(self._found)
        context.flash(f"{len(matches) - at} of {len(matches)}: {self._found.text}", seconds=20)

    def copy(self) -> None:
        """Choose what to copy to the clipboard."""
        from tui_trainer.ui.copying.dashboard_copies import dashboard_copies
        from tui_trainer.ui.screens.dialogs.copying import Copy

        context = self._context
        log = context.selected_run.log
        found = self._found if self._found is not None and self._found in log else None
        context.ask(Copy(dashboard_copies(context.view_state, found)), lambda said: context.flash(said, seconds=10))
