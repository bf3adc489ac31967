"""The branches that an undo, a redo, a roll-back or a taken race leaves, and those that they put back."""

from __future__ import annotations

from typing import Literal

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import TakeRace
from tui_trainer.state.branching.branches import BRANCH_POINTS, CURVES, Branch, UndoneBranch, thinned
from tui_trainer.state.histogram_history import HistogramHistory
from tui_trainer.state.pace import Pace
from tui_trainer.state.races import view as races
from tui_trainer.state.run_data import RunData
from tui_trainer.state.series import Series

MAX_GHOSTS = 8
"""Newest ghosts that are kept."""
MAX_BRANCHES = 8
"""Newest branches that are kept."""
MAX_UNDONE = 16
"""Newest interventions that an undo takes back, or a redo: those that the trainer keeps snapshots of."""
GHOST_POINTS = 200
"""Points of a ghost curve."""


def undo(state: RunData, event: ev.RolledBack, undid: str) -> None:
    """Remove what came after an intervention, and keep it for a redo."""
    index = next((index for index, mark in enumerate(state.marks) if mark.id and mark.id == undid), len(state.marks))
    step = event.step
    removed = UndoneBranch(
        id=undid,
        step=step,
        interventions=state.interventions,
        branches=state.branches,
        ghosts=state.ghosts,
        marks=state.marks[index:],
        kept_marks=index,
        pictures={name: picture for name, picture in state.pictures.items() if picture.step > step},
    )
    state.ghosts = [
        *state.ghosts,
        *(thinned(name, state.series[name], step, GHOST_POINTS) for name in CURVES if name in state.series),
    ][-MAX_GHOSTS:]
    state.branches = [branch for branch in state.branches if branch.left_by != "roll-back" or branch.id != undid]
    # A loop that goes on left the branch of the steps since the intervention.
    leave(state, undid, event.to, "undo", step if event.saved_at is None else min(event.saved_at, step))
    removed.series = {name: series.split(step) for name, series in state.series.items()}
    removed.histories = {name: series.split(step) for name, series in state.histories.items()}
    removed.histograms = {name: history.split(step) for name, history in state.histograms.items()}
    removed.waits = {"waits": state.pace.waits.split(step)}
    # Pictures of the abandoned branch show weights that no longer exist.
    state.pictures = {name: picture for name, picture in state.pictures.items() if picture.step <= step}
    del state.marks[index:]
    if event.restored is not None:
        state.pace.rewind(step, event.restored.seconds)
    state.interventions = _before(state.interventions, undid)
    state.undone = [*state.undone[1 - MAX_UNDONE :], removed]


def take(state: RunData, event: ev.RolledBack, race: str) -> None:
    """Go back to where a race began, whose settings are taken: what came since is a branch that stays."""
    interventions = state.race.interventions if state.race is not None else []
    undo(state, event, race)
    state.undone, state.interventions = [], interventions
    state.marks = [mark for mark in state.marks if mark.step <= event.step]
    gone = {races.branch_id(race, event.cause.lane)} if isinstance(event.cause, TakeRace) else set[str]()
    left = [branch for branch in state.branches if branch.id not in gone and branch.end > branch.start]
    without = f"the run without {event.to}"
    state.branches = [b if b.id != race else b.model_copy(update={"what": without}) for b in left]
    state.race = races.decided(state.race, event)


def redo(state: RunData, event: ev.RolledBack, undid: str) -> None:
    """Put back what the last undo removed, in place of what came since."""
    if not state.undone or state.undone[-1].step is None:
        return
    branch = state.undone[-1]
    step = branch.step if branch.step is not None else event.step
    state.undone = state.undone[:-1]
    state.branches, state.ghosts = branch.branches, branch.ghosts
    if state.step > step:
        leave(state, undid, event.to, "redo", step)
    for own, removed in ((state.series, branch.series), (state.histories, branch.histories)):
        for name, series in own.items():
            series.join(step, removed.get(name, Series()))
    for name, history in state.histograms.items():
        history.join(step, branch.histograms.get(name, HistogramHistory()))
    state.pace.waits.join(step, branch.waits.get("waits", Series()))
    if event.restored is not None:
        state.pace.rewind(event.step, event.restored.seconds)
    state.pictures = {
        **{name: picture for name, picture in state.pictures.items() if picture.step <= step},
        **branch.pictures,
    }
    state.marks[branch.kept_marks :] = branch.marks
    state.interventions = branch.interventions


def leave(state: RunData, id: str, what: str, left_by: Literal["undo", "redo", "roll-back"], start: int) -> None:
    """Keep the curves of a branch that is left now, from `start` on."""
    curves = {name: thinned(name, state.series[name], start, BRANCH_POINTS) for name in CURVES if name in state.series}
    branch = Branch(id=id, what=what, left_by=left_by, start=start, end=max(state.step, start), curves=curves)
    state.branches = [*state.branches[1 - MAX_BRANCHES :], branch]


def _before(interventions: list[str], undid: str) -> list[str]:
    """Return the interventions before the newest one with this id."""
    for index in range(len(interventions) - 1, -1, -1):
        if interventions[index] == undid:
            return interventions[:index]
    return interventions[:-1]


def intervene(state: RunData, id: str) -> None:
    """Take in that a command was applied that an undo takes back: nothing can be redone any more."""
    if not id or state.interventions[-1:] != [id]:
        state.interventions = [*state.interventions[1 - MAX_UNDONE :], id]
    state.undone = []
    offer_branches(state)


def forget_undone(state: RunData) -> None:
    """Take in that the run ended or was resumed: nothing can be undone, redone or taken any more."""
    state.undone, state.interventions, state.race = [], [], None
    offer_branches(state)


def offer_branches(state: RunData) -> None:
    """Set for each branch which command takes it up again."""
    redo = state.undone[-1].id if state.undone and state.undone[-1].step is not None else None
    undo = state.interventions[-1] if state.interventions else None
    newest = max((index for index, branch in enumerate(state.branches) if branch.left_by == "undo"), default=-1)
    branches: list[Branch] = []
    for index, branch in enumerate(state.branches):
        take_up: Literal["undo", "redo", ""] = ""
        if branch.left_by == "undo" and index == newest and branch.id == redo:
            take_up = "redo"
        elif branch.left_by == "roll-back" and branch.id == undo:
            take_up = "undo"
        branches.append(branch if branch.take_up == take_up else branch.model_copy(update={"take_up": take_up}))
    state.branches = branches


def forget_steps(state: RunData) -> None:
    """Go back to step 0: what was counted so far, such as lines of a script's output, were not steps of this run."""
    for series in (*state.series.values(), *state.histories.values()):
        series.rewind(0)
    state.pace, state.seconds = Pace(), 0.0
    state.epoch, state.bad_epochs, state.best = 0, 0, None
    state.findings, state.withheld = {}, {}
