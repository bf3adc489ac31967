"""The model of a chart: a choice of series with an axis, a scale and a smoothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tui_trainer.ui.charts.view import Axis, View

PREFIX = "series:"
"""Begins the id of every chart of this kind, so that no series can take the id of a standard chart."""
OWN = "own:"
"""Begins the id of a chart that the user composed."""
MAX_SERIES = 6
"""Most series of one chart; more could not be told apart."""


@dataclass(frozen=True, slots=True)
class SeriesChart:
    """A chart of one or several series of a run.

    Attributes:
        title: its name, unique among the charts of a run, and among those that the user composed.
        series: the names of the series, most important first.
        axis: unit of its horizontal axis; None for that of the other charts.
        log: whether its vertical axis is logarithmic; None where the run or the user decides.
        smoothing: width of its moving average in steps; None for that of the other charts.
        own: whether the user composed it.
    """

    title: str
    series: tuple[str, ...]
    axis: Axis | None = None
    log: bool | None = None
    smoothing: int | None = None
    own: bool = False

    @property
    def id(self) -> str:
        """The id by which views and the memory of the screen know the chart."""
        return (OWN if self.own else PREFIX) + self.title

    def __str__(self) -> str:
        return self.id

    def view_of(self, view: View) -> View:
        """Return the view of all charts with what this one draws differently. A later choice of the user wins."""
        log = view.log if self.log is None or self.id in view.log else {**view.log, self.id: self.log}
        smoothing = view.smoothing if self.smoothing is None else self.smoothing
        return replace(view, axis=self.axis or view.axis, log=log, smoothing=smoothing)
