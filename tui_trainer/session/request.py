"""Asking a host for one thing from a script, and hearing what came of it.

The host reads the words, checks them and puts its answer into words, for it has every model of the protocol at hand:
who asks imports none of them, and is done before they would have been.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from tui_trainer.errors import UserError
from tui_trainer.protocol.checksum import MAX_COMMAND, MAX_LINE
from tui_trainer.protocol.wire_format import ANSWER, ASK, GREETING, PROTOCOL


@dataclass(frozen=True, slots=True)
class Response:
    """What one run did with a wish.

    Attributes:
        code: 0 where it was done, 1 where it was refused, 2 where the wish makes no sense.
        text: that in one line.
        event: the event that stands for it in the journal; None where the wish made no sense.
    """

    code: int
    text: str
    event: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Hello:
    """What a host says before it answers.

    Attributes:
        runs: those that are not over.
        unsaved: what could not be saved so far.
    """

    runs: frozenset[str] = frozenset()
    unsaved: tuple[str, ...] = ()


def request(
    path: Path, command: str, values: Sequence[str], *, by: str, run: str, timeout: float
) -> Iterator[Hello | Response]:
    """Ask the host that listens on `path` for a command: what it says first, then the answer of each run, as it comes.

    Args:
        run: the one that is meant, `*` for each of the host's.
        timeout: seconds that all of it may take.

    Raises:
        UserError: nobody listens, the words are too many, or not every run has answered in time.
    """
    id = os.urandom(8).hex()
    wish = {"id": id, "by": by, "run": run, "command": command, "values": list(values)}
    line = ASK + b"," + json.dumps(wish).encode()[1:] + b"\n"
    if len(line) > MAX_COMMAND:
        raise UserError(f"send {command}: {len(line):,} bytes are more than the {MAX_COMMAND:,} that a host reads")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        deadline = monotonic() + timeout
        left = {run}
        connection.settimeout(timeout)
        try:
            connection.connect(str(path))
        except OSError as error:
            raise UserError(f"nobody listens on {path}: {error.strerror or error}") from None
        try:
            connection.sendall(line)
            for heard in _heard(_lines(connection, deadline), id):
                if isinstance(heard, Hello):
                    left = set(heard.runs) if run == "*" and heard.runs else left
                    yield heard
                    continue
                name = str(heard.event["run"]) if heard.event is not None else ""
                if len(left) > 1 and name and name not in left:
                    continue  # another event of one that has answered
                yield heard
                left.discard(name)
                if not name or not left - {run}:
                    return
        except TimeoutError:
            who = ", ".join(sorted(left - {"*"}))
            raise UserError(f"no answer{f' from {who}' if who else ''} within {timeout:g} s") from None
        except OSError as error:
            raise UserError(f"the host did not answer: {error.strerror or error}") from None
    raise UserError("the host went away before it answered")


def _heard(lines: Iterator[bytes], id: str) -> Iterator[Hello | Response]:
    for line in lines:
        if line.startswith(GREETING):
            yield _hello(json.loads(line))
        elif line.startswith(ANSWER):
            answer = json.loads(line)
            if answer["id"] == id:
                yield Response(answer["code"], answer["text"], answer["event"])


def _hello(greeting: dict[str, Any]) -> Hello:
    if greeting["protocol"] != PROTOCOL:
        raise UserError(
            f"the host speaks protocol {greeting['protocol']} (version {greeting['version']}), this is {PROTOCOL}"
        )
    states: list[dict[str, Any]] = greeting["states"]
    runs = frozenset(str(state["run"]) for state in states if state["status"] not in ("finished", "failed"))
    return Hello(runs, tuple(sorted({state["unsaved"] for state in states if state.get("unsaved")})))


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
