"""Load exact values of a zoomed span from the journal; until they arrive, the coarse values in memory are drawn."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from tui_trainer.runs.loading.step_index import StepIndex, StepRange
from tui_trainer.runs.run_dir import RunDir
from tui_trainer.session.base import OnDisk, Session
from tui_trainer.state.run_state import CLOCK, Ghost, RunState
from tui_trainer.state.zoomed_series import ZoomedSeries
from tui_trainer.ui.charts.axes import Span

COLUMNS = 256
"""Values across a chart, roughly: a span with at least as many values in memory is not loaded."""
MAX_RUNS = 4
"""Runs whose values are loaded, the selected one first."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    """The values of a span, and the branches that the run had left by then: an undo invalidates them."""

    values: StepRange | None
    ghosts: tuple[Ghost, ...]


class ZoomLoader:
    """Loads one range of steps at a time, in a thread, and keeps the last one of each run.

    The thread is a daemon thread of its own rather than a Textual worker: a worker's thread is joined at exit, and a
    slow disk must not hold the exit. Nothing waits for the thread; `poll` collects its result with the next tick.
    """

    def __init__(self) -> None:
        self._indexes: dict[Path, StepIndex] = {}
        self._loaded: dict[str, _Loaded] = {}
        self._requested: dict[str, tuple[Span, int]] = {}
        """The span last requested of each run, and the points behind its coarsest value before."""
        self._results: list[tuple[str, _Loaded]] = []
        self._thread: Thread | None = None

    def zoomed(self, state: RunState) -> RunState:
        """Return the state with the loaded values in place of the coarse ones."""
        loaded = self._loaded.get(state.run)
        if loaded is None or loaded.values is None:
            return state
        if loaded.ghosts != tuple(state.ghosts):
            del self._loaded[state.run]
            self._requested.pop(state.run, None)
            return state
        values = loaded.values
        series = {
            name: ZoomedSeries(coarse, values.series[name], values.first, values.last)
            if name in values.series and name != CLOCK
            else coarse
            for name, coarse in state.series.items()
        }
        return state.model_copy(update={"series": series})

    def request(self, states: Sequence[RunState], spans: Sequence[Span], session: Session) -> None:
        """Load the span of the first of these runs that is too coarse in memory; do nothing while one is loading."""
        if self._thread is not None:
            return
        for state, span in list(zip(states, spans, strict=True))[:MAX_RUNS]:
            grain = _grain(self.zoomed(state), span)
            if grain <= max((span[1] - span[0]) / COLUMNS, 1) or self._requested.get(state.run) == (span, grain):
                continue
            journal = journal_of(session, state)
            if journal is None:
                continue
            self._requested[state.run] = span, grain
            index = self._indexes.setdefault(journal, StepIndex(journal))
            self._thread = Thread(target=self._load, args=(state.run, index, span, tuple(state.ghosts)), daemon=True)
            self._thread.start()
            return

    def _load(self, run: str, index: StepIndex, span: Span, ghosts: tuple[Ghost, ...]) -> None:
        """Load a span in the thread, with half its width on both sides, so that panning shows exact values at once."""
        first, last = span
        width = last - first
        values: StepRange | None = None
        try:
            for margin in (width / 2, 0.0):
                values = index.read(first - margin, last + margin)
                if values is not None:
                    break
        except OSError:
            pass  # the journal is on another machine or was removed: the coarse values stay
        self._results.append((run, _Loaded(values, ghosts)))

    def poll(self) -> bool:
        """Collect the result of the thread. Returns whether one has arrived since the last call."""
        if self._thread is None or self._thread.is_alive():
            return False
        self._thread = None
        results, self._results = self._results, []
        for run, loaded in results:
            if loaded.values is not None:
                self._loaded[run] = loaded
        return bool(results)


def journal_of(session: Session, state: RunState) -> Path | None:
    """Return the path of a run's journal; None for a run on another machine."""
    folder = session.folder(state.run) if isinstance(session, OnDisk) else None
    if folder is None and state.started is not None and state.started.host == platform.node():
        folder = Path(state.started.path) if state.started.path else None
    return RunDir(folder).journal if folder is not None else None


def _grain(state: RunState, span: Span) -> int:
    """Return how many points the coarsest value within a span stands for, over all series."""
    return max((series.grain(*span) for name, series in state.series.items() if name != CLOCK), default=1)
