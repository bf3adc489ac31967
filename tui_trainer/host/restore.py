"""Restore the journal of a resumed run to the length it had at its checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_trainer.errors import UserError
from tui_trainer.runs.comparing.code_version import CodeVersion
from tui_trainer.runs.comparing.environment_diff import differences
from tui_trainer.runs.comparing.flat_config import differing_keys, flattened
from tui_trainer.runs.comparing.interventions import pending_after
from tui_trainer.runs.journal import Follower, Journal
from tui_trainer.runs.run_dir import RunDir
from tui_trainer.state.run_state import RunState

if TYPE_CHECKING:
    from tui_trainer.engine.checkpointing.restore import RestoredTrainer
    from tui_trainer.engine.trainer import Trainer


@dataclass(frozen=True, slots=True)
class RestoredJournal:
    """The journal of a resumed run, the state it folds to, and lines for the log."""

    journal: Journal
    state: RunState
    messages: list[str]


def restore_journal(
    trainer: Trainer, folder: RunDir, resumed: RestoredTrainer, code: CodeVersion | None = None
) -> RestoredJournal:
    """Truncate the journal to the checkpoint that a trainer was restored from.

    Commands that were applied after it, before the host died, are applied again at the same steps. `code` is the
    version of the code with which the run goes on.

    Raises:
        UserError: the journal cannot be read or written.
    """
    from tui_trainer.engine.run_metadata import note_resume

    messages = [
        f"{one}: the curve may differ in its last bits"
        for one in differences(folder.path, str(trainer.services.setup.device))
    ]
    try:
        known = {command.id for command in trainer.commands.pending()} | {
            command.id for _, command in trainer.state.script
        }
        after = pending_after(folder.journal, resumed.reached, trainer.state.step, known)
    except OSError as error:
        raise UserError(f"{folder.journal}: cannot be read: {error.strerror}") from None
    journal, state, lost = reopen_journal(trainer.run_name, folder, resumed.reached)
    messages += [*resumed.messages, *lost]
    messages += _changed_by_hand(state, trainer)
    messages += [after.message] if after.message else []
    trainer.follow(sorted([*trainer.state.script, *after.script], key=lambda one: one[0]))
    note_resume(folder.about, trainer.services, trainer.state.step, code)
    folder.remember()
    return RestoredJournal(journal, state, messages)


def reopen_journal(run: str, folder: RunDir, reached: int) -> tuple[Journal, RunState, list[str]]:
    """Truncate the journal of a run to `reached` bytes. Returns it, the state it folds to, and what was lost.

    Raises:
        UserError: it cannot be read or written.
    """
    try:
        missing = reached - (folder.journal.stat().st_size if folder.journal.exists() else 0)
        journal = open_journal(folder, reached)
        follower, state = Follower(folder.journal), RunState(run=run)
        for event in follower.all():
            state.apply(event)
    except OSError as error:
        raise UserError(f"{folder.journal}: cannot be read: {error.strerror}") from None
    lost: list[str] = []
    if missing > 0:
        lost.append(f"events.jsonl ends {missing:,} bytes before the checkpoint: those events are lost")
    if follower.skipped:
        lost.append(f"{follower.skipped} altered lines of events.jsonl were skipped: those events are lost")
    return journal, state, lost


def open_journal(folder: RunDir, length: int | None = None) -> Journal:
    """Open the directory's journal for writing, truncated to `length`. Raises `UserError` if that is not possible."""
    try:
        return Journal(folder.journal, length, folder.claim)
    except OSError as error:
        raise UserError(f"{folder.journal}: cannot be written: {error.strerror}") from None


def _changed_by_hand(state: RunState, trainer: Trainer) -> Iterator[str]:
    """Yield the settings of run.toml that differ from those at the last start; some are in the checkpoint and stay."""
    then = flattened(state.started.config) if state.started is not None else {}
    now = flattened(trainer.config.model_dump(mode="json", exclude_none=True))
    changed = differing_keys([then, now]) if then else []
    for key in changed:
        yield f"run.toml has changed: {key} was {then.get(key, 'not set')}, is {now.get(key, 'not set')}"
    if changed:
        yield "settings in the checkpoint (optimizer, learning rate, schedule, epochs, patience) stay as they were"
