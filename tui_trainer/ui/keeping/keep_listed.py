"""Keep a run of a list that has no dashboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.screen import ModalScreen, Screen

from tui_trainer.runs.run_info import RunInfo
from tui_trainer.ui.keeping.keep_run import KeepRun, Say


def keep_listed(
    screen: Screen[None], info: RunInfo, runs: Sequence[RunInfo], say: Say, changed: Callable[[], None]
) -> None:
    """Ask what to do with a run of a list.

    Args:
        screen: the screen of the list.
        info: the run.
        runs: all runs of the list.
        say: shows what was done, or why it was not.
        changed: called after a change.
    """

    def ask(dialog: ModalScreen[str | None], accepted: Callable[[str], None], /) -> None:
        screen.app.push_screen(dialog, lambda answer: accepted(answer) if answer is not None else None)

    members = [each for each in runs if info.group and each.group == info.group]
    KeepRun(ask, say, changed).begin(info, members, lambda: runs)
