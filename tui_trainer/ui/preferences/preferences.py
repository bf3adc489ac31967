"""The preferences of the user, as the screens of one app share them."""

from __future__ import annotations

from dataclasses import dataclass, field

from tui_trainer.ui.color_depth import ColorDepth
from tui_trainer.ui.preferences.screen_memory import ScreenMemory
from tui_trainer.ui.settings import Settings


@dataclass(slots=True)
class Preferences:
    """The settings in force, the memory of the screen, and the colours of the terminal.

    Attributes:
        settings: the settings in force; the settings screen replaces them.
        memory: what the screen remembers.
        depth: the colours that the terminal shows.
    """

    settings: Settings = field(default_factory=Settings)
    memory: ScreenMemory = field(default_factory=lambda: ScreenMemory(None))
    depth: ColorDepth = "full"
