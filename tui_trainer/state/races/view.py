"""Races in the state of a run: the curves as they come, the outcome, and what a decision leaves."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import TakeRace
from tui_trainer.protocol.race.race_events import RaceLane
from tui_trainer.state.branching.branches import Branch, Ghost

RACED = "race"
"""The value of `Branch.left_by` for one of the settings of a race."""


class RaceView(BaseModel):
    """The newest race, or its price.

    Attributes:
        id: of the command that began it.
        step: at which it began.
        steps: of each of the settings.
        price: the newest price; None before one was asked for.
        outcome: what it came to; None while it goes on.
        taken: number of the settings that were taken last; None before a decision, 0 for none.
        interventions: ids of the commands that an undo took back where it began.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str = ""
    step: int = 0
    steps: int = 0
    price: ev.Raced | None = None
    outcome: ev.Raced | None = None
    taken: int | None = None
    interventions: list[str] = []

    @property
    def lanes(self) -> list[RaceLane]:
        """The settings and their results; empty where none can be taken."""
        return self.outcome.lanes if self.outcome is not None and not self.outcome.interrupted else []

    @property
    def waits(self) -> bool:
        """Whether its decision is awaited."""
        return bool(self.lanes) and self.taken is None


def branch_id(race: str, lane: int) -> str:
    """Return the id of the branch of one of the settings."""
    return f"{race}/{lane}"


def advance(branches: list[Branch], event: ev.RaceAdvanced, most: int) -> list[Branch]:
    """Return the branches with further losses of one of the settings, at most `most` of them."""
    id, steps = branch_id(event.race, event.lane), range(event.first, event.first + len(event.losses))
    before = next((branch for branch in branches if branch.id == id), None)
    known = before.curves["train_loss"] if before is not None else Ghost(name="train_loss", steps=[], values=[])
    curve = Ghost(name="train_loss", steps=[*known.steps, *steps], values=[*known.values, *event.losses])
    branch = Branch(
        id=id,
        what=f"{event.lane} {event.settings}",
        left_by=RACED,
        start=event.step,
        end=curve.steps[-1] if curve.steps else event.step,
        curves={"train_loss": curve},
    )
    others = [each for each in branches if each.id != id]
    return [*others, branch][-most:]


def decided(view: RaceView | None, event: ev.RaceDecided | ev.RolledBack) -> RaceView | None:
    """Return the race after a decision about it."""
    if view is None or not isinstance(event.cause, TakeRace):
        return view
    return view.model_copy(update={"taken": event.cause.lane})
