"""The text of the page that is open beside the charts."""

from __future__ import annotations

from time import time

from textual.content import Content

from tui_trainer.state.run_state import RunState
from tui_trainer.text import cut, visible
from tui_trainer.ui.actions import Keymap
from tui_trainer.ui.answers.page import AnswersPage
from tui_trainer.ui.cards.result import metric_name
from tui_trainer.ui.charts.composed.catalog import heading_of
from tui_trainer.ui.charts.palette import Palette
from tui_trainer.ui.dashboard.view_state import ViewState
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.lecture.notes import notes_page
from tui_trainer.ui.panels.findings import active_findings, findings_page
from tui_trainer.ui.panels.layer_strips import StripView
from tui_trainer.ui.panels.layers_table import layers_page
from tui_trainer.ui.panels.numbers_table import BestValues
from tui_trainer.ui.panels.progress import shown_variant
from tui_trainer.ui.panels.runs_list import ranking_series, runs_list
from tui_trainer.ui.sets.comparison_page import comparison_page
from tui_trainer.ui.sets.leaderboard_page import leaderboard_note, leaderboard_page

MAX_GROUPS = 60
"""Cells of the groups of a page of charts."""
_ANSWERS = AnswersPage()


def page_title(view_state: ViewState) -> str:
    """Return the title of the open page, with the run that it speaks of where there are several."""
    title: str = view_state.page
    state = view_state.selected_run
    if state is None or not title:
        return title
    if view_state.page == "leaderboard":
        title = f"leaderboard by {metric_name(ranking_series(view_state.states))}"
    if view_state.page == "findings":
        title = f"{title} {len(active_findings(state, view_state.muted_findings))}"
    of_run = len(view_state.states) > 1 and view_state.page in ("findings", "layers")
    return f"{title} of {shown_variant(state)}" if of_run else title


def page_note(view_state: ViewState, icons: Icons) -> str:
    """Return the note at the end of the title of the open page."""
    return leaderboard_note(view_state.sets, icons) if view_state.page == "leaderboard" else ""


def charts_heading(view_state: ViewState) -> tuple[str, str]:
    """Return the groups of the open page of charts, and its number and filter."""
    pages, run = view_state.pages, view_state.selected_run
    groups = ", ".join(dict.fromkeys(visible(heading_of(chart)) for chart in pages.on_page(run)))
    count = pages.count(run)
    note = f"page {min(pages.page, count) + 1} of {count + 1}" + (f", filter {pages.filter}" if pages.filter else "")
    return cut(groups or "no chart matches", MAX_GROUPS, "…"), note


def page_text(
    view_state: ViewState,
    state: RunState,
    size: tuple[int, int],
    icons: Icons,
    keymap: Keymap,
    palette: Palette,
    best: BestValues,
) -> Content:
    """Return the text of the open page for the selected run, in lines of at most the width of `size`.

    A leaderboard has as many lines as the height; any other page scrolls.
    """
    width, height = size
    match view_state.page:
        case "findings":
            return findings_page(state, width, icons, keymap, view_state.muted_findings, view_state.finding)
        case "layers":
            view = view_state.view
            first, last = view.span or (0.0, float(max(state.step, 1)))
            strips = StripView(view_state.layer_measure, first, min(last, float(max(state.step, 1))), view.cursor)
            return layers_page(state.layers, state.series, width, icons, strips, height)
        case "notes":
            return notes_page(view_state.lesson, view_state.states, state, width, time())
        case "runs":
            index, store = view_state.selected_index, view_state.store
            rows = runs_list(
                view_state.states, index, width, icons, palette, store, best, steer_all=view_state.steer_all
            )
            return Content("\n").join(rows)
        case "answers":
            return _ANSWERS.text(state, width, icons, keymap, palette)
        case "comparison":
            states, comparison = view_state.states, view_state.sets.comparison
            comparison.update(states, view_state.sets.abouts)
            return Content("\n").join(comparison_page(states, view_state.selected_index, width, icons, comparison))
        case "leaderboard":
            states, index = view_state.states, view_state.selected_index
            rows = leaderboard_page(
                states, index, width, height, icons, palette, view_state.store, best, view_state.sets
            )
            return Content("\n").join(rows)
        case _:
            return Content("")
