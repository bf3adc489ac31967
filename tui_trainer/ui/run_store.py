"""The runs of a session: fold its messages into states, send commands, match answers to commands."""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, time

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import ALL_RUNS, LESSON, Actor, AnyCommand
from tui_trainer.protocol.describe import describe, letter, sender_text
from tui_trainer.protocol.wheel.sender import own_name
from tui_trainer.session.base import Greeting, Notice, OnDisk, Session
from tui_trainer.session.multi import MultiSession
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible

MAX_PENDING = 32
"""Unanswered commands that are remembered."""
NOT_UNDONE = frozenset(("", "u", "c", "n", "e", "x"))
"""Letters of marks whose commands an undo does not take back."""
RESUMING = "resuming"
"""Status of a run whose earlier curves are shown while a new host loads it. Only the screen uses it."""
_URGENT = (ev.RunStarted, ev.StatusChanged, ev.RunFinished, ev.SavingFailed, ev.Diagnosed, ev.WheelChanged)


@dataclass(frozen=True, slots=True)
class Pending:
    """A command without an answer yet.

    Attributes:
        description: a few words for the footer.
        since: monotonic time at which it was sent, in seconds.
    """

    description: str
    since: float


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """The answer to a command of this screen: the change that it made, or the reason of a refusal.

    Attributes:
        text: the change or the reason.
        refused: whether the command was refused.
        undoable: whether an undo takes the change back.
    """

    text: str
    refused: bool
    undoable: bool = False


@dataclass(slots=True)
class Update:
    """The result of one `poll`.

    Attributes:
        changed: whether any state changed.
        urgent: whether something happened that the user waits for, other than more numbers.
        answers: answers to commands of this screen.
        notices: messages of the session itself.
        ended: whether a run ended.
    """

    changed: bool = False
    urgent: bool = False
    answers: list[CommandAnswer] = field(default_factory=list[CommandAnswer])
    notices: list[Notice] = field(default_factory=list[Notice])
    ended: bool = False


def _blank(state: RunState) -> bool:
    """Return whether a host has yet to load or start the run."""
    return state.started is None and not state.over


