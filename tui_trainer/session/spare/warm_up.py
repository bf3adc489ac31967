"""Imports and validators that a screen needs for a new host, made in advance."""

from __future__ import annotations

from tui_trainer.config import preset
from tui_trainer.host import spec
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import decode_event, encode_event
from tui_trainer.session import socket_session
from tui_trainer.state.greeting import decode_greeting, encode_greeting
from tui_trainer.state.run_state import RunState


def warm_up() -> None:
    """Build the validators of events and states, which pydantic puts off until the first of each is read."""
    assert all((preset, spec, socket_session))  # importing them is half of the work
    decode_greeting(encode_greeting([RunState()]))
    decode_event(encode_event(ev.Noted(text="")))
