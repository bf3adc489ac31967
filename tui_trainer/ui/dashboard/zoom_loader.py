"""What is zoomed into, read again from the journal: coarse at once from what was kept, exact when it has been found."""

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
"""Values across a chart, about: what is kept finer than that needs no closer look."""
MOST = 4
"""Runs that are looked at closely, the one in front first."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A look, and the branches that the run had left by then: an undo makes it void."""

    look: StepRange | None
    ghosts: tuple[Ghost, ...]


class ZoomLoader:
    """The closer looks at the runs on the screen, one for each, and the thread that takes the next one.

    Nothing waits for that thread: what it has found is picked up with the next tick.
    """

    def __init__(self) -> None:
        self._lookups: dict[Path, StepIndex] = {}
        self._seen: dict[str, _Seen] = {}
        self._asked: dict[str, tuple[Span, int]] = {}
        """The span that was last looked for in a run, and the points behind its coarsest value before."""
        self._found: list[tuple[str, _Seen]] = []
        self._thread: Thread | None = None

    def closer(self, state: RunState) -> RunState:
        """The state with what has been read again in the place of what was kept."""
        seen = self._seen.get(state.run)
        if seen is None or seen.look is None:
            return state
        if seen.ghosts != tuple(state.ghosts):
            del self._seen[state.run]
            self._asked.pop(state.run, None)
            return state
        look = seen.look
        series = {
            name: ZoomedSeries(whole, look.series[name], look.first, look.last)
            if name in look.series and name != CLOCK
            else whole
            for name, whole in state.series.items()
        }
        return state.model_copy(update={"series": series})

    def want(self, states: Sequence[RunState], spans: Sequence[Span], session: Session) -> None:
        """Look closer at the first of these runs of which a span is kept too coarsely, unless a look is being taken."""
        if self._thread is not None:
            return
        for state, span in list(zip(states, spans, strict=True))[:MOST]:
            grain = _grain(self.closer(state), span)
            if grain <= max((span[1] - span[0]) / COLUMNS, 1) or self._asked.get(state.run) == (span, grain):
                continue
            journal = journal_of(session, state)
            if journal is None:
                continue
            self._asked[state.run] = span, grain
            lookup = self._lookups.setdefault(journal, StepIndex(journal))
            found = state.run, lookup, span, tuple(state.ghosts)
            self._thread = Thread(target=self._look, args=found, daemon=True)
            self._thread.start()
            return

    def _look(self, run: str, lookup: StepIndex, span: Span, ghosts: tuple[Ghost, ...]) -> None:
        """In the thread: with as much on both sides as is in sight, so that moving along shows exact values at once."""
        first, last = span
        width = last - first
        look: StepRange | None = None
        try:
            for margin in (width / 2, 0.0):
                look = lookup.read(first - margin, last + margin)
                if look is not None:
                    break
        except OSError:
            pass  # the journal is not here, or is gone: what was kept stays
        self._found.append((run, _Seen(look, ghosts)))

    def arrived(self) -> bool:
        """Whether a look has been taken since the last call: what is drawn is finer now."""
        if self._thread is None or self._thread.is_alive():
            return False
        self._thread = None
        found, self._found = self._found, []
        for run, seen in found:
            if seen.look is not None:
                self._seen[run] = seen
        return bool(found)


def journal_of(session: Session, state: RunState) -> Path | None:
    """The journal of a run, where it can be read from here; None for a run on another machine."""
    folder = session.folder(state.run) if isinstance(session, OnDisk) else None
    if folder is None and state.started is not None and state.started.host == platform.node():
        folder = Path(state.started.path) if state.started.path else None
    return RunDir(folder).journal if folder is not None else None


def _grain(state: RunState, span: Span) -> int:
    """Points behind the coarsest value within a span of any series."""
    return max((series.grain(*span) for name, series in state.series.items() if name != CLOCK), default=1)
