"""Events and commands as lines: one JSON object each. The journal and the socket carry the same bytes of an event."""

from __future__ import annotations

from pydantic import ValidationError

from tui_trainer.protocol.checksum import MAX_COMMAND, MAX_LINE, BadLine, seal, verify
from tui_trainer.protocol.commands import COMMANDS, AnyCommand
from tui_trainer.protocol.events import EVENTS, AnyEvent

__all__ = ["MAX_COMMAND", "MAX_LINE", "BadLine", "decode_command", "decode_event", "encode_event", "verify"]


def encode_event(event: AnyEvent) -> bytes:
    """Encode an event as one line. Its last field, `crc`, is the CRC-32 of the bytes before `,"crc"`."""
    return seal(event.model_dump_json(exclude={"cause"} if event.cause is None else None).encode()[:-1])


def decode_event(line: bytes) -> AnyEvent:
    """Decode the event of a line.

    Raises:
        BadLine: the line is torn or altered, or holds no known event.
    """
    if not verify(line):
        raise BadLine("torn or altered line")
    try:
        return EVENTS.validate_json(line)
    except ValidationError as error:
        raise BadLine(f"not an event: {error.errors()[0]['msg']}") from None


def decode_command(line: bytes) -> AnyCommand:
    """Decode the command of a line.

    Raises:
        BadLine: the line holds no known command; the message says why.
    """
    try:
        return COMMANDS.validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadLine(f"{where}: {first['msg']}" if where else first["msg"]) from None
