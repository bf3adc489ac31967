"""The keys of the home screen and of the lecture contents: their help page and their commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from textual.screen import Screen

from tui_trainer.ui.screens.command_palette import CommandPalette, PaletteEntry
from tui_trainer.ui.screens.help import Help, KeyLine, KeySection

OwnKey = tuple[str, str, str, str]
"""Name of an action, its key, label and help."""


def finder_section(heading: str, effect: str, more: tuple[tuple[str, str], ...] = ()) -> KeySection:
    """Return the keys of a finder whose enter has an effect such as "open"; `more` are keys that it alone has."""
    lines = (
        KeyLine("enter", f"{effect.capitalize()} the selected item; so does a second click."),
        *(KeyLine(key, text) for key, text in more),
        KeyLine("j k ↑ ↓", "Move and see the details; a click does the same."),
        KeyLine("g G", "Go to the first or the last item (gg works too)."),
        KeyLine("pgup pgdn", "Move by a page."),
        KeyLine("/", "Search by names, titles and summaries; esc shows everything again."),
        KeyLine("n N", "Go to the next or previous match."),
        KeyLine(": ^p", "Find a command or a theme by its name."),
        KeyLine("t", "Choose the colours, with a live preview."),
        KeyLine("y", "Copy the name, the path or a command of the selected item."),
        KeyLine("f5", "Read everything again."),
        KeyLine("q esc", "Leave."),
    )
    return KeySection(f"Here: {heading}", lines)


def finder_commands(effect: str) -> list[PaletteEntry]:
    """Return the commands of a finder; the id of each is the name of its action, or of the method `act`."""
    return [
        PaletteEntry("act", "enter", effect, f"{effect.capitalize()} the selected item."),
        PaletteEntry("search", "/", "search", "Search by names, titles and summaries."),
        PaletteEntry("copy", "y", "copy", "Copy the name, the path or a command of the selected item."),
        PaletteEntry("reload", "f5", "refresh", "Read everything again."),
        PaletteEntry("help", "?", "help", "Show the keys of this screen."),
        PaletteEntry("leave", "q", "leave", "Leave the program; what trains goes on."),
    ]


def show_help(screen: Screen[Any], heading: str, effect: str, own: Sequence[OwnKey]) -> None:
    """Show the keys of a finder; `own` are those that it alone has."""
    more = tuple((key, text) for _, key, _, text in own)
    screen.app.push_screen(Help([finder_section(heading, effect, more)]))


def choose_command(screen: Screen[Any], effect: str, own: Sequence[OwnKey], act: Callable[[str], None]) -> None:
    """Find a command of a finder, or a theme; `act` receives the name of its action."""
    commands = [*finder_commands(effect), *(PaletteEntry(*each) for each in own)]

    def chosen(answer: str | None) -> None:
        if answer is not None and any(command.id == answer for command in commands):
            act(answer)

    screen.app.push_screen(CommandPalette(commands), chosen)
