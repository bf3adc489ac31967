"""The gate in front of the runs of a host: the holder of the wheel steers, and other senders are refused.

    take-wheel       its sender holds the wheel; a holder before it loses it, and every viewer sees that
    give-wheel       the holder gives it back: all may steer again
    a viewer leaves  its wheel is free; that of a sender without a connection ends after a time
    other commands   pass while the wheel is free, and from its holder

Names are the senders' own: the wheel is for working together, not for security.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from tui_trainer.config.permissions.allow import Allow
from tui_trainer.host.event_bus import EventBus
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import Actor, AnyCommand, GiveWheel, TakeWheel
from tui_trainer.protocol.control_events import WheelEnd
from tui_trainer.protocol.describe import duration, sender_text
from tui_trainer.protocol.wheel.allowed import not_allowed

HELD_SECONDS = 600.0
"""Seconds for which a sender without a lasting connection holds the wheel, unless it says otherwise."""
HOW_TO_TAKE = "take it with @, or with `send RUN take-wheel`"


@dataclass(frozen=True, slots=True)
class Holder:
    """The sender that holds the wheel.

    Attributes:
        by, actor: its name and kind.
        connection: the viewer that took it; None for a sender without a lasting connection.
        until: monotonic time at which it is free again; None for no end.
    """

    by: str
    actor: Actor
    connection: object | None
    until: float | None

    @property
    def words(self) -> str:
        """The holder with its kind, in words."""
        return sender_text(self.by, self.actor)

    def sent(self, command: AnyCommand, connection: object | None) -> bool:
        """Return whether a command is the holder's: of its connection, or of its name and kind."""
        same = connection is not None and connection is self.connection
        return same or (command.by, command.actor) == (self.by, self.actor)


class Gate:
    """Passes commands on to the runs, except those of senders that do not hold the wheel. Safe in any thread.

    Args:
        bus: receives an event of each run whenever the wheel changes hands.
        submit: queues a command for its runs, or returns the reason why it cannot.
        allow: the permissions of each kind of sender; they decide who may take the wheel. What else they say is decided
            where a command is applied, by the values of its run.
        clock: monotonic time in seconds.
    """

    def __init__(
        self,
        bus: EventBus,
        submit: Callable[[AnyCommand], str | None],
        allow: Allow | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._bus = bus
        self._submit = submit
        self._allow = allow or Allow()
        self._clock = clock
        self._lock = threading.Lock()
        self._holder: Holder | None = None

    def submit(self, command: AnyCommand, connection: object | None = None) -> str | None:
        """Pass a command on. Returns the reason where it is refused.

        Args:
            command: with the name and the kind of its sender.
            connection: the viewer that sent it; None for a sender that connects for one command.
        """
        self.expire()
        with self._lock:
            if isinstance(command, TakeWheel):
                return self._take(command, connection)
            if isinstance(command, GiveWheel):
                return self._give(command, connection)
            holder = self._holder
            if holder is not None and not holder.sent(command, connection):
                return f"{holder.words} has the wheel{self._time_left(holder)}; {HOW_TO_TAKE}"
        return self._submit(command)

    def expire(self) -> None:
        """Free the wheel of a holder whose time is over."""
        with self._lock:
            holder = self._holder
            if holder is not None and holder.until is not None and self._clock() >= holder.until:
                self._free(holder, "over")

    def gone(self, connection: object) -> None:
        """Free the wheel of a viewer that is gone."""
        with self._lock:
            holder = self._holder
            if holder is not None and holder.connection is connection:
                self._free(holder, "gone")

    def _take(self, command: TakeWheel, connection: object | None) -> str | None:
        if not command.by:
            return "the wheel goes to a name: give one with --as NAME"
        if reason := not_allowed(self._allow, command):
            return reason
        before = self._holder
        own = before is not None and before.sent(command, connection)
        if own and command.seconds is None and connection is not None:
            return "the wheel is yours already"
        seconds = command.seconds or (HELD_SECONDS if connection is None else None)
        until = self._clock() + seconds if seconds is not None else None
        self._holder = Holder(command.by, command.actor, connection, until)
        previous = before.words if before is not None and not own else ""
        self._tell(
            ev.WheelChanged(
                holder=command.by, actor=command.actor, previous=previous, seconds=seconds, how="taken", cause=command
            )
        )
        return None

    def _give(self, command: GiveWheel, connection: object | None) -> str | None:
        holder = self._holder
        if holder is None:
            return "the wheel is free: all may steer"
        if not holder.sent(command, connection):
            return f"{holder.words} has the wheel{self._time_left(holder)}; {HOW_TO_TAKE}"
        self._free(holder, "given", command)
        return None

    def _free(self, holder: Holder, how: WheelEnd, command: GiveWheel | None = None) -> None:
        self._holder = None
        self._tell(ev.WheelChanged(previous=holder.words, how=how, cause=command))

    def _time_left(self, holder: Holder) -> str:
        return f" for {duration(max(holder.until - self._clock(), 0))} more" if holder.until is not None else ""

    def _tell(self, event: ev.WheelChanged) -> None:
        for run, step in self._bus.live_steps().items():
            self._bus.publish(run, event.model_copy(update={"step": step}))
