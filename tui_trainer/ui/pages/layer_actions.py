"""The keys that choose a measure while the layers page is open."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.panels.layer_strips import MEASURES

Handler = Callable[[], None]


class LayerActions:
    """Handlers of the number keys, which choose the measure of the strips on the layers page.

    Args:
        context: the dashboard.
        others: the handlers of the same keys while the page is closed.
    """

    def __init__(self, context: DashboardContext, others: Mapping[str, Handler]) -> None:
        self._context = context
        self._others = dict(others)

    def handlers(self) -> dict[str, Handler]:
        """Return the handler of each action by its id."""
        return {f"chart_{number}": self._numbered(number) for number in range(1, len(MEASURES) + 1)}

    def _numbered(self, number: int) -> Handler:
        def choose() -> None:
            state = self._context.view_state
            if state.page != "layers":
                self._others[f"chart_{number}"]()
                return
            state.layer_measure = number - 1
            self._context.redraw()

        return choose
