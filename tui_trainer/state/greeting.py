"""The greeting, a host's first line: its version and the states of its runs."""

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
    """The states of all runs of a host: the start of a viewer that has just connected, or that fell behind.

    Attributes:
        states: one for each run.
        read: fraction of the journal that the states are folded from. Below 1 the states are coarse samples of it.
    """

    states: tuple[RunState, ...]
    read: float = 1.0


def encode_greeting(states: Sequence[RunState]) -> bytes:
    """Encode a greeting as one line."""
    head = f',"protocol":{PROTOCOL},"version":{json.dumps(__version__)},"states":['.encode()
    return GREETING + head + b",".join(state.model_dump_json().encode() for state in states) + b"]}\n"


def is_greeting(line: bytes) -> bool:
    """Return whether a line from a host is a greeting."""
    return line.startswith(GREETING)


def decode_greeting(line: bytes) -> Greeting:
    """Decode a greeting. Raises `BadLine` for a host of another protocol."""
    try:
        fields = json.loads(line)
        if fields["protocol"] != PROTOCOL:
            raise BadLine(
                f"the host uses protocol {fields['protocol']} (version {fields['version']}), this viewer {PROTOCOL}"
            )
        return Greeting(tuple(RunState.model_validate(state) for state in fields["states"]))
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        if isinstance(error, BadLine):
            raise
        raise BadLine("not a greeting") from None
