"""The base class of events."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from tui_trainer.protocol.commands import AnyCommand


class Event(BaseModel):
    """Base class of events. The event bus fills in `seq`, `at` and `run`.

    Later versions may add fields, and earlier ones ignore them. A field is never renamed.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null", defer_build=True)

    seq: int = 0
    """Number of the event within its run, from 1; 0 for an event that is not in the journal."""
    at: str = ""
    """Time in UTC, ISO 8601."""
    run: str = ""
    type: str
    step: int = 0
    """Optimizer steps taken before the event."""
    cause: AnyCommand | None = None
    """The command that caused it, with its sender. A replay applies it again at `step`."""
