"""The contents of about.json of the runs on the screen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tui_trainer.runs.run_dir import read_about
from tui_trainer.ui.background_call import BackgroundCall


class Abouts:
    """The contents of about.json of the runs on the screen, read once in a thread."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}
        self._call: BackgroundCall[dict[str, dict[str, Any]]] | None = None
        self.version = 0
        """Grows with each reading."""

    def ask(self, paths: Iterable[str]) -> None:
        """Read the files of these run directories, unless that was done before."""
        missing = [path for path in paths if path and path not in self._known]
        if missing and self._call is None:
            self._call = BackgroundCall(lambda: {path: read_about(path) for path in missing})

    def of(self, path: str) -> dict[str, Any]:
        """Return the content for a run directory, empty where it is not known."""
        return self._known.get(path, {})

    def poll(self) -> bool:
        """Return whether files have just arrived."""
        if self._call is None or not self._call.done:
            return False
        call, self._call = self._call, None
        self._known |= call.result()
        self.version += 1
        return True
