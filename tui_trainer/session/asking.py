"""Asking a host for one thing from a script, and hearing what came of it.

The host reads the words, checks them and puts its answer into words, for it has every model of the protocol at hand:
who asks imports none of them, and is done before they would have been.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from tui_trainer.errors import UserError
from tui_trainer.protocol.lines import MAX_COMMAND, MAX_LINE

PROTOCOL = 1
"""Rises when an older viewer could not understand a newer host."""
GREETING = b'{"type":"Greeting"'
ASK = b'{"type":"Ask"'
ANSWER = b'{"type":"Answer"'


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host did with a wish.

    Attributes:
        code: 0 where it was done, 1 where the host refused, 2 where the wish makes no sense.
        text: that in one line.
        event: the event that stands for it in the journal; None where the wish made no sense.
        unsaved: what the host could not save when it was asked.
    """

    code: int
    text: str
    event: dict[str, Any] | None = None
    unsaved: tuple[str, ...] = field(default=())


def ask(path: Path, command: str, values: Sequence[str], *, by: str, run: str, timeout: float) -> Answer:
    """Ask the host that listens on `path` for a command, and wait for its answer.

    Raises `UserError` where nobody listens, where the words are too many, and where no answer comes in `timeout`
    seconds.
    """
    id = os.urandom(8).hex()
    wish = {"id": id, "by": by, "run": run, "command": command, "values": list(values)}
    line = ASK + b"," + json.dumps(wish).encode()[1:] + b"\n"
    if len(line) > MAX_COMMAND:
        raise UserError(f"send {command}: {len(line):,} bytes are more than the {MAX_COMMAND:,} that a host reads")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        deadline = monotonic() + timeout
        try:
            connection.connect(str(path))
            connection.sendall(line)
            return _heard(_lines(connection, deadline), id)
        except TimeoutError:
            raise UserError(f"no answer within {timeout:g} s") from None
        except OSError as error:
            raise UserError(f"nobody listens on {path}: {error.strerror}") from None


def _heard(lines: Iterator[bytes], id: str) -> Answer:
    unsaved: tuple[str, ...] = ()
    for line in lines:
        if line.startswith(GREETING):
            unsaved = _unsaved(json.loads(line))
        elif line.startswith(ANSWER):
            answer = json.loads(line)
            if answer["id"] == id:
                return Answer(answer["code"], answer["text"], answer["event"], unsaved)
    raise UserError("the host went away before it answered")


def _unsaved(greeting: dict[str, Any]) -> tuple[str, ...]:
    if greeting["protocol"] != PROTOCOL:
        raise UserError(
            f"the host speaks protocol {greeting['protocol']} (version {greeting['version']}), this is {PROTOCOL}"
        )
    return tuple(sorted({state["unsaved"] for state in greeting["states"] if state.get("unsaved")}))


def _lines(connection: socket.socket, deadline: float) -> Iterator[bytes]:
    """Whole lines as they come. Raises `TimeoutError` at the deadline, `OSError` where one has no end."""
    rest = bytearray()
    while True:
        left = deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        data = connection.recv(1 << 18)
        if not data:
            return
        rest += data
        if b"\n" in data:
            *lines, end = rest.split(b"\n")
            rest = bytearray(end)
            yield from map(bytes, lines)
        elif len(rest) > MAX_LINE:
            raise OSError(0, "the host sent a line without an end")
