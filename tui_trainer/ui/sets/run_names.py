"""Names and directories of the runs of a set."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

from tui_trainer.state.run_state import RunState
from tui_trainer.ui.panels.progress import short_name_of, shown_variant


def folder_of(state: RunState) -> str:
    """Return the directory of a run, empty where it is not known."""
    return os.path.abspath(state.started.path) if state.started is not None and state.started.path else ""


def distinct_names(states: Sequence[RunState]) -> list[str]:
    """Return a short name for each run: the variant within a set, the whole short name where two are equal."""
    names = [shown_variant(state) for state in states]
    often = Counter(names)
    names = [short_name_of(state) if often[name] > 1 else name for state, name in zip(states, names, strict=True)]
    often = Counter(names)
    return [f"{name} {index + 1}" if often[name] > 1 else name for index, name in enumerate(names)]
