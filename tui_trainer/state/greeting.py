"""The first line that a host sends: who it is, and the state of its runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from tui_trainer import __version__
from tui_trainer.protocol.codec import BadLine
from tui_trainer.protocol.wire_format import GREETING, PROTOCOL
from tui_trainer.state.run_state import RunState


@dataclass(frozen=True, slots=True)
class Greeting:
    """The folded state of every run of the host: what a viewer that just came, or that fell behind, starts from."""

    states: tuple[RunState, ...]
    read: float = 1.0
    """The share of the past that the states stand for. With less than all of it they are coarse: what lies between the
    places that were looked at is not in them."""


def encode_greeting(states: Sequence[RunState]) -> bytes:
    """The greeting as one line."""
    head = f',"protocol":{PROTOCOL},"version":{json.dumps(__version__)},"states":['.encode()
    return GREETING + head + b",".join(state.model_dump_json().encode() for state in states) + b"]}\n"


def is_greeting(line: bytes) -> bool:
    """Whether a line from a host is a greeting and not an event."""
    return line.startswith(GREETING)


def decode_greeting(line: bytes) -> Greeting:
    """The greeting of a line. Raises `BadLine` for a host of another protocol."""
    try:
        head = json.loads(line)
        if head["protocol"] != PROTOCOL:
            raise BadLine(
                f"the host speaks protocol {head['protocol']} (version {head['version']}), this viewer {PROTOCOL}"
            )
        return Greeting(tuple(RunState.model_validate(state) for state in head["states"]))
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        if isinstance(error, BadLine):
            raise
        raise BadLine("not a greeting") from None
