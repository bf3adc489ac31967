"""The line that is handed in for a drill: seed, score, and the hash of the journal."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from tui_trainer.drills.library import load_drill, measured
from tui_trainer.drills.score import Score, score
from tui_trainer.errors import UserError
from tui_trainer.runs.history import RunHistory, read_history
from tui_trainer.runs.journal import Follower
from tui_trainer.runs.run_dir import read_about

HASH_LENGTH = 32
"""Hexadecimal digits of the hash of a journal."""

_LINE = re.compile(
    r"(?P<drill>[\w.-]+) seed=(?P<seed>\d+) points=(?P<points>\d+) cause=(?P<cause>[\w-]+) "
    r"recovered=(?P<recovered>\d+|no) interventions=(?P<interventions>\d+) hints=(?P<hints>\d+) "
    r"run=(?P<run>\S+) journal=(?P<hash>[0-9a-f]+)"
)
"""The line; the last two parts name the run and its journal."""


@dataclass(frozen=True, slots=True)
class HandedIn:
    """One line that was handed in.

    Attributes:
        text: the line.
        run: name of the run.
        hash: of its journal.
    """

    text: str
    run: str
    hash: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A run of a drill with its score.

    Attributes:
        folder: the run directory.
        history: its journal.
        score: the score.
        line: the line to hand in.
    """

    folder: Path
    history: RunHistory
    score: Score
    line: str


def judge(folder: Path, name: str) -> Judged:
    """Score the run in a folder; `name` is what the line calls it.

    Raises:
        UserError: the journal cannot be read, or the run is no run of a drill.
    """
    journal = folder / "events.jsonl"
    try:
        history = read_history(journal)
        digest = hashlib.blake2b(journal.read_bytes()).hexdigest()[:HASH_LENGTH]
    except OSError as error:
        raise UserError(f"{journal}: cannot be read: {error.strerror}") from None
    if history.started is None and (why := damage(folder)):
        raise UserError(f"{why}, and its beginning is missing")
    drill = history.started.preset if history.started is not None else str(read_about(folder).get("preset", ""))
    load_drill(drill)  # a run of another preset is refused by that name
    found = score(history, measured(drill), drill)
    return Judged(folder, history, found, _line(found, name, digest))


def _line(found: Score, name: str, digest: str) -> str:
    recovered = str(found.steps) if found.steps is not None else "no"
    return (
        f"{found.drill} seed={found.seed} points={found.points} cause={found.named or 'none'} recovered={recovered} "
        f"interventions={found.interventions} hints={found.hints} run={name} journal={digest}"
    )


def parse_line(text: str) -> HandedIn | None:
    """Return the line in a text, None where it is none: the text names a run then.

    Raises:
        UserError: it begins like such a line and is damaged.
    """
    line = " ".join(text.split())
    found = _LINE.fullmatch(line)
    if found is not None:
        return HandedIn(line, found["run"], found["hash"])
    if " " in line or "journal=" in line:
        raise UserError(f"{line[:200]!r} is no complete line of `drill --hand-in`; quote it, and give all of it")
    return None


def damage(folder: Path) -> str:
    """Return in what the journal of a run is damaged: a line that was changed by hand; empty where it is whole."""
    journal = Follower(folder / "events.jsonl")
    for _ in journal.all():
        pass
    lines = "a line" if journal.skipped == 1 else f"{journal.skipped} lines"
    return f"{lines} of {journal.path} cannot be read: the journal was changed" if journal.skipped else ""


def check_line(given: HandedIn, judged: Judged) -> str:
    """Return in what a line differs from the run that it names; empty where it is its line."""
    if given.text == judged.line:
        return ""
    if given.hash != judged.line.rpartition("=")[2]:
        return f"the journal of {given.run} is not the one that was handed in"
    return f"the line was changed; that of the run is: {judged.line}"
