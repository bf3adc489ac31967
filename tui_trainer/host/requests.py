"""What a host makes of a wish in words, and the words in which it answers."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tui_trainer.errors import UserError
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import BadLine
from tui_trainer.protocol.command_parser import parse_command
from tui_trainer.protocol.commands import ALL_RUNS, AnyCommand
from tui_trainer.protocol.describe import describe
from tui_trainer.protocol.wire_format import ANSWER


class Request(BaseModel):
    """A command as it was typed, stamped as every command is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["Ask"]
    id: Annotated[str, Field(max_length=64)]
    by: str = ""
    run: str = ALL_RUNS
    command: str
    values: tuple[str, ...] = ()


def decode_request(line: bytes) -> Request:
    """The wish of a line. Raises `BadLine`."""
    try:
        return Request.model_validate_json(line)
    except ValidationError as error:
        raise BadLine(f"not a wish: {error.errors()[0]['msg']}") from None


def to_command(wish: Request) -> AnyCommand:
    """The command that is wished for. Raises `UserError` where it makes no sense."""
    return parse_command(wish.command, wish.values).model_copy(update={"id": wish.id, "by": wish.by, "run": wish.run})


def encode_response(id: str, event: ev.AnyEvent) -> bytes:
    """The line that tells who asked what came of it."""
    code = 1 if isinstance(event, ev.Refused) else 0
    return _line(id, code, describe(event) or type(event).__name__, event.model_dump_json())


def encode_error(id: str, error: UserError) -> bytes:
    """The line that tells who asked why it makes no sense."""
    return _line(id, error.exit_code, str(error), "null")


def _line(id: str, code: int, text: str, event: str) -> bytes:
    head = json.dumps({"id": id, "code": code, "text": text})[1:-1]
    return ANSWER + f',{head},"event":{event}}}\n'.encode()
