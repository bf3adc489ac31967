"""The home screen: three tabs to start presets, to join or open runs, and to go through the lecture."""

from tui_trainer.ui.screens.home.screen import Home as Home
