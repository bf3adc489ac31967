"""Requests and responses: the one form in which viewers and scripts send commands to a host.

A request names a command, its sender and the run that it is for:

    {"type":"Ask","id":ID,"by":SENDER,"run":RUN,"command":{"type":"SetLearningRate","value":0.01},"text":false}
    {"type":"Ask","id":ID,"by":SENDER,"actor":"script","run":RUN,"command":"set-lr","values":["value=0.01"]}

Viewers send the first form. Scripts (`tui-trainer send`) send the second, a name and its KEY=VALUEs: the host parses
them, so that a script does not have to import the models of the protocol.

The host answers with the event that the command causes; every viewer receives it, and its `cause` carries the id. With
`text` (the default) the sender also receives the answer in words, and an exit code:

    {"type":"Answer","id":ID,"code":0,"text":"learning rate 0.01, was 0.1","event":{"type":"SettingChanged", ...}}

Earlier viewers send the command object alone, with `id`, `by` and `run` in it. Hosts accept that as a request too.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tui_trainer.errors import UserError
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.checksum import BadLine
from tui_trainer.protocol.codec import decode_command
from tui_trainer.protocol.commands import ALL_RUNS, Actor, AnyCommand
from tui_trainer.protocol.describe import describe
from tui_trainer.protocol.wire_format import REQUEST, RESPONSE

MAX_ID = 256
"""Characters of the longest id that a host remembers."""


class Request(BaseModel):
    """A command on its way to a host.

    Attributes:
        id: chosen by the sender; it comes back in the event and in the response.
        by: the sender.
        actor: the kind of the sender; empty in requests of earlier versions.
        run: name of the run, `*` for every run of the host.
        command: the command, or its name on the command line.
        values: KEY=VALUE, where `command` is a name.
        text: whether the sender wants the answer in words, besides the event.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    type: Literal["Ask"] = "Ask"
    id: Annotated[str, Field(max_length=MAX_ID)] = ""
    by: str = ""
    actor: Annotated[Actor, Field(exclude_if=lambda actor: not actor)] = ""
    run: str = ALL_RUNS
    command: AnyCommand | str
    values: tuple[str, ...] = ()
    text: bool = True

    def to_command(self) -> AnyCommand:
        """Return the command with its id, sender and run. Raises `UserError` where name or values are invalid."""
        # A viewer only sends commands: it does not need the parser, nor the configuration models behind it.
        from tui_trainer.protocol.command_parser import parse_command

        command = parse_command(self.command, self.values) if isinstance(self.command, str) else self.command
        return command.model_copy(update={"id": self.id, "by": self.by, "actor": self.actor, "run": self.run})


def encode_request(command: AnyCommand) -> bytes:
    """Encode a command as one line, a request that is answered by its event alone."""
    request = _request(command)
    sent_once = {"id", "by", "actor", "run"}
    return request.model_dump_json(exclude={"values": True, "command": sent_once}).encode() + b"\n"


def decode_request(line: bytes) -> Request:
    """Decode a request, or the command line of an earlier viewer.

    Raises:
        BadLine: the line is neither; the message says why.
    """
    try:
        if line.startswith(REQUEST):
            return Request.model_validate_json(line)
        command = decode_command(line)
        return _request(command)
    except ValidationError as error:
        raise BadLine(f"invalid request: {error.errors()[0]['msg']}") from None


def _request(command: AnyCommand) -> Request:
    return Request(id=command.id, by=command.by, actor=command.actor, run=command.run, command=command, text=False)


def encode_response(id: str, event: ev.AnyEvent) -> bytes:
    """Encode the event that answers a request, in words. The code is 0, or 1 where the command was refused."""
    code = 1 if isinstance(event, ev.Refused) else 0
    return _encode(id, code, describe(event) or type(event).__name__, event.model_dump_json())


def encode_error(id: str, error: UserError) -> bytes:
    """Encode the response to a request whose name or values are invalid."""
    return _encode(id, error.exit_code, str(error), "null")


def _encode(id: str, code: int, text: str, event: str) -> bytes:
    head = json.dumps({"id": id, "code": code, "text": text})[1:-1]
    return RESPONSE + f',{head},"event":{event}}}\n'.encode()
