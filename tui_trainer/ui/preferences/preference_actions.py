"""Actions that choose the theme and edit the settings."""

from __future__ import annotations

from collections.abc import Callable

from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.preferences.preferences import Preferences


class PreferenceActions:
    """Handlers of the theme and of the settings. Both change the screen and nothing of the training.

    Args:
        context: the dashboard.
        preferences: the settings in force.
    """

    def __init__(self, context: DashboardContext, preferences: Preferences) -> None:
        self._context = context
        self._preferences = preferences

    def handlers(self) -> dict[str, Callable[[], None]]:
        """Return the handler of each action by its id."""
        return {"theme": self.theme, "settings": self.settings}

    def theme(self) -> None:
        """Choose a theme, with a live preview."""
        from tui_trainer.ui.screens.theme_picker import ThemePicker

        self._context.ask(ThemePicker(), lambda name: self._context.flash(f"theme: {name}"))

    def settings(self) -> None:
        """Show the settings, and save those that are changed."""
        from tui_trainer.ui.screens.settings_form import SettingsScreen
        from tui_trainer.ui.settings import settings_path

        dialog = SettingsScreen(self._preferences.settings, settings_path())
        self._context.ask(dialog, lambda said: self._context.flash(said, seconds=8))
