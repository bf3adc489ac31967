"""The first failure to save, printed on stderr: a full disk keeps it out of the folder of the run."""

from __future__ import annotations

from tui_trainer.monitor.messages import say
from tui_trainer.protocol import events as ev


class SavingTrouble:
    """A subscriber of the event bus that keeps the first failure to save, until it is printed."""

    def __init__(self) -> None:
        self._text = ""
        self._said = False

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        """Take an event."""
        del line
        if isinstance(event, ev.SavingFailed) and event.error and not self._text:
            self._text = f"the training goes on, but {event.what} of its run cannot be written: {event.error}"

    def restart(self) -> None:
        """Do nothing: there is no state to begin again."""

    def say(self) -> None:
        """Print the failure once."""
        if self._text and not self._said:
            self._said = True
            say(self._text)
