"""The curve and the size of the runs that a list shows, read in a thread once their lines are on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui_trainer.runs.keeping.curve import curve_of
from tui_trainer.runs.keeping.disk_use import size_of
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.ui.background_call import BackgroundCall

READ_AT_ONCE = 64
"""Most runs of one reading, about as many as a screen has lines."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The values of a curve in the order of training, and the bytes of a run folder."""

    curve: tuple[float, ...] = ()
    size: int = 0


class RunFigures:
    """The figures of runs; those of a run that has changed are read again, and shown as they were until then."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[RunInfo, Figures]] = {}
        self._wanted: dict[str, RunInfo] = {}
        self._call: BackgroundCall[list[tuple[RunInfo, Figures]]] | None = None

    def of(self, info: RunInfo) -> Figures | None:
        """Return the figures of a run, as far as they are known, and have them read where they are not."""
        known = self._known.get(info.path)
        if known is None or known[0] != info:
            self._wanted[info.path] = info
        return known[1] if known is not None else None

    def poll(self) -> bool:
        """Begin to read, or take what was read. Returns whether a line would be another now."""
        changed = False
        if self._call is not None and self._call.done:
            for info, figures in self._call.result():
                before = self._known.get(info.path)
                changed |= before is None or before[1] != figures
                self._known[info.path] = info, figures
            self._call = None
        if self._call is None and self._wanted:
            infos = list(self._wanted.values())[-READ_AT_ONCE:]  # those that came to the screen last
            for info in infos:
                del self._wanted[info.path]
            self._call = BackgroundCall(lambda: _read(infos))
        return changed


def _read(infos: Sequence[RunInfo]) -> list[tuple[RunInfo, Figures]]:
    return [(info, Figures(tuple(curve_of(info.path)[1]), size_of(info.path))) for info in infos]
