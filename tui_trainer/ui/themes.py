"""The colour themes: dark, light, the 16 colours of the terminal, and no colours."""

from __future__ import annotations

from collections.abc import Mapping

from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from tui_trainer.ui.color_depth import color_depth

DARK = Theme(
    name="tui-trainer-dark",
    primary="#7aa2f7",
    secondary="#7dcfff",
    accent="#7dcfff",
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
        "block-cursor-background": "#30343f",
        "block-cursor-foreground": "#e6ebf7",
        "input-selection-background": "#30343f",
        "scrollbar": "#2c3244",
        "scrollbar-background": "#11131a",
        "muted": "#a3acc4",
    },
)
LIGHT = Theme(
    name="tui-trainer-light",
    primary="#2456b8",
    secondary="#08607b",
    accent="#08607b",
    warning="#704800",
    error="#a81d39",
    success="#2a6419",
    foreground="#20242e",
    background="#fbfbfc",
    surface="#f2f2f4",
    panel="#e8e9ec",
    dark=False,
    variables={
        "border": "#c4c8d4",
        "border-blurred": "#c4c8d4",
        "block-cursor-background": "#dcdfe4",
        "block-cursor-foreground": "#10131a",
        "input-selection-background": "#dcdfe4",
        "scrollbar": "#c4c8d4",
        "scrollbar-background": "#fbfbfc",
        "muted": "#525968",
    },
)


def _ansi(dark: bool, plain: bool = False) -> Theme:
    """Make a theme for sixteen colours or none. Its text has the colour of the terminal's own text.

    The sixteen colours are those of the user's palette, some of which may equal the background: bright black does in
    Solarized. So only curves have colours. Meaning comes from signs, and selections are bold and underlined.
    """
    base = BUILTIN_THEMES["ansi-dark" if dark else "ansi-light"]
    defaults = (
        "border", "border-blurred", "muted", "scrollbar", "scrollbar-hover", "scrollbar-active", "scrollbar-background",
        "scrollbar-background-hover", "scrollbar-background-active", "scrollbar-corner-color",
        "block-cursor-background", "block-cursor-foreground",
        "block-cursor-blurred-background", "block-cursor-blurred-foreground",
    )  # fmt: skip
    variables = {
        **base.variables,
        **dict.fromkeys(defaults, "ansi_default"),
        "block-cursor-text-style": "bold underline",
        "block-cursor-blurred-text-style": "bold underline",
        "input-cursor-text-style": "underline",
    }
    return Theme(
        name=f"tui-trainer-{'plain' if plain else 'ansi'}-{'dark' if dark else 'light'}",
        primary="ansi_default",
        secondary="ansi_default",
        warning="ansi_default",
        error="ansi_default",
        success="ansi_default",
        accent="ansi_default",
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


def muted(theme: Theme) -> str:
    """Return the colour of secondary text in a theme that has no variable for it, such as Textual's own."""
    if theme.ansi or "ansi" in (theme.foreground or ""):
        return "ansi_default"
    foreground = Color.parse(theme.foreground or ("#e0e0e0" if theme.dark else "#202020"))
    background = Color.parse(theme.background or ("#121212" if theme.dark else "#efefef"))
    return background.blend(foreground, 0.7).hex6


def is_light(environ: Mapping[str, str]) -> bool:
    """Return whether COLORFGBG ("foreground;background") says that the background is light."""
    background = environ.get("COLORFGBG", "").rpartition(";")[2]
    return background.isdigit() and (int(background) == 7 or 9 <= int(background) <= 15)


def choose(theme: str, environ: Mapping[str, str]) -> Theme:
    """Return the theme for a setting (auto, dark, light, ansi) and the environment variables of a terminal."""
    light = theme == "light" or (theme != "dark" and is_light(environ))
    depth = color_depth(environ)
    if depth == "none":
        return PLAIN_LIGHT if light else PLAIN_DARK
    if theme == "ansi" or depth == "16":
        return ANSI_LIGHT if light else ANSI_DARK
    return LIGHT if light else DARK
