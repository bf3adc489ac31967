"""The colour themes: dark, light, the 16 colours of the terminal, and no colours."""

from __future__ import annotations

from collections.abc import Mapping

from textual.theme import BUILTIN_THEMES, Theme

DARK = Theme(
    name="tui-trainer-dark",
    primary="#7aa2f7",
    secondary="#7dcfff",
    accent="#e0af68",
    warning="#e0af68",
    error="#f7768e",
    success="#9ece6a",
    foreground="#c8d0e0",
    background="#11131a",
    surface="#171a23",
    panel="#1f2330",
    dark=True,
    variables={
        "border": "#2c3244",
        "border-blurred": "#2c3244",
        "block-cursor-background": "#2f3b5c",
        "block-cursor-foreground": "#e6ebf7",
        "input-selection-background": "#2f3b5c",
        "scrollbar": "#2c3244",
        "scrollbar-background": "#11131a",
        "muted": "#737c94",
    },
)
LIGHT = Theme(
    name="tui-trainer-light",
    primary="#2456b8",
    secondary="#0b6e8c",
    accent="#8f5a00",
    warning="#8f5a00",
    error="#b4213f",
    success="#2f6f1c",
    foreground="#20242e",
    background="#fbfbfc",
    surface="#f1f2f5",
    panel="#e6e8ee",
    dark=False,
    variables={
        "border": "#c4c8d4",
        "border-blurred": "#c4c8d4",
        "block-cursor-background": "#cfdcf7",
        "block-cursor-foreground": "#10131a",
        "input-selection-background": "#cfdcf7",
        "scrollbar": "#c4c8d4",
        "scrollbar-background": "#fbfbfc",
        "muted": "#666d7d",
    },
)


def _ansi(dark: bool, plain: bool = False) -> Theme:
    """Make a theme of the terminal's own colours; a plain one has none, and selections are bold and underlined."""
    base = BUILTIN_THEMES["ansi-dark" if dark else "ansi-light"]
    selection = "ansi_default" if plain else "ansi_blue"
    variables = {
        **base.variables,
        "border": "ansi_bright_black",
        "muted": "ansi_bright_black",
        "block-cursor-background": selection,
        "block-cursor-foreground": "ansi_default" if plain else "ansi_bright_white",
        "block-cursor-text-style": "bold underline" if plain else "bold",
        "block-cursor-blurred-background": selection,
        "block-cursor-blurred-foreground": "ansi_default" if plain else "ansi_bright_white",
        "block-cursor-blurred-text-style": "bold underline" if plain else "bold",
        "input-cursor-text-style": "underline" if plain else "none",
        "scrollbar": "ansi_bright_black",
        "scrollbar-background": "ansi_default",
    }
    return Theme(
        name=f"tui-trainer-{'plain' if plain else 'ansi'}-{'dark' if dark else 'light'}",
        primary="ansi_bright_cyan" if dark else "ansi_blue",
        secondary="ansi_cyan",
        warning="ansi_yellow",
        error="ansi_red",
        success="ansi_green",
        accent="ansi_magenta",
        foreground="ansi_default",
        background="ansi_default",
        surface="ansi_default",
        panel="ansi_default",
        boost="ansi_default",
        dark=dark,
        ansi=True,
        variables=variables,
    )


ANSI_DARK, ANSI_LIGHT = _ansi(True), _ansi(False)
PLAIN_DARK, PLAIN_LIGHT = _ansi(True, plain=True), _ansi(False, plain=True)
THEMES = (DARK, LIGHT, ANSI_DARK, ANSI_LIGHT, PLAIN_DARK, PLAIN_LIGHT)


def is_light(environ: Mapping[str, str]) -> bool:
    """Return whether COLORFGBG ("foreground;background") says that the background is light."""
    background = environ.get("COLORFGBG", "").rpartition(";")[2]
    return background.isdigit() and (int(background) == 7 or 9 <= int(background) <= 15)


def has_few_colors(environ: Mapping[str, str]) -> bool:
    """Return whether TERM and COLORTERM say that the terminal has 16 colours or fewer."""
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return False
    term = environ.get("TERM", "")
    return term in ("linux", "xterm", "screen", "vt100", "vt220", "ansi", "xterm-color", "xterm-16color", "rxvt")


def choose(theme: str, environ: Mapping[str, str]) -> Theme:
    """Return the theme for a setting (auto, dark, light, ansi) and the environment variables of a terminal."""
    light = theme == "light" or (theme != "dark" and is_light(environ))
    if "NO_COLOR" in environ:
        return PLAIN_LIGHT if light else PLAIN_DARK
    if theme == "ansi" or has_few_colors(environ):
        return ANSI_LIGHT if light else ANSI_DARK
    return LIGHT if light else DARK
