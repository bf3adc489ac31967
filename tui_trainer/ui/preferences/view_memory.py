"""Remember how the runs of a project are looked at: restore it when they appear, and save what keys change."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import get_args

from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.registry import PicturePane, pane_named
from tui_trainer.ui.dashboard.view_state import ONLY_PAGE, PageName, ViewState
from tui_trainer.ui.preferences.screen_memory import ScreenMemory
from tui_trainer.ui.preferences.screen_state import ProjectState
from tui_trainer.ui.sets.leaderboard import COLUMNS, Column

PANE_SECONDS = 5.0
"""Seconds after the runs appeared during which a remembered chart may still get its first data."""
NOT_REMEMBERED: tuple[PageName, ...] = ("comparison", "notes")
"""Pages that belong to the runs of one screen, not to a project."""


def project_folder(state: RunState | None) -> str:
    """Return the runs directory of a run, empty where it is not known yet."""
    path = state.started.path if state is not None and state.started is not None else ""
    if not path or state is None:
        return ""
    folder = os.path.dirname(os.path.abspath(path))
    return os.path.dirname(folder) if "/" in state.run else folder


def remembered(view_state: ViewState) -> ProjectState:
    """Return the part of a view state that is remembered."""
    view, large, pages = view_state.view, view_state.maximized, view_state.pages
    return ProjectState(
        axis=view.axis,
        log=view.log,
        log_x=view.log_x,
        clip=view.clip,
        smoothing=view.smoothing,
        median=view.median,
        band=view.band,
        chart="" if large is None else large.name if isinstance(large, PicturePane) else str(large),
        alone=view_state.alone,
        page=view_state.page if view_state.page not in NOT_REMEMBERED else "",
        log_all=view_state.log_all,
        sort=view_state.sets.sort if view_state.sets.sort != COLUMNS[0] else "",
        reverse=view_state.sets.reverse,
        baseline=view_state.sets.baseline,
        charts=pages.own,
        grid=pages.grid,
        charts_page=pages.page,
        filter=pages.filter,
        limits=view.limits,
    )


def restore(view_state: ViewState, project: ProjectState) -> None:
    """Look at the runs as at those of the project before. The large chart may have no data yet: see `ViewMemory`."""
    view_state.view = replace(
        view_state.view,
        axis=project.axis,
        log=dict(project.log),
        log_x=project.log_x,
        clip=project.clip,
        smoothing=project.smoothing,
        median=project.median,
        band=project.band,
        limits=dict(project.limits),
    )
    view_state.log_all = project.log_all
    pages = view_state.pages
    pages.own, pages.grid, pages.page, pages.filter = project.charts, project.grid, project.charts_page, project.filter
    view_state.page = page_named(project.page)
    sets = view_state.sets
    known: dict[str, Column] = {column: column for column in COLUMNS}
    sets.sort = known.get(project.sort, COLUMNS[0])
    sets.reverse, sets.baseline = project.reverse, project.baseline


def page_named(name: str) -> PageName:
    """Return the page with a name, the empty one where there is none."""
    return next((page for page in get_args(PageName) if page == name), "")


class ViewMemory:
    """Keeps the view state of one dashboard and the memory of its project equal.

    A lesson chooses what is looked at: while one is shown, nothing is restored, and nothing remembered.

    Args:
        view_state: the view state of the dashboard.
        memory: the memory of the screen.
        page: the page that the user asked to open with, whatever was open before.
    """

    def __init__(self, view_state: ViewState, memory: ScreenMemory, page: str = "") -> None:
        self._state = view_state
        self._page: PageName = page_named(page)
        view_state.page, view_state.notes = self._page, self._page == ONLY_PAGE
        self._memory = memory
        self._folder = ""
        self._last = ProjectState()
        """The view as it was when it was compared last."""
        self._chart = ""
        """A remembered chart that has no data yet."""
        self._alone = False
        """Whether that chart filled the screen."""
        self._chart_until = 0.0

    def tick(self, now: float) -> bool:
        """Restore or remember the view. Returns whether it was restored, so that the screen has to be drawn."""
        memory, state = self._memory, self._state
        folder = project_folder(state.selected_run)
        if not folder or state.lecture or state.lesson is not None:
            return False
        restored = False
        if folder != self._folder:
            self._folder = folder
            project = memory.project(folder)
            if project is not None:
                restore(state, project)
                if self._page:
                    state.page = self._page
                self._chart, self._alone, self._chart_until = project.chart, project.alone, now + PANE_SECONDS
                restored = True
            self._last = remembered(state)
        if self._chart:
            restored |= self._restore_chart(now)
        present = remembered(state)
        if present != self._last:
            memory.remember(folder, present, self._last)
            self._last = present
        return restored

    def _restore_chart(self, now: float) -> bool:
        state = self._state
        own = (chart for chart in state.pages.own if chart.id == self._chart)
        pane = next(own, None) or pane_named(
            self._chart, state.states, min(state.selected_index, len(state.states) - 1)
        )
        untouched = remembered(state) == self._last
        if pane is not None and untouched:
            state.maximized, state.alone = pane, self._alone
            self._last = remembered(state)
        if pane is not None or not untouched or now >= self._chart_until:
            self._chart = ""
        return pane is not None and untouched
