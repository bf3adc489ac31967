"""The action of the dashboard that writes the selected run as a preset, with what was done to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shlex import quote

from tui_trainer.errors import UserError
from tui_trainer.paths import expanded
from tui_trainer.text import visible
from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.keeping.ask_text import AskText
from tui_trainer.ui.keeping.kept_runs import info_of


class PresetWriter:
    """Handler of the key that writes a run as a preset.

    Args:
        context: the dashboard.
    """

    def __init__(self, context: DashboardContext) -> None:
        self._context = context

    def handlers(self) -> dict[str, Callable[[], None]]:
        """Return the handler of each action by its id."""
        return {"bake": self.ask}

    def ask(self) -> None:
        """Ask for a file, and write the selected run to it."""
        from tui_trainer.runs.bake import bake, write_new  # takes 0.1 s, which the first frame does not wait for

        context = self._context
        try:
            info = info_of(context.view_state.store, context.selected_run)
            baked = bake(Path(info.path), info.name)
        except UserError as error:
            context.flash(visible(str(error)), error=True, seconds=10.0)
            return

        def check(name: str) -> str:
            try:
                write_new(expanded(name), repr(name), baked.text)
            except UserError as error:
                return visible(str(error))
            return ""

        count = f"{baked.actions} action{'s' if baked.actions != 1 else ''}"
        explanation = f"The settings of this run, and what was done to it as {count}. The file must be new."
        proposed = f"{info.name.replace('/', '-')}.toml"
        dialog = AskText("Write as a preset", explanation, proposed, check=check, hint="steered.toml")
        context.ask(
            dialog,
            lambda name: context.flash(
                visible(f"{name}: {count} written; train it with: tui-trainer run {quote(name)}"), seconds=10.0
            ),
        )
