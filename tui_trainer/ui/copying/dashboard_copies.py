"""The texts that can be copied from the dashboard, those of the open page first."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tui_trainer.config.script_command import script_command
from tui_trainer.runs.comparing.flat_config import flattened
from tui_trainer.session.base import OnDisk
from tui_trainer.state.run_state import CLOCK, LogLine, RunState
from tui_trainer.state.series_names import STANDARD, group_of
from tui_trainer.text import visible
from tui_trainer.ui.charts.composed.series_chart import SeriesChart
from tui_trainer.ui.copying.texts import Copyable, imports_code, limited, quoted, row_text, run_copies
from tui_trainer.ui.dashboard.view_state import ViewState
from tui_trainer.ui.findings.advice import actions_of
from tui_trainer.ui.findings.pictures import stretch
from tui_trainer.ui.panels.findings import active_findings, title_of
from tui_trainer.ui.screens.run_table import table

LEADING = ("train_loss", "val_loss", "lr", "grad_norm")
"""The series that come first."""


def dashboard_copies(state: ViewState, found: LogLine | None = None) -> list[Copyable]:
    """Return what can be copied from the dashboard, that of the open page first.

    Args:
        state: the runs and how they are shown.
        found: the event that a search found last.
    """
    run = state.selected_run
    if run is None:
        return []
    at = f" at step {state.view.cursor:.0f}" if state.view.cursor is not None else ""
    lines = [*run.log]
    event = found or (lines[-1] if lines else None)
    offered = [
        *_of_page(state, run),
        Copyable("v", f"the values on the screen{at}", _values(run, _shown(state, run), state.view.cursor, " ")),
        Copyable("a", f"all values{at}, one in a line", _values(run, run.series, state.view.cursor, "\n")),
        Copyable("n", "the name of the run", visible(run.run)),
        *_of_folder(folder_of(state, run), run),
        Copyable("e", "the event found last" if found else "the newest event", _event(event) if event else ""),
        Copyable("l", "the events", "\n".join(map(_event, lines))),
    ]
    return limited(offered)


def _of_page(state: ViewState, run: RunState) -> list[Copyable]:
    """Return the row and the table of the open page."""
    if state.page == "findings":
        active = active_findings(run, state.muted_findings)
        if not active:
            return []
        texts = [_finding(run, finding) for finding in active]
        return [
            Copyable("f", "this finding", texts[min(state.finding, len(texts) - 1)]),
            Copyable("t", "all findings", "\n\n".join(texts)),
        ]
    if state.page == "layers":
        return [Copyable("t", "the table of the layers", _layers(run))]
    if state.page == "runs" or len(state.states) > 1:
        return run_copies(table(state.states), state.selected_index)
    return []


def _finding(run: RunState, finding: Any) -> str:
    first, last = stretch(finding, run)
    actions = [f"- {action.label}" for action in actions_of(finding, run)]
    parts = [
        title_of(finding),
        f"steps {first:,.0f} to {last:,.0f}, since epoch {finding.epoch}",
        finding.evidence,
        finding.likely_cause or finding.why,
        *actions,
    ]
    return "\n".join(visible(part) for part in parts if part)


def _layers(run: RunState) -> str:
    rows = [("layer", "gradient norm", "weight norm", "update ratio", "silent")]
    for name, layer in run.layers.items():
        values = (layer.grad_norm, layer.weight_norm, layer.update_ratio, layer.dead)
        rows.append((name, *("" if value is None else repr(value) for value in values)))  # pyright: ignore[reportArgumentType]
    return "\n".join(map(row_text, rows)) if run.layers else ""


def _event(line: LogLine) -> str:
    return f"{visible(line.at)} {visible(line.text)}"


def _shown(state: ViewState, run: RunState) -> list[str]:
    """Return the names of the series on the screen: of the large chart or the open page of charts, else the usual."""
    if state.on_chart_page:
        charts = state.pages.on_page(run)
        return list(dict.fromkeys(name for chart in charts for name in chart.series))
    if isinstance(state.maximized, SeriesChart):
        return list(state.maximized.series)
    usual = [name for name in run.series if (name in STANDARD or not group_of(name)) and name != CLOCK]
    return sorted(usual, key=lambda name: LEADING.index(name) if name in LEADING else len(LEADING))


def _values(run: RunState, names: Iterable[str], cursor: float | None, separator: str) -> str:
    """Return the step, and each series with its value there; without a cursor the newest value of each."""
    step = float(run.step) if cursor is None else min(max(cursor, 0.0), float(run.step))
    found: list[str] = []
    for name in names:
        at = run.series[name].at(step) if name in run.series else None
        if at is not None:
            found.append(f"{visible(name)}={at[1]!r}")
    return separator.join([f"step={step:.0f}", *found]) if found else ""


def folder_of(state: ViewState, run: RunState) -> str:
    """Return the folder of a run: where it was opened from, else where it was started; empty before it began."""
    session = state.store.session
    folder = session.folder(run.run) if isinstance(session, OnDisk) else None
    if folder is not None:
        return str(Path(folder).absolute())
    return run.started.path if run.started is not None else ""


def _of_folder(folder: str, run: RunState) -> list[Copyable]:
    if not folder:
        return []
    config = flattened(run.started.config) if run.started is not None else {}
    by_script = config.get("kind") == "script" and run.started is not None
    trust = " --trust" if by_script or imports_code(config) else ""
    path = quoted(folder)
    again = f"tui-trainer run {quoted(f'{folder}/run.toml')}{trust}"
    if by_script and run.started is not None:
        again = script_command(run.started.config)
    show = f"tui-trainer {'open' if run.over else 'attach'} {path}"
    steered = [Copyable("i", "the command that repeats its interventions too", f"tui-trainer replay {path}{trust}")]
    return [
        Copyable("p", "its folder", visible(folder)),
        Copyable("r", "the command that repeats this run", again),
        *(steered if run.marks else []),
        Copyable("o", "the command that opens it", show),
    ]
