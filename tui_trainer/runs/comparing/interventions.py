"""Commands to apply again: all of them for a replay, those after the checkpoint for a resume."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from tui_trainer.protocol.commands import GUARD, AnyCommand, RollBack, SaveCheckpoint, Stop, sets_guards
from tui_trainer.protocol.events import CheckpointSaved, Restored, RolledBack
from tui_trainer.runs.history import STOP_ID_PREFIX, RunHistory
from tui_trainer.runs.journal import Follower

Script = tuple[tuple[int, AnyCommand], ...]
"""Commands in order, each with the step after which it is applied."""


def commands_by_step(history: RunHistory) -> Script:
    """Return the commands of a replay: the interventions, and a stop at the last step of a run that did not end."""
    script = [pair for pair in commands_with_saves(history) if not sets_guards(pair[1])]
    if history.finished is None:
        script.append((history.last_step, Stop(by="the end of the journal", id="the-end")))
    return tuple(script)


@dataclass(frozen=True, slots=True)
class PendingCommands:
    """The commands that a run applied after its last checkpoint.

    Attributes:
        script: the commands to apply again.
        message: a sentence for the log, empty where there were no commands.
    """

    script: Script = ()
    message: str = ""


def pending_after(journal: Path, reached: int, step: int, known: Collection[str] = ()) -> PendingCommands:
    """Return the commands that a run applied after its last checkpoint, before its host vanished.

    A resumed run has to apply them again, at the same steps, to continue as it would have. A stop is left out. If the
    run ended with an error or a non-finite loss, nothing is applied again: the user resumes it to change the outcome.

    Args:
        reached: length of the journal in bytes when the checkpoint was saved.
        step: step of the checkpoint.
        known: ids of commands that the checkpoint already holds.

    Raises:
        OSError: the journal cannot be read.
    """
    history, undone = RunHistory(), list[bool]()
    if journal.exists():
        for event in Follower(journal, reached).all():
            history.add(event)
            if not isinstance(event, RolledBack) or not isinstance(event.restored, Restored):
                continue
            if not event.restored.redone:
                undone.append(event.step < step)
            elif undone:
                undone.pop()
    script = tuple(
        (at, command)
        for at, command in commands_with_saves(history)
        if not isinstance(command, Stop) and command.id not in known and command.by != GUARD  # it fires again by itself
    )
    commands = f"{len(script)} command{'s' if len(script) != 1 else ''} from after the checkpoint"
    if history.unknown_redo:
        return PendingCommands(
            message="a redo after the checkpoint took up a branch from before it; the redo and what followed are lost"
        )
    if any(undone):
        return PendingCommands(
            message="an undo after the checkpoint went back to a step before it; the undo and what followed are lost"
        )
    if not script:
        return PendingCommands()
    if history.finished is not None and history.finished.reason in ("not-finite", "failed"):
        return PendingCommands(
            message=f"{commands} not applied again, because the run ended: {history.finished.reason}"
        )
    return PendingCommands(script, f"{commands} applied again at the same step{'s' if len(script) != 1 else ''}")


def commands_with_saves(history: RunHistory) -> list[tuple[int, AnyCommand]]:
    """Return the interventions, with a save added for each checkpoint that a roll-back used but no command saved.

    `last` is saved by the clock, so that a replay would find a different one, or none.
    """
    script = list(history.interventions)
    named: set[str] = set()
    for (step, command), event in zip(history.interventions, history.events, strict=True):
        if isinstance(event, CheckpointSaved):
            named.add(event.name)
        if not isinstance(command, RollBack) or not isinstance(event, RolledBack) or event.saved_at is None:
            continue
        if command.steps is None and (command.to == "best" or command.to in named):
            continue
        name = f"replay-{event.saved_at}"
        position = next((index for index, (after, _) in enumerate(script) if after >= event.saved_at), len(script))
        while (
            position < len(script)
            and script[position][0] == event.saved_at
            and script[position][1].id.startswith(STOP_ID_PREFIX)
        ):
            position += 1
        script[script.index((step, command))] = (step, command.model_copy(update={"to": name, "steps": None}))
        script.insert(position, (event.saved_at, SaveCheckpoint(name=name, id=name)))
    return script
