"""The palette of the charts for the theme and the terminal of a running application."""

from __future__ import annotations

from textual.app import App
from textual.color import Color

from tui_trainer.ui.charts.palette import Depth, Ground, Palette, palette
from tui_trainer.ui.terminal.terminal_app import TerminalApp

_NAMES = ("foreground", "warning", "error", "success")
"""The colours of the theme that charts depend on. No curve has one of the last three."""


def theme_palette(app: App[object], background: Color | None = None) -> Palette:
    """Return the palette for the theme, the colour depth, and the background (by default that of the theme)."""
    dark = app.current_theme.dark
    if app.no_color:
        return palette(dark, depth="none")
    if app.native_ansi_color:
        return palette(dark, depth="16")
    depth: Depth = "256" if isinstance(app, TerminalApp) and app.color_depth == "256" else "full"
    colors = app.theme_variables
    behind = background if background is not None else Color.parse(colors["background"])
    if not behind.a or behind.ansi is not None:
        return palette(dark, depth=depth)
    foreground, warning, error, success = (Color.parse(colors[name]).hex6.lower() for name in _NAMES)
    return palette(dark, Ground(behind.hex6.lower(), foreground, error, (warning, error, success)), depth)
