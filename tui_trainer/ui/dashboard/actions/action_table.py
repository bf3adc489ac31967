"""The handlers of all actions of one dashboard, by id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from textual.binding import Binding, BindingsMap

from tui_trainer.ui.actions import ACTIONS, Keymap, keys_of
from tui_trainer.ui.answers.actions import AnswerActions
from tui_trainer.ui.cards.end_actions import EndActions
from tui_trainer.ui.cards.recent_runs import RecentRuns
from tui_trainer.ui.dashboard.actions.chart_actions import ChartActions
from tui_trainer.ui.dashboard.actions.lesson_actions import LessonActions
from tui_trainer.ui.dashboard.actions.quit_actions import QuitActions
from tui_trainer.ui.dashboard.actions.rerun_actions import RerunActions
from tui_trainer.ui.dashboard.actions.training_actions import TrainingActions
from tui_trainer.ui.dashboard.actions.view_actions import ViewActions
from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.drills.actions import DrillActions
from tui_trainer.ui.findings.actions import FindingActions
from tui_trainer.ui.keeping.keep_actions import KeepActions
from tui_trainer.ui.keeping.write_preset import PresetWriter
from tui_trainer.ui.lecture.tour import Tour
from tui_trainer.ui.pages.chart_page_actions import ChartPageActions
from tui_trainer.ui.pages.host_actions import HostActions
from tui_trainer.ui.pages.layer_actions import LayerActions
from tui_trainer.ui.pages.own_chart_actions import OwnChartActions
from tui_trainer.ui.pages.page_actions import PageActions
from tui_trainer.ui.pages.rail_actions import RailActions
from tui_trainer.ui.preferences.preference_actions import PreferenceActions
from tui_trainer.ui.preferences.preferences import Preferences
from tui_trainer.ui.sets.set_actions import SetActions


def bindings_of(keymap: Keymap) -> BindingsMap:
    """Return the bindings of all actions. Textual's own keymap knows no action without a key of its own."""
    return BindingsMap(
        Binding(key, f"perform('{action.id}')", action.label, show=False)
        for action in ACTIONS
        for key in keys_of(action, keymap)
    )


@dataclass(frozen=True, slots=True)
class ActionOptions:
    """The parts that the actions of a dashboard need beside its context.

    Attributes:
        keymap: the user's keys.
        tour: the way through the lecture that the screen was opened from.
        rest: seconds between two lessons in autoplay.
        preferences: the user's settings.
        recent: the last finished runs of the same preset.
        scroll: scrolls the open page by pages.
        repaint: sends every cell to the terminal again.
    """

    keymap: Keymap
    tour: Tour | None
    rest: float
    preferences: Preferences
    recent: RecentRuns
    scroll: Callable[[int], None]
    repaint: Callable[[], None]


class ActionTable:
    """Makes the action classes of a dashboard.

    Attributes:
        handlers: the handler of each action.
        forms: those of actions that open a form, which take a proposed value.
        quit, lessons, views, reruns, host, sets: the classes that the dashboard asks for more than a handler.
    """

    def __init__(self, context: DashboardContext, options: ActionOptions) -> None:
        self.quit = QuitActions(context)
        self.reruns = RerunActions(context)
        self.lessons = LessonActions(context, options.tour, options.rest, self.quit, self.reruns)
        self.views = ViewActions(context)
        self.host = HostActions(context, options.keymap)
        training, views = TrainingActions(context), self.views.handlers()
        self.forms: dict[str, Callable[[str], None]] = {**training.forms(), **self.reruns.forms()}
        self.handlers: dict[str, Callable[[], None]] = {
            **training.handlers(),
            **views,
            **ChartActions(context).handlers(),
            **AnswerActions(context).handlers(),
            **RailActions(context, self.views.select, options.scroll, views).handlers(),
            **self.lessons.handlers(),
            **self.quit.handlers(),
            **self.reruns.handlers(),
            **self.host.handlers(),
            **PageActions(context).handlers(),
            **PreferenceActions(context, options.preferences).handlers(),
            **EndActions(context, options.recent, self.host.resume).handlers(),
            **KeepActions(context).handlers(),
            **PresetWriter(context).handlers(),
            **DrillActions(context).handlers(),
            "redraw": options.repaint,
        }
        self.handlers |= ChartPageActions(context, self.handlers["search"]).handlers()
        self.sets = SetActions(context, self.views.select, self.handlers)
        self.handlers |= self.sets.handlers()
        self.handlers |= OwnChartActions(context).handlers()
        # On the page of the findings, some keys act on a finding, and else as before.
        findings = FindingActions(
            context, lambda: context.view_state.page == "findings", context.perform, self.handlers
        )
        self.handlers |= findings.handlers()
        self.handlers |= LayerActions(context, self.handlers).handlers()
