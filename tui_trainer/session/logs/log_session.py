"""A session with the log of another program: it is read, followed while it grows, and never written to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter, time
from typing import TYPE_CHECKING, Literal

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.readers.find_logs import Log
from tui_trainer.readers.follower import LogFollower, LogNews
from tui_trainer.readers.reading import Rows, Unreadable
from tui_trainer.session.base import Greeting, Message, Notice
from tui_trainer.session.logs.log_run import LogRun
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible

if TYPE_CHECKING:
    from tui_trainer.readers.apart.remote_follower import RemoteFollower

BUDGET = 0.1
"""Seconds that the drains of all logs of a screen may take, so that it responds while they are read."""
QUIET = 60.0
"""Seconds without a change after which a log counts as ended."""
PROGRESS_SECONDS = 1.0
"""Seconds between two messages on how far a long log has been read."""
CHECK_SECONDS = 0.5
"""Seconds between two looks at the files of a log that has been read."""


class LogSession:
    """Reads a log to its end, then follows it for as long as it grows.

    Args:
        log: the log.
        told: the columns that the user told by role.
        budget: seconds that one drain may take.
        follower: reads the log, in a process of its own; None for reading it here.
    """

    kind: Literal["finished"] = "finished"
    can_steer = False

    def __init__(
        self, log: Log, told: Mapping[str, str], budget: float = BUDGET, follower: RemoteFollower | None = None
    ) -> None:
        self._log, self._told, self._budget = log, told, budget
        self._follower = follower or LogFollower(log, told)
        self._pause = CHECK_SECONDS if follower is None else 0.0
        self._runs: dict[str, LogRun] = {}
        self._coarse: dict[str, LogRun] | None = None
        """The runs as samples of a long log show them, until it has been read."""
        self._greeted_at = 0.0
        self._caught_up = self._failed = self._over = False
        self._checked_at = 0.0
        self._messages: list[Message] = []

    @property
    def states(self) -> tuple[RunState, ...]:
        """The states of the runs of the log."""
        return tuple(run.state for run in self._runs.values())

    @property
    def runs(self) -> tuple[LogRun, ...]:
        """The runs of the log."""
        return tuple(self._runs.values())

    def read_all(self) -> None:
        """Read the log to its present end. Raises `Unreadable`."""
        at_end = False
        while not at_end:
            news = self._follower.read(self._budget)
            at_end = news is not None and self._take(news)
        if not self._runs:
            raise Unreadable(f"{self._log.files[0]}: holds no numbers")
        self._end()

    def drain(self) -> list[Message]:
        """Return what has been read since the last call."""
        messages, self._messages = self._messages, []
        if self._failed:
            return messages
        try:
            messages += self._follow() if self._caught_up else self._catch_up()
        except Unreadable as error:
            self._failed = True
            messages.append(Notice(visible(str(error)), fatal=True))
        return messages

    def _catch_up(self) -> list[Message]:
        if self._coarse is None:
            samples = self._follower.sampled(self._budget)
            if samples is None:
                return []
            self._coarse = self._sampled(samples)
            if self._coarse:
                return [self._progress(self._coarse)]
        deadline = perf_counter() + self._budget
        while not self._caught_up and (left := deadline - perf_counter()) > 0:
            news = self._follower.read(left)
            if news is None:
                break
            self._caught_up = self._take(news)
        if self._caught_up and not self._runs:
            if self._is_quiet():
                raise Unreadable(f"{self._log.files[0]}: holds no numbers")
            self._caught_up = False
            self._run("")
        if self._caught_up and self._is_quiet():
            self._end()
        if self._caught_up:
            self._coarse = {}
            return [Greeting(self.states)]
        if self._coarse and perf_counter() - self._greeted_at < PROGRESS_SECONDS:
            return []
        return [self._progress(self._coarse or self._runs)]

    def _sampled(self, samples: Mapping[str, Rows]) -> dict[str, LogRun]:
        """Return the runs of a long log as samples of it show them."""
        runs = {name: self._new_run(name, coarse=True) for name in samples}
        for name, rows in samples.items():
            runs[name].take(rows)
        return runs

    def _progress(self, runs: Mapping[str, LogRun]) -> Greeting:
        self._greeted_at = perf_counter()
        return Greeting(tuple(run.state for run in runs.values()), min(self._follower.fraction, 0.99))

    def _follow(self) -> list[Message]:
        if perf_counter() - self._checked_at < self._pause:
            return []
        self._checked_at = perf_counter()
        news = self._follower.read()
        if news is None:
            news = LogNews()
        if news.begun_again:
            self._take(news)
            self._caught_up = False
            return self._catch_up()
        messages: list[Message] = []
        # Of two blocks of one run the state must hold the first before the second is put in order.
        greet = len(news.runs) > len({name for name, _ in news.runs})
        for name, block in news.runs:
            run = self._runs.get(name)
            if self._over and run is not None and block.columns:
                messages.append(run.grow())
                self._over = False
            events = (run or self._run(name)).take(block, fold=greet or run is None)
            if self._runs[name].folded:
                greet = True
            else:
                messages += events
        messages += self._notes(news.notes)
        if not self._over and not news.runs and self._is_quiet():
            self._over = True
            messages += [event for run in self._runs.values() for event in run.finish()]
        if not greet:
            return messages
        for message in messages:
            self._fold(message)
        return [Greeting(self.states)]

    def _fold(self, message: Message) -> None:
        if isinstance(message, ev.Event):
            for run in self._runs.values():
                if run.state.run == message.run:
                    run.state.apply(message)  # pyright: ignore[reportArgumentType]

    def _take(self, news: LogNews) -> bool:
        """Fold what was read. Returns whether the log has been read to its end."""
        if news.begun_again:
            self._runs.clear()
        for name, block in news.runs:
            if self._holds_anything(name, block):
                self._run(name).take(block)
        for event in self._notes(news.notes):
            self._fold(event)
        return news.at_end

    def _holds_anything(self, name: str, block: Rows) -> bool:
        return name in self._runs or bool(block.columns) or bool(block.settings) or bool(block.media)

    def _run(self, name: str) -> LogRun:
        run = self._runs.get(name)
        if run is None:
            run = self._runs[name] = self._new_run(name)
        return run

    def _new_run(self, name: str, *, coarse: bool = False) -> LogRun:
        path = self._log.files[0]
        full = visible(f"{self._log.name}/{name}" if name else self._log.name)
        title, share = f"{self._log.format.name}: {path}", 1.0 if coarse else self._follower.fraction or 1.0
        return LogRun(full, title, self._told, _changed(path), coarse=coarse, share=share)

    def _notes(self, notes: list[str]) -> list[ev.AnyEvent]:
        run = next(iter(self._runs.values()), None)
        return [run.note(text) for text in notes] if run is not None else []

    def _is_quiet(self) -> bool:
        return all(time() - _changed(path) > QUIET for path in self._log.files)

    def _end(self) -> None:
        self._over = True
        for run in self._runs.values():
            run.state.apply(*run.finish())

    def folder(self, run: str) -> Path | None:
        """Return None: the folder of a foreign log is none of ours."""
        return None

    def send(self, command: AnyCommand) -> None:
        """Refuse the command: the training is not ours."""
        reason = "this is the log of another program: it can be watched, not steered"
        self._messages.append(ev.Refused(reason=reason, cause=command))

    def close(self) -> None:
        """End the process that reads the log, where there is one."""
        self._follower.close()


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
