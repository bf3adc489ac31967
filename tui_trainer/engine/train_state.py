"""The mutable record of a run: its progress, its settings, and how it is going to end.

The training loop, command handlers, checkpoints, undo, epoch end and pictures all read and change this one record. None
of them knows who runs the loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.engine.guarding.copies import RecentCopy
from tui_trainer.engine.guarding.guard_set import GuardSet
from tui_trainer.engine.monitoring.timer import Timer
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import AnyCommand, Pause, Stop

Metrics = dict[str, float | None]
"""Measurements by name; None where a value is not finite."""

PLANNED_PAUSE = "planned-pause"
"""Id of the pause that `Resume(until=N)` plans."""

StateTree = dict[str, Any]
"""Nested dicts, lists and tuples of tensors and plain values."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Why the run ends, when, and with which weights."""

    reason: ev.Reason
    detail: str
    when: Literal["batch", "epoch"] = "batch"
    restore_best: bool = False
    cause: AnyCommand | None = None
    save: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy in memory of everything that decides the next step.

    Attributes:
        tree: the state of the run, as a checkpoint holds it.
        best_weights: the weights of the best epoch, shared with the run: they are replaced, never written to.
        best_is_saved: whether those are on disk.
        bytes: size of the copied tensors.
        copies: the copies that guards go back to, shared with the run.
    """

    tree: StateTree
    best_weights: StateTree | None
    best_is_saved: bool
    bytes: int
    copies: Mapping[int, tuple[RecentCopy, ...]] = field(default_factory=dict[int, tuple[RecentCopy, ...]])


@dataclass(frozen=True, slots=True)
class UndoEntry:
    """A command that can be undone.

    Attributes:
        command: the intervention.
        snapshot: the run just before it; None for a stop, which is undone without going back.
        ending: for a stop, the ending that was planned before it.
        too_large: whether a copy of the run would have been larger than the loop allows.
    """

    command: AnyCommand
    snapshot: Snapshot | None
    ending: Ending | None = None
    too_large: bool = False


@dataclass(frozen=True, slots=True)
class RedoEntry:
    """An intervention that was undone.

    Attributes:
        undone: the entry that its undo took from the undo stack.
        snapshot: the run at the moment of the undo; None for a stop, which is planned again where the run stands.
    """

    undone: UndoEntry
    snapshot: Snapshot | None


@dataclass(frozen=True, slots=True)
class ForkLane:
    """One of the settings of a race.

    Attributes:
        settings: as they were typed.
        commands: that change the run to them.
        broke: why they cannot be taken; empty where they can.
    """

    settings: str
    commands: tuple[AnyCommand, ...]
    broke: str = ""


@dataclass(slots=True)
class Fork:
    """The place at which the newest race began: any of its settings can be taken up from there.

    Attributes:
        race: the command.
        snapshot: the run there.
        lanes: its settings.
        undo_stack: the commands that an undo could take back there.
        script: the scripted commands to come there.
        waits: whether the run is paused because a choice is awaited.
    """

    race: AnyCommand
    snapshot: Snapshot
    lanes: tuple[ForkLane, ...]
    undo_stack: tuple[UndoEntry, ...]
    script: tuple[tuple[int, AnyCommand], ...]
    waits: bool = False


@dataclass(slots=True, kw_only=True)
class TrainState:
    """Progress and settings of a run, changed by its loop and by commands."""

    plan: LrPlan
    """The learning rate schedule with manual changes."""
    epochs: int
    """Epochs after which the run is complete."""
    clip: float = 0.0
    """Largest global gradient norm, 0 for no clipping."""
    lr: float = 0.0
    """Learning rate of the coming step."""
    lr_changes_each_step: bool = False
    """Whether the schedule has to be evaluated before every step, not only before every epoch."""

    step: int = 0
    """Optimizer steps taken."""
    epoch: int = 0
    """Epochs completed."""
    position: int = 0
    """Batches of the current epoch that have been trained."""
    last_metrics: Metrics = field(default_factory=dict[str, float | None])
    """The newest value of every metric."""
    test_metrics: Metrics = field(default_factory=dict[str, float | None])
    """The metrics of the test split, measured at the end of the run; not in a checkpoint."""
    best_weights: StateTree | None = None
    """Model and optimizer as they were after the best epoch."""
    best_is_saved: bool = True
    """Whether the best epoch is on disk, or there is none yet."""

    paused: bool = False
    steps_allowed: int = 0
    """Batches that may be trained while paused."""
    rewound: bool = False
    """Whether a snapshot was restored since the batches of this epoch were begun: they have to be begun again."""
    undo_stack: list[UndoEntry] = field(default_factory=list[UndoEntry])
    """Commands that can be undone, oldest first."""
    redo_stack: list[RedoEntry] = field(default_factory=list[RedoEntry])
    """Undone commands whose branch can be taken up again, the one undone first first; a new intervention clears it."""
    fork: Fork | None = None
    """The newest race whose settings can be taken."""
    script: list[tuple[int, AnyCommand]] = field(default_factory=list[tuple[int, AnyCommand]])
    """Commands of an earlier run with the steps at which to apply them again."""
    scripted: set[str] = field(default_factory=set[str])
    """Ids of the commands of the script that were queued. They changed something then, and are never refused as ones
    that change nothing."""
    next_scripted_step: int = -1
    """Step of the next scripted command, -1 without one."""

    guards: GuardSet = field(default_factory=GuardSet)
    """The rules that the run applies by itself."""
    skip_at: int = -1
    """The step after which the coming one is not taken, -1 for none."""

    ending: Ending | None = None
    """The planned or reached end of the run."""
    told_broken: bool = False
    """Whether a loop that goes on with a loss that is not finite has published it."""
    finishing: bool = False
    """Whether the last batch has been trained and the run is being saved."""
    over: bool = False
    """Whether the run has ended: every later command is refused."""
    exit_code: int = 0
    timer: Timer = field(default_factory=Timer)

    @property
    def broken(self) -> bool:
        """Whether a loss or weights that are not finite ended the run."""
        return self.ending is not None and self.ending.reason == "not-finite"

    @property
    def detail(self) -> str:
        """The end of the run in words, empty while none is planned."""
        return self.ending.detail if self.ending is not None else ""

    @property
    def stops_now(self) -> bool:
        """Whether the run ends before the next batch."""
        return self.ending is not None and self.ending.when == "batch"

    @property
    def seconds(self) -> float:
        """Seconds of training so far, rounded for an event."""
        return round(self.timer.read(), 4)

    def due_commands(self) -> list[AnyCommand]:
        """Remove and return the scripted commands of this step and of earlier ones."""
        due: list[AnyCommand] = []
        while self.script and self.script[0][0] <= self.step:
            due.append(self.script.pop(0)[1])
        self.scripted.update(command.id for command in due)
        self.next_scripted_step = self.script[0][0] if self.script else -1
        return due

    def plan_pause(self, step: int, pause: Pause) -> None:
        """Pause after this step."""
        planned = pause.model_copy(update={"id": PLANNED_PAUSE})
        self.follow(sorted([*self.script, (step, planned)], key=lambda one: one[0]))

    def drop_planned_pause(self) -> bool:
        """Forget the planned pause. Returns whether there was one."""
        others = [one for one in self.script if one[1].id != PLANNED_PAUSE]
        dropped = len(others) < len(self.script)
        if dropped:
            self.follow(others)
        return dropped

    def follow(self, script: Sequence[tuple[int, AnyCommand]]) -> None:
        """Apply these commands at these steps, as if they were sent there."""
        self.script = list(script)
        self.next_scripted_step = self.script[0][0] if self.script else -1


def ending_of(state: TrainState, stop: Stop) -> Ending:
    """Return the end that a stop plans; after the last epoch there is no end of an epoch to wait for."""
    trained = state.epoch >= state.epochs
    by = f" by {stop.by}" if stop.by else ""
    at = f"in epoch {min(state.epoch + 1, state.epochs)}" if state.epochs else f"at step {state.step:,}"
    return Ending(
        stop.reason,
        f"{stop.reason}{by} {at}",
        when="epoch" if stop.when == "epoch" and not trained else "batch",
        restore_best=stop.restore_best,
        cause=stop,
        save=stop.save,
    )
