"""The cells of a screen as lines of text, with or without colours."""

from __future__ import annotations

from typing import Any

from rich.color import ColorSystem
from textual._compositor import LayoutUpdate
from textual.app import App
from textual.strip import Strip

from tui_trainer.text import visible
from tui_trainer.ui.color_depth import ColorDepth

SYSTEMS: dict[ColorDepth, ColorSystem | None] = {
    "none": None,
    "16": ColorSystem.STANDARD,
    "256": ColorSystem.EIGHT_BIT,
    "full": ColorSystem.TRUECOLOR,
}
"""rich's name of each colour depth."""


def screen_lines(app: App[Any], depth: ColorDepth | None = None) -> list[str]:
    """Return what the app shows, line by line; plain text where no colour depth is given."""
    # Through the compositor's update, as for a terminal: a dialog shows what is behind it.
    compositor, behind = app.screen._compositor, app._background_screens  # pyright: ignore[reportPrivateUsage]
    update = compositor.render_update(full=True, screen_stack=behind)
    assert isinstance(update, LayoutUpdate)
    strips = [Strip.join(list(line)) for line in update.strips]
    if depth is None:
        return [visible("".join(segment.text for segment in strip)).rstrip() for strip in strips]
    return [_colored(strip, SYSTEMS[depth]) for strip in strips]


def _colored(strip: Strip, system: ColorSystem | None) -> str:
    parts: list[str] = []
    for text, style, _ in strip:
        shown = visible(text)
        parts.append(style.render(shown, color_system=system) if style is not None else shown)
    return "".join(parts)
