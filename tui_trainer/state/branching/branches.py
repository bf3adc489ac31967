"""Branches that a run left: by an undo, which a redo can take up again, or by a roll-back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator

from tui_trainer.protocol import events as ev
from tui_trainer.state.histogram_history import Histograms
from tui_trainer.state.series import Series

BRANCH_POINTS = 500
"""Points of a curve of a branch."""
CURVES = ("train_loss", "val_loss")
"""The curves of a branch that are kept for charts."""


def _load_series(value: Any) -> dict[str, Series]:
    return {name: item if isinstance(item, Series) else Series.from_state_dict(item) for name, item in value.items()}


def _dump_series(value: dict[str, Series]) -> dict[str, Any]:
    return {name: series.state_dict() for name, series in value.items()}


AllSeries = Annotated[dict[str, Series], PlainValidator(_load_series), PlainSerializer(_dump_series)]


class Mark(BaseModel):
    """A vertical line on every chart: an intervention, with its sender."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    step: int
    letter: str
    text: str
    by: str = ""
    id: str = ""
    """Id of the command that caused it."""
    because: str = ""
    """The reason that the sender gave."""


class Ghost(BaseModel):
    """The thinned curve of a branch that an undo abandoned, from the step at which it began."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    name: str
    steps: list[int]
    values: list[float]


class Branch(BaseModel):
    """A part of a run that was left, with its curves in at most `BRANCH_POINTS` points.

    Attributes:
        id: id of the undone command, or of the roll-back.
        what: the undone command in words, the checkpoint of the roll-back, or number and settings of a race.
        left_by: the command that left the branch. A redo leaves what was trained since the undo, a race what it tried.
        start: the step that the run went back to.
        end: the last step of the branch.
        curves: the losses after `start`, by name.
        take_up: the command that takes the branch up again, empty while none does.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    what: str
    left_by: Literal["undo", "redo", "roll-back", "race"]
    start: int
    end: int
    curves: dict[str, Ghost] = {}
    take_up: Literal["undo", "redo", ""] = ""


class UndoneBranch(BaseModel):
    """Everything that an undo removed from the state of a run, for a redo.

    Attributes:
        id: id of the undone command.
        step: the step that the run went back to; None for a stop, whose undo removed nothing.
        series: the points after `step`, by metric.
        histories: the same of the pictures.
        histograms: the same of recorded histograms.
        waits: the same of the seconds of the ends of epochs.
        marks: the marks from the undone command on.
        kept_marks: number of marks before them.
        pictures: the pictures taken after `step`.
        interventions: ids of the commands that an undo takes back, as they were.
        branches: the branches as they were.
        ghosts: the ghosts as they were.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, defer_build=True)

    id: str
    step: int | None = None
    series: AllSeries = {}
    histories: AllSeries = {}
    histograms: Histograms = {}
    waits: AllSeries = {}
    marks: list[Mark] = []
    kept_marks: int = 0
    pictures: dict[str, ev.PictureTaken] = {}
    interventions: list[str] = []
    branches: list[Branch] = []
    ghosts: list[Ghost] = []


def thinned(name: str, series: Series, step: int, points: int) -> Ghost:
    """Return the curve of a series after a step, in at most `points` points."""
    edges = [step + (series.last_step - step) * index / points for index in range(points + 1)]
    columns = [column for column in series.columns(edges) if column is not None] if series.last_step > step else []
    return Ghost(name=name, steps=[column.last for column in columns], values=[column.mean for column in columns])
