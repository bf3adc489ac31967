"""Train the runs of a lesson again: up to a remark, or with the next of the values that it names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from tui_trainer.config.lesson import Lesson
from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.panels.progress import variant_of
from tui_trainer.ui.sets.run_names import folder_of


class Reruns(Protocol):
    """Starts the new runs."""

    def again(self, overrides: tuple[str, ...], purpose: str, begun: Callable[[], None], *, hold: bool) -> None:
        """Train the same runs again; asks first while something trains."""
        ...


class LessonAgain:
    """Handlers of the keys that train a lesson again.

    Args:
        context: the dashboard.
        reruns: starts the new runs.
        restarted: called with the index of the remark before which the new runs do not wait.
        holds: whether new runs wait before their first batch.
    """

    def __init__(
        self,
        context: DashboardContext,
        reruns: Reruns,
        restarted: Callable[[int], None],
        holds: Callable[[], bool],
    ) -> None:
        self._context = context
        self._reruns = reruns
        self._restarted = restarted
        self._holds = holds

    def handlers(self) -> dict[str, Callable[[], None]]:
        """Return the handler of each action by its id."""
        return {
            "play_again": self.play_again,
            "try_next": lambda: self.try_value(1),
            "try_previous": lambda: self.try_value(-1),
        }

    def play_again(self) -> None:
        """Train again from the start; the training waits at the remark on the screen."""
        narrator = self._context.view_state.narrator
        index = narrator.shown[narrator.page] if narrator.shown else -1
        self._reruns.again((), "play the lesson again", lambda: self._restarted(index), hold=self._holds())

    def try_value(self, offset: int) -> None:
        """Train again with the next or previous value; the selected run stays behind the charts as the baseline."""
        view_state = self._context.view_state
        lesson = view_state.lesson
        if lesson is None or lesson.tries is None:
            return
        override = next_value(lesson, self._context.selected_run.started, offset)
        selected = self._context.selected_run
        folder, name = folder_of(selected), variant_of(selected)

        def begun() -> None:
            view_state.sets.baseline = folder
            self._restarted(-1)
            self._context.flash(f"{override}; behind the charts: {name} before", seconds=10)

        self._reruns.again((override,), f"try {override}", begun, hold=self._holds())


def next_value(lesson: Lesson, started: Any, offset: int) -> str:
    """Return `KEY=VALUE` for the value after the one of a run, or before it; the first one follows the last."""
    assert lesson.tries is not None
    key, *values = lesson.tries
    present: Any = started.config if started is not None else {}
    for name in str(key).split("."):
        present = present.get(name) if isinstance(present, dict) else None
    if present in values:
        index = (values.index(present) + offset) % len(values)
    else:  # between two of them, or none of them
        index = 0 if offset > 0 else len(values) - 1
        if isinstance(present, (int, float)):
            above = [
                number for number, value in enumerate(values) if isinstance(value, (int, float)) and value > present
            ]
            below = [
                number for number, value in enumerate(values) if isinstance(value, (int, float)) and value < present
            ]
            index = next(iter(above), index) if offset > 0 else next(reversed(below), index)
    value = values[index]
    return f"{key}={value}" if isinstance(value, str) else f"{key}={value:g}"
