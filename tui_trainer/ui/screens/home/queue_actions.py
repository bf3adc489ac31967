"""Changes of the queue from the home screen: add to it, remove from it, start it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tui_trainer.errors import UserError
from tui_trainer.queueing.queue_file import QueueFile
from tui_trainer.ui.screens.dialogs.confirm import Confirm, Possible
from tui_trainer.ui.screens.home.desk import Desk, Then
from tui_trainer.ui.screens.home.items import Item, QueueRow
from tui_trainer.ui.screens.home.lines import what_of


def add(desk: Desk, directory: Path, source: str, changes: Sequence[str]) -> None:
    """Add a preset with changes to the end of the queue, and ask whether to start a runner where there is none."""

    def work() -> Then:
        from tui_trainer.paths import writable_runs_dir
        from tui_trainer.queueing import editing

        file = QueueFile(writable_runs_dir(str(directory)).absolute())
        entry = editing.add(file, source, changes)
        idle = file.runner.holder() is None
        text = f"{entry.preset} is entry {entry.number} of the queue"

        def then() -> None:
            if idle:
                desk.read_again()
                _ask_start(desk, directory, f"{text}, and no runner works on it.")
            else:
                desk.told(f"{text}; it is trained when its turn comes")

        return then

    desk.do(source, "adding", work)


def _ask_start(desk: Desk, directory: Path, question: str) -> None:
    answers = (
        Possible("start", "s", "start the queue", "train one entry after another in the background"),
        Possible("wait", "w", "let it wait", "`tui-trainer queue run` starts it later"),
    )

    def answered(answer: str) -> None:
        if answer == "start":
            start(desk, directory)

    desk.ask(Confirm("Queue", question, answers), answered)


def start(desk: Desk, directory: Path) -> None:
    """Start a runner in the background."""

    def work() -> Then:
        from tui_trainer.queueing import runner

        if QueueFile(directory).runner.holder() is None:
            runner.start(directory)
        return lambda: desk.told("the queue is trained in the background")

    desk.do("the queue", "starting", work)


def remove(desk: Desk, directory: Path | None, item: Item | None) -> None:
    """Ask, and take an entry out of the queue.

    Raises:
        UserError: the item is none, or is being trained.
    """
    if not isinstance(item, QueueRow) or directory is None:
        raise UserError("x removes an entry of the queue; none is selected")
    if item.entry.state == "training" and item.working:
        raise UserError(f"q{item.entry.number} is being trained; open it with enter to stop it")
    entry = item.entry
    run = "; its run stays" if entry.name else ""
    answers = (
        Possible("keep", "k", "keep it"),
        Possible("remove", "r", "remove it", f"take q{entry.number} out of the queue{run}"),
    )

    def answered(answer: str) -> None:
        if answer == "remove":
            desk.do(f"q{entry.number}", "removing", lambda: _removed(desk, directory, entry.number))

    desk.ask(Confirm("Queue", f"q{entry.number}: {what_of(entry)}", answers), answered)


def _removed(desk: Desk, directory: Path, number: int) -> Then:
    from tui_trainer.queueing import editing

    entry = editing.remove(QueueFile(directory), number)
    return lambda: desk.told(f"removed q{entry.number}, {entry.preset}, from the queue")


def ask_waiting(desk: Desk, directory: Path, row: QueueRow) -> None:
    """Ask what becomes of an entry that waits or was cut off."""
    entry = row.entry
    starts = Possible("start", "s", "start the queue", "train one entry after another in the background")
    keeps = Possible("keep", "k", "let it wait", "a runner trains it when its turn comes" if row.working else "")
    removes = Possible("remove", "r", "remove it", f"take q{entry.number} out of the queue")
    answers = (keeps, removes) if row.working else (starts, keeps, removes)

    def answered(answer: str) -> None:
        if answer == "start":
            start(desk, directory)
        elif answer == "remove":
            desk.do(f"q{entry.number}", "removing", lambda: _removed(desk, directory, entry.number))

    desk.ask(Confirm("Queue", f"q{entry.number}: {what_of(entry)}", answers), answered)
