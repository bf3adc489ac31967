"""What is asked of a run once more: all of it by a replay, and when a run goes on what came after its checkpoint."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from tui_trainer.protocol.commands import AnyCommand, RollBack, SaveCheckpoint, Stop
from tui_trainer.protocol.events import CheckpointSaved, Restored, RolledBack
from tui_trainer.runs.history import SETTLED, RunHistory
from tui_trainer.runs.journal import Follower

Script = tuple[tuple[int, AnyCommand], ...]
"""Commands, each with the step after which it is obeyed, in order."""


def commands_by_step(record: RunHistory) -> Script:
    """What a replay does at which step: the interventions, and a stop where the run did not end by itself."""
    script = _with_its_checkpoints(record)
    if record.finished is None:
        script.append((record.last_step, Stop(by="the end of the journal", id="the-end")))
    return tuple(script)


@dataclass(frozen=True, slots=True)
class PendingCommands:
    """What a journal says of the time after a checkpoint.

    Attributes:
        script: what was asked then, to be asked again where the run goes on from the checkpoint.
        words: what is to be said about it, empty where nothing was asked.
    """

    script: Script = ()
    words: str = ""


def pending_after(journal: Path, reached: int, step: int, known: Collection[str] = ()) -> PendingCommands:
    """What was asked of a run whose host vanished after its last checkpoint: the rest of the run depends on it.

    A stop is not asked again, and neither is anything where the run ended by itself, with an error or a loss that was
    not finite: who goes on with it wants it to come out otherwise.

    Args:
        reached: bytes of the journal that the checkpoint stands for.
        step: the checkpoint's.
        known: ids of commands that the checkpoint holds.

    Raises:
        OSError: the journal cannot be read.
    """
    record, went_back = RunHistory(), False
    if journal.exists():
        for event in Follower(journal, reached).all():
            record.add(event)
            went_back |= isinstance(event, RolledBack) and isinstance(event.restored, Restored) and event.step < step
    script = tuple(
        (at, command)
        for at, command in _with_its_checkpoints(record)
        if not isinstance(command, Stop) and command.id not in known
    )
    count = f"{len(script)} command{'s' if len(script) != 1 else ''} obeyed after the checkpoint"
    if went_back:
        return PendingCommands(
            words="an undo after the checkpoint went back to before it, and is lost with what came after it"
        )
    if not script:
        return PendingCommands()
    if record.finished is not None and record.finished.reason in ("not-finite", "failed"):
        return PendingCommands(words=f"{count} not asked again: the run ended {record.finished.reason}")
    return PendingCommands(script, f"{count} asked again, at the same step{'s' if len(script) != 1 else ''}")


def _with_its_checkpoints(record: RunHistory) -> list[tuple[int, AnyCommand]]:
    """The interventions, and a save for each checkpoint of the run's own that was gone back to.

    `last` is saved by the clock, so a replay would find another one, or none.
    """
    script = list(record.interventions)
    named: set[str] = set()
    for (step, command), event in zip(record.interventions, record.events, strict=True):
        if isinstance(event, CheckpointSaved):
            named.add(event.name)
        if not isinstance(command, RollBack) or not isinstance(event, RolledBack) or event.saved_at is None:
            continue
        if command.to == "best" or command.to in named:
            continue
        name = f"replay-{event.saved_at}"
        at = next((place for place, (after, _) in enumerate(script) if after >= event.saved_at), len(script))
        while at < len(script) and script[at][0] == event.saved_at and script[at][1].id.startswith(SETTLED):
            at += 1
        script[script.index((step, command))] = (step, command.model_copy(update={"to": name}))
        script.insert(at, (event.saved_at, SaveCheckpoint(name=name, id=name)))
    return script
