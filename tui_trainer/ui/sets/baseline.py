"""The baseline: a run that stays dim behind every chart, of the same set or read from its folder."""

from __future__ import annotations

from pathlib import Path

from tui_trainer.runs.journal import Follower
from tui_trainer.runs.loading.background_load import MIN_BYTES
from tui_trainer.runs.loading.sampled_load import sampled_load
from tui_trainer.runs.loading.state_cache import read_state_cache
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.background_call import BackgroundCall


def read_state(folder: Path) -> RunState:
    """Read the state of a run from its folder; of a long journal without a cached state, a coarse one.

    Raises:
        OSError: the journal cannot be read.
    """
    journal = folder / "events.jsonl"
    cached = read_state_cache(journal)
    if cached is not None:
        state = cached[0]
    elif journal.stat().st_size >= MIN_BYTES:
        state = sampled_load(journal)
    else:
        state = RunState.blank()
        state.apply(*Follower(journal).all())
    state.run = state.run or folder.name
    return state


class BaselineReader:
    """Reads the run of a folder in a thread, once."""

    def __init__(self) -> None:
        self._path = ""
        self._call: BackgroundCall[RunState] | None = None
        self.state: RunState | None = None
        """The state that was read, None until then."""
        self.gone = False
        """Whether that folder, or its journal, does not exist any more."""
        self.problem = ""
        """The reason why the folder asked for last cannot be read, empty where it can."""

    def ask(self, path: str) -> None:
        """Read the run of a folder, unless it was asked for last time."""
        if path == self._path:
            return
        self._path, self.state, self.problem, self.gone = path, None, "", False
        self._call = BackgroundCall(lambda: read_state(Path(path))) if path else None

    def poll(self) -> bool:
        """Return whether the run has just been read, or cannot be."""
        if self._call is None or not self._call.done:
            return False
        call, self._call = self._call, None
        try:
            self.state = call.result()
        except OSError as error:
            self.problem = f"{self._path}: {error.strerror or 'cannot be read'}"
            self.gone = isinstance(error, FileNotFoundError)
        except Exception as error:  # noqa: BLE001 - a folder may hold anything
            self.problem = f"{self._path}: cannot be read: {type(error).__name__}"
        return True
