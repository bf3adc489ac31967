"""Ask what to do with a run, and do it: rename, tag, note, hide, delete it, or keep only its best checkpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol

from textual.css.query import NoMatches
from textual.screen import ModalScreen

from tui_trainer.errors import UserError
from tui_trainer.runs.keeping import editing
from tui_trainer.runs.keeping.disk_use import size_of, size_of_files, size_text
from tui_trainer.runs.keeping.kept import change_kept, checked_note, tag_changes
from tui_trainer.runs.keeping.removal import check_deletable, checkpoints_beside_best, delete_run, keep_best
from tui_trainer.runs.label import label, short_name
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.text import visible
from tui_trainer.ui.background_call import BackgroundCall
from tui_trainer.ui.keeping.ask_text import AskText
from tui_trainer.ui.screens.dialogs.confirm import Confirm, Possible

POLL = 0.05
"""Seconds between two looks at whether files are gone."""

Say = Callable[[str, bool], None]
"""Shows a message; the second argument says whether it is an error."""


class Ask(Protocol):
    """Shows a dialog."""

    def __call__(self, dialog: ModalScreen[str | None], accepted: Callable[[str], None], /) -> None:
        """Show a dialog and call `accepted` with its answer, unless that is None."""
        ...


class KeepRun:
    """The dialogs about one run after another.

    Args:
        ask: shows a dialog.
        say: shows what was done, or why it was not.
        changed: called after a change, so that lists read the run again.
    """

    def __init__(self, ask: Ask, say: Say, changed: Callable[[], None]) -> None:
        self._ask = ask
        self._say = say
        self._changed = changed

    def begin(self, info: RunInfo, members: Sequence[RunInfo], all_runs: Callable[[], Sequence[RunInfo]]) -> None:
        """Ask what to do with a run.

        Args:
            info: the run.
            members: the runs of its set, empty for a single run.
            all_runs: returns the runs of the directory, whose names are taken.
        """
        actions: dict[str, Callable[[], None]] = {
            "rename": partial(self._rename, [info], all_runs),
            "rename-set": partial(self._rename, members, all_runs),
            "tag": partial(self._tag, info),
            "note": partial(self._note, info),
            "hide": partial(self._do, partial(editing.hide, [info], not info.kept.hidden), _hidden_text(info)),
            "delete": partial(self._delete, info),
            "keep-best": partial(self._keep_best, info),
        }
        dialog = Confirm(visible(label(info.shown, info.started)), _question(info), _answers(info, len(members)))
        self._ask(dialog, lambda answer: actions[answer]())

    def _do(self, work: Callable[[], object], done: str) -> None:
        """Do something that takes milliseconds, and say so."""
        try:
            work()
        except UserError as error:
            self._say(visible(str(error)), True)
            return
        self._say(visible(done), False)
        self._changed()

    def _rename(self, infos: Sequence[RunInfo], all_runs: Callable[[], Sequence[RunInfo]]) -> None:
        is_set = len(infos) > 1
        first = infos[0]
        now = first.shown_group if is_set else first.shown.rpartition("/")[2]

        def renamed(name: str) -> None:
            short = short_name(first.group if is_set else first.name)
            self._say(visible(f"{short} is called {name or short} now"), False)
            self._changed()

        def check(name: str) -> str:
            return _problem(partial(editing.rename, infos, name, all_runs()))

        explanation = "The name in lists and commands; the folder keeps its own. Empty: the folder's."
        self._ask(AskText("Rename", explanation, now, check=check), renamed)

    def _tag(self, info: RunInfo) -> None:
        def tagged(text: str) -> None:
            tags = tag_changes(text.split(), ())
            self._do(partial(change_kept, info.path, {"tags": tags}), f"tags: {' '.join(tags) or 'none'}")

        explanation = "Words to find the run by, separated by blanks: `tag=good` in a search or a command."
        text = " ".join(info.kept.tags)
        check = partial(_problem_of, lambda text: tag_changes(text.split(), ()))
        self._ask(AskText("Tags", explanation, text, check=check, hint="good baseline"), tagged)

    def _note(self, info: RunInfo) -> None:
        def noted(text: str) -> None:
            self._do(partial(editing.note, [info], text), "note written" if text else "note removed")

        check = partial(_problem_of, checked_note)
        dialog = AskText("Note", "What to remember of this run; empty removes it.", info.kept.note, check=check)
        self._ask(dialog, noted)

    def _delete(self, info: RunInfo) -> None:
        try:
            check_deletable([info])
        except UserError as error:
            self._say(visible(str(error)), True)
            return
        answers = editing.answers_of([info])

        def check(text: str) -> str:
            return "" if text in answers else f"type {visible(answers[0])} to delete the run, or press esc"

        def confirmed(_: str) -> None:
            self._remove(partial(delete_run, info), f"{short_name(info.shown)} was deleted")

        explanation = (
            f"{info.path} with {size_text(size_of(info.path))} goes for good: curves, checkpoints, settings.\n"
            f"Type {answers[0]} to delete it."
        )
        self._ask(AskText("Delete a run", visible_lines(explanation), check=check), confirmed)

    def _keep_best(self, info: RunInfo) -> None:
        files = checkpoints_beside_best(info)
        size = size_text(size_of_files(files))
        question = f"Remove {len(files)} checkpoints, {size}? The run can be opened, but not resumed afterwards."
        answers = (Possible("no", "n", "Keep all of them"), Possible("yes", "y", "Keep only the best"))

        def confirmed(answer: str) -> None:
            if answer == "yes":
                self._remove(partial(keep_best, info), f"only the best checkpoint of {short_name(info.shown)} is left")

        self._ask(Confirm("Keep only the best checkpoint", question, answers), confirmed)

    def _remove(self, work: Callable[[], int], done: str) -> None:
        """Remove files in a thread, which may take seconds, and say how many bytes that freed."""
        self._await(BackgroundCall(work), done)

    def _await(self, call: BackgroundCall[int], done: str) -> None:
        if not call.done:
            asyncio.get_running_loop().call_later(POLL, self._await, call, done)
            return
        try:
            text, failed = f"{done}: {size_text(call.result())} freed", False
        except (UserError, OSError) as error:
            text, failed = str(error), True
        with suppress(NoMatches):  # the screen was left meanwhile
            self._say(visible(text), failed)
            self._changed()


def visible_lines(text: str) -> str:
    """Return a text of several lines with visible signs for control characters."""
    return "\n".join(map(visible, text.split("\n")))


def _problem(work: Callable[[], object]) -> str:
    """Do something and return what went wrong, empty where it worked."""
    try:
        work()
    except UserError as error:
        return visible(str(error))
    return ""


def _problem_of(check: Callable[[str], object], text: str) -> str:
    return _problem(partial(check, text))


def _hidden_text(info: RunInfo) -> str:
    name = short_name(info.shown)
    return f"{name} is listed again" if info.kept.hidden else f"{name} is hidden; search for hidden=true to see it"


def _question(info: RunInfo) -> str:
    lines = [f"{info.status}{': ' + info.reason if info.reason else ''} · {info.name}"]
    lines += [f"tags: {' '.join(info.kept.tags)}"] if info.kept.tags else []
    lines += [info.kept.note] if info.kept.note else []
    lines += ["It is training: it can be renamed, tagged and noted."] if info.live else []
    return visible_lines("\n".join(lines))


def _answers(info: RunInfo, members: int) -> tuple[Possible, ...]:
    answers = [Possible("rename", "r", "Rename", "in lists and commands")]
    answers += [Possible("rename-set", "s", "Rename its set", f"{members} runs")] if members > 1 else []
    answers += [Possible("tag", "t", "Tags", "words to find it by"), Possible("note", "n", "Note", "a text")]
    if not info.live:
        answers += [
            Possible("hide", "h", "Show again" if info.kept.hidden else "Hide", "in the lists"),
            Possible("delete", "d", "Delete", "asks for its name"),
            Possible("keep-best", "b", "Keep only the best", "removes the other checkpoints"),
        ]
    return tuple(answers)