class RunStore:
    """The runs of one session.

    Args:
        session: the source of the events.
        user: the sender of commands; the user at this terminal where empty.
        actor: the kind of the sender.
    """

    def __init__(self, session: Session, user: str = "", actor: Actor = "person") -> None:
        self.session = session
        self.user = visible(user or own_name())
        self.actor: Actor = actor
        self.states: dict[str, RunState] = {}
        """The runs by name, in the order in which they were announced."""
        self.loaded = 1.0
        """The share of the runs' past that has been loaded; below 1, what is drawn of it is coarse."""
        self.connected = True
        self.error = ""
        """The reason why the session is disconnected."""
        self.resumable: tuple[str, ...] = ()
        """The directories of runs whose host vanished, so that another host can resume them."""
        self.pending: dict[str, Pending] = {}
        """Unanswered commands by id."""
        self.heard: dict[str, float] = {}
        """Time of the last message about each run, in seconds since 1970."""
        self._dropped: set[str] = set()
        """Runs that are shown no more, whatever the session tells of them."""
        self._earlier: dict[str, RunState] = {}
        """Runs as they were before a new host began to load them."""
        self._told = ""
        """The event of another sender that was reported last."""
        self._stamp = secrets.token_hex(4)
        self._sent = 0

    def poll(self) -> Update:
        """Fold the messages that have arrived into the states."""
        update = Update()
        batches: dict[str, list[ev.AnyEvent]] = {}
        for message in self.session.drain():
            match message:
                case Greeting(states, loaded):
                    batches.clear()
                    self._greet(states)
                    self.loaded = loaded
                    self.connected, self.error = True, ""
                    update.changed = update.urgent = True
                case Notice(text, fatal, folders, cut_off):
                    update.notices.append(message)
                    self.resumable = tuple(dict.fromkeys((*self.resumable, *folders)))
                    update.changed = update.urgent = True
                    if fatal or cut_off:
                        self.connected, self.error = False, visible(text)
                        self.pending.clear()
                case _:
                    if message.run in self._dropped:
                        continue
                    if message.run:  # an event without a run is the session's own answer to this screen
                        batches.setdefault(message.run, []).append(message)
                    self._handle(message, update)
        before_first_step = bool(batches) and not any(state.step for state in self.states.values())
        for run, events in batches.items():
            self.states.setdefault(run, RunState.blank(run)).apply(*events)
            self.heard[run] = time()
        if before_first_step and any(state.step for state in self.states.values()):
            update.urgent = True  # an empty chart gets its first point
        if self.pending and self.over:
            self.pending.clear()
        return update

    def _greet(self, states: tuple[RunState, ...]) -> None:
        """Show these states; keep the curves of those that a new host has not loaded yet."""
        known = {**self._earlier, **{run: state for run, state in self.states.items() if not _blank(state)}}
        self.states = {state.run: state for state in states if state.run not in self._dropped}
        self._earlier = {run: known[run] for run, state in self.states.items() if _blank(state) and run in known}
        for run in self.states:
            self.heard[run] = self._journal_time(run) or time()

    def _journal_time(self, run: str) -> float | None:
        """Return the time of the last line of a run's journal, None where the session does not read one."""
        session = self.session
        folder = session.folder(run) if session.kind == "finished" and isinstance(session, OnDisk) else None
        try:
            return (folder / "events.jsonl").stat().st_mtime if folder is not None else None
        except OSError:
            return None

    def drop(self, run: str) -> None:
        """Show a run no more: its folder was deleted."""
        self._dropped.add(run)
        for known in (self.states, self._earlier, self.heard):
            known.pop(run, None)
        if isinstance(self.session, MultiSession):
            self.session.drop(run)

    def shown(self, state: RunState) -> RunState:
        """Return a run as the screen shows it: with its earlier curves while a new host loads it."""
        earlier = self._earlier.get(state.run) if _blank(state) else None
        if earlier is None:
            return state
        log = deque([*earlier.log, *state.log], maxlen=earlier.log.maxlen)
        return earlier.model_copy(update={"status": RESUMING, "detail": state.detail, "log": log})

    def vanished(self, state: RunState) -> bool:
        """Return whether the host of a run vanished before the run ended."""
        folder = state.run.rpartition("/")[2]
        return not state.over and any(Path(path).name == folder for path in self.resumable)

    @property
    def ended_folders(self) -> tuple[str, ...]:
        """The directories of the runs that have ended, which a new host would not resume."""
        return tuple(state.started.path for state in self.states.values() if state.over and state.started is not None)

    @property
    def over(self) -> bool:
        """Whether every run has ended."""
        return bool(self.states) and all(state.over for state in self.states.values())

    def _handle(self, event: ev.AnyEvent, update: Update) -> None:
        update.changed = True
        is_new = not (isinstance(event, ev.Diagnosed) and event.again)  # `again`: a known finding with newer numbers
        if event.cause is not None or (isinstance(event, _URGENT) and is_new):
            update.urgent = True
        if isinstance(event, ev.RunFinished):
            update.ended = True
        self._tell_others(event, update)
        if event.cause is not None and self.pending.pop(event.cause.id, None) is not None:
            refused = isinstance(event, ev.Refused)
            text = visible(event.reason if isinstance(event, ev.Refused) else describe(event) or event.type)
            update.answers.append(CommandAnswer(text, refused, letter(event) not in NOT_UNDONE))
            update.urgent = True

    def send(self, command: AnyCommand, run: str = ALL_RUNS, description: str = "") -> None:
        """Send a command. Its answer arrives as an event with the command as its cause."""
        self._sent += 1
        identity = f"{self._stamp}-{self._sent}"
        self.session.send(command.model_copy(update={"id": identity, "by": self.user, "actor": self.actor, "run": run}))
        if len(self.pending) >= MAX_PENDING:
            self.pending.pop(next(iter(self.pending)))
        self.pending[identity] = Pending(description or command.type, monotonic())

    @property
    def sender(self) -> str:
        """The sender of commands with its kind, in words."""
        return sender_text(self.user, self.actor)

    def has_wheel(self, state: RunState | None) -> bool:
        """Return whether the wheel of a run is this screen's."""
        wheel = state.wheel if state is not None else None
        return wheel is not None and (wheel.holder, wheel.actor) == (self.user, self.actor)

    def held_by(self, state: RunState | None) -> str:
        """Return the other sender that has the wheel of a run, in words; empty where this screen may steer."""
        wheel = state.wheel if state is not None else None
        if wheel is None or self.has_wheel(state):
            return ""
        return visible(sender_text(wheel.holder, wheel.actor))

    def _tell_others(self, event: ev.AnyEvent, update: Update) -> None:
        """Report what another sender did: a change of a run, or of the wheel."""
        command = event.cause
        if isinstance(event, ev.WheelChanged):
            told = command is None or command.by != self.user
        else:
            told = command is not None and command.actor != "" and command.by != self.user and letter(event) != ""
        what = f"{command.id if command is not None else ''} {event.type} {event.step}"
        if told and what != self._told:
            self._told = what  # the other runs of a set need not say the same
            update.notices.append(Notice(visible(describe(event) or event.type)))

    def send_for_lesson(self, command: AnyCommand, run: str) -> None:
        """Send a command of a lesson, not of the user: its answer is no message."""
        self._sent += 1
        self.session.send(command.model_copy(update={"id": f"{self._stamp}-{self._sent}", "by": LESSON, "run": run}))

    def switch_session(self, session: Session) -> None:
        """Follow the same runs through another session, after a new host has resumed them."""
        self.session.close()
        self.session = session
        self.connected, self.error, self.resumable = True, "", ()
        self.pending.clear()
        self._dropped.clear()
        self._greet(tuple(state if state.over else RunState.blank(run) for run, state in self.states.items()))

    def replace_runs(self, session: Session) -> None:
        """Follow the runs of another session instead of the present ones."""
        self.switch_session(session)
        self.states, self._earlier = {}, {}

    def close(self) -> None:
        """Disconnect from the session. Its runs continue."""
        self.session.close()
