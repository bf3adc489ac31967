"""News of the runs of a screen that their user should hear: an end, a failure, a serious finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tui_trainer.protocol.finding_titles import title_of
from tui_trainer.session.base import Session
from tui_trainer.state.run_state import RunState
from tui_trainer.text import number
from tui_trainer.ui.panels.progress import short_name_of
from tui_trainer.ui.run_store import RunStore

STAYS = 5.0
"""Seconds for which a serious finding has to stay: one that leaves at once is no news."""
SERIOUS = "alarm"
"""Severity of the findings that are told."""


@dataclass(frozen=True, slots=True)
class News:
    """Something to tell.

    Attributes:
        kind: what happened.
        run: short name of the run.
        text: what happened, in a few words.
    """

    kind: Literal["end", "fail", "finding"]
    run: str
    text: str


class RunWatch:
    """Compares the runs of a screen with what they were a moment ago.

    Only what happens while the screen is open is news: a run that had ended, or a finding that had been there, when it
    was opened is none.
    """

    def __init__(self) -> None:
        self._session: Session | None = None
        self._live: dict[str, bool] = {}
        """Whether each known run was live."""
        self._findings: dict[tuple[str, str], float | None] = {}
        """When each active finding was seen first; None for one that was told or is no news."""

    def poll(
        self, states: Sequence[RunState], store: RunStore, muted: Mapping[str, frozenset[str]], now: float
    ) -> list[News]:
        """Return what has happened since the last call."""
        if store.session is not self._session:
            self._session, self._live, self._findings = store.session, {}, {}
        news: list[News] = []
        for state in states:
            lost = not state.over and (store.vanished(state) or not store.connected)
            live = not (state.over or lost)
            if self._live.setdefault(state.run, live) and not live:
                news.append(_end(state, lost, store.error))
            news += self._serious(state, muted.get(state.run, frozenset()), now, new=live != self._live[state.run])
            self._live[state.run] = live
        # A set is over when its last run is; until then only the failures are news.
        if any(self._live.values()):
            return [each for each in news if each.kind != "end"]
        return news

    def _serious(self, state: RunState, muted: frozenset[str], now: float, *, new: bool) -> list[News]:
        first = (state.run, "") not in self._findings
        self._findings[state.run, ""] = None
        news: list[News] = []
        for name, finding in state.findings.items():
            key = (state.run, name)
            if not finding.active or finding.severity != SERIOUS or name in muted:
                self._findings.pop(key, None)
                continue
            since = self._findings.setdefault(key, None if first else now)
            if since is not None and now - since >= STAYS and not state.over and not new:
                self._findings[key] = None
                news.append(News("finding", short_name_of(state), title_of(finding)))
        return news


def _end(state: RunState, lost: bool, error: str) -> News:
    name = short_name_of(state)
    if lost:
        return News("fail", name, error or "its process is gone")
    if state.status == "failed":
        return News("fail", name, f"{state.reason}: {state.detail}" if state.detail else state.reason or "failed")
    series = state.series.get("val_loss")
    value = f", val {number(series.last, 2)}" if series is not None and series.last is not None else ""
    return News("end", name, f"{state.reason or 'over'}{value}")
