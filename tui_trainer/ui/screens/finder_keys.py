"""The keys of the home screen and of the lecture contents, for their help page and their commands."""

from __future__ import annotations

from tui_trainer.ui.screens.command_palette import PaletteEntry
from tui_trainer.ui.screens.help import KeyLine, KeySection

KEEP = "Rename, tag or hide the selected run, write a note, delete it, or keep only its best checkpoint."


def finder_section(heading: str, effect: str, *, keeps: bool = False) -> KeySection:
    """Return the keys of a finder whose enter has an effect such as "open"; `keeps` for one that lists runs."""
    lines = (
        KeyLine("enter", f"{effect.capitalize()} the selected item; so does a second click."),
        KeyLine("j k ↑ ↓", "Move and see the details; a click does the same."),
        KeyLine("g G", "Go to the first or the last item (gg works too)."),
        KeyLine("pgup pgdn", "Move by a page."),
        *((KeyLine("K", KEEP),) if keeps else ()),
        KeyLine("/", "Search by names, titles and summaries; esc shows everything again."),
        KeyLine("n N", "Go to the next or previous match."),
        KeyLine(": ^p", "Find a command or a theme by its name."),
        KeyLine("t", "Choose the colours, with a live preview."),
        KeyLine("y", "Copy the name, the path or a command of the selected item."),
        KeyLine("f5", "Read everything again."),
        KeyLine("q esc", "Leave."),
    )
    return KeySection(f"Here: {heading}", lines)


def finder_commands(effect: str, *, keeps: bool = False) -> list[PaletteEntry]:
    """Return the commands of a finder; the id of each but `open` is the name of its action."""
    return [
        PaletteEntry("open", "enter", effect, f"{effect.capitalize()} the selected item."),
        *([PaletteEntry("keep", "K", "keep", KEEP)] if keeps else []),
        PaletteEntry("search", "/", "search", "Search by names, titles and summaries."),
        PaletteEntry("copy", "y", "copy", "Copy the name, the path or a command of the selected item."),
        PaletteEntry("reload", "f5", "refresh", "Read everything again."),
        PaletteEntry("help", "?", "help", "Show the keys of this screen."),
        PaletteEntry("leave", "q", "leave", "Leave the program; what trains goes on."),
    ]
