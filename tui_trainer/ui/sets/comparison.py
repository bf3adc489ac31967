"""The parts of a comparison that follow from settings: remarks, the settings that differ, versions of the code."""

from __future__ import annotations

from collections.abc import Sequence

from tui_trainer.runs.comparing.code_version import recorded_code
from tui_trainer.runs.comparing.comparability import RunFacts, remarks
from tui_trainer.runs.comparing.flat_config import flattened
from tui_trainer.runs.comparing.settings import code_lines, settings_that_differ
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.sets.abouts import Abouts
from tui_trainer.ui.sets.run_names import distinct_names, folder_of


class Comparison:
    """The parts of a comparison that change only when a run begins: found once for each set of runs."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self.remarks: list[str] = []
        self.settings: dict[str, list[str]] = {}
        self.code: list[tuple[str, str]] = []

    def update(self, states: Sequence[RunState], abouts: Abouts) -> None:
        """Find them again where the runs, or what is known of them, are others than before."""
        folders = [folder_of(state) for state in states]
        abouts.ask(folders)
        key = (tuple(state.run for state in states), tuple(folders), abouts.version)
        if key == self._key:
            return
        self._key = key
        names = distinct_names(states)
        known = [abouts.of(folder) for folder in folders]
        configs = [flattened(state.started.config) if state.started is not None else {} for state in states]
        self.remarks = remarks(
            [
                RunFacts(name, config, about, tuple(state.series))
                for name, config, about, state in zip(names, configs, known, states, strict=True)
            ]
        )
        self.settings = settings_that_differ(configs)
        self.code = code_lines(names, [recorded_code(about) for about in known])
