"""The themes that a terminal can show, and the one that the screen starts with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.app import App
from textual.theme import Theme

from tui_trainer.ui import themes
from tui_trainer.ui.color_depth import ColorDepth
from tui_trainer.ui.terminal.terminal_app import TerminalApp

FEW_COLORS: Mapping[ColorDepth, str] = {
    "none": "NO_COLOR is set: only the theme without colours is offered. Unset it to choose one.",
    "16": "This terminal says that it has 16 colours: only the theme with those is offered. "
    "A terminal with more sets TERM=xterm-256color or COLORTERM=truecolor.",
}
"""The reason why a terminal gets no other theme."""
_PLAIN = (themes.PLAIN_DARK.name, themes.PLAIN_LIGHT.name)


def depth_of(app: App[Any]) -> ColorDepth:
    """Return the colours that the terminal of an app can show."""
    return app.color_depth if isinstance(app, TerminalApp) else "full"


def offered(available: Mapping[str, Theme], present: str, depth: ColorDepth) -> list[Theme]:
    """Return the themes to choose from: ours first, then Textual's; with few colours only the present one.

    Args:
        available: all themes by name.
        present: the name of the present theme.
        depth: the colours of the terminal.
    """
    if depth in FEW_COLORS:
        return [available[present]]
    ours = [theme for theme in themes.THEMES if theme.name not in _PLAIN]
    names = {*_PLAIN, *(own.name for own in ours)}
    return [
        *ours,
        *sorted((theme for theme in available.values() if theme.name not in names), key=lambda theme: theme.name),
    ]


def start_theme(chosen: str, preset: Theme, available: Mapping[str, Theme], depth: ColorDepth) -> Theme:
    """Return the theme to start with: the chosen one where the terminal can show it, else the one of the settings."""
    known = {theme.name: theme for theme in offered(available, preset.name, depth)}
    return known.get(chosen, preset)


def kind_of(theme: Theme) -> str:
    """Return a few words about a theme."""
    return f"{'dark' if theme.dark else 'light'}{', 16 colours' if theme.ansi else ''}"
