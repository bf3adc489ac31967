"""The client of `tui-trainer send`: send a host one request and wait for its response.

The host parses the command and puts its answer into words, so nothing here imports the models of the protocol: a
script has its answer before they would have been imported.
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
from tui_trainer.protocol.wire_format import GREETING, PROTOCOL, REQUEST, RESPONSE


@dataclass(frozen=True, slots=True)
class Response:
    """The answer of one run to a request.

    Attributes:
        code: 0 where the command was applied, 1 where it was refused, 2 where the request is invalid.
        text: the answer in one line.
        event: the event that stands for it in the journal; None where the request is invalid.
    """

    code: int
    text: str
    event: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class HostStatus:
    """The part of a host's greeting that a script needs.

    Attributes:
        runs: names of the runs that are not over.
        unsaved: what could not be saved so far, and why.
    """

    runs: frozenset[str] = frozenset()
    unsaved: tuple[str, ...] = ()


def request(
    path: Path, command: str, values: Sequence[str], *, by: str, actor: str = "", run: str, timeout: float
) -> Iterator[HostStatus | Response]:
    """Send a command to the host that listens on `path`. Yields the host's status, then the response of each run.

    Args:
        command: its name on the command line.
        values: KEY=VALUE.
        by: the sender.
        actor: its kind.
        run: name of the run, `*` for every run of the host.
        timeout: seconds that all of it may take.

    Raises:
        UserError: no host is listening, the request is too long, or not every run has answered in time.
    """
    if path == Path():
        raise UserError("the host of this run has no socket to send to; the signal TERM stops and saves the run")
    id = os.urandom(8).hex()
    sent_by = {"by": by, "actor": actor} if actor else {"by": by}
    fields = {"id": id, **sent_by, "run": run, "command": command, "values": list(values)}
    line = REQUEST + b"," + json.dumps(fields).encode()[1:] + b"\n"
    if len(line) > MAX_COMMAND:
        raise UserError(f"send {command}: the request has {len(line):,} bytes; the limit is {MAX_COMMAND:,}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        deadline = monotonic() + timeout
        remaining = {run}
        connection.settimeout(timeout)
        try:
            connection.connect(str(path))
        except OSError as error:
            raise UserError(f"no host is listening on {path}: {error.strerror or error}") from None
        try:
            connection.sendall(line)
            for message in _messages(_lines(connection, deadline), id):
                if isinstance(message, HostStatus):
                    remaining = set(message.runs) if run == "*" and message.runs else remaining
                    yield message
                    continue
                name = str(message.event["run"]) if message.event is not None else ""
                if len(remaining) > 1 and name and name not in remaining:
                    continue  # a further event of a run that has answered
                yield message
                remaining.discard(name)
                if not name or not remaining - {run}:
                    return
        except TimeoutError:
            names = ", ".join(sorted(remaining - {"*"}))
            raise UserError(f"no answer{f' from {names}' if names else ''} within {timeout:g} s") from None
        except OSError as error:
            raise UserError(f"the host did not answer: {error.strerror or error}") from None
    raise UserError("the host closed the connection before it answered")


def _messages(lines: Iterator[bytes], id: str) -> Iterator[HostStatus | Response]:
    """Yield the greeting, and the responses to one request; skip everything else."""
    for line in lines:
        if line.startswith(GREETING):
            yield _host_status(json.loads(line))
        elif line.startswith(RESPONSE):
            response = json.loads(line)
            if response["id"] == id:
                yield Response(response["code"], response["text"], response["event"])


def _host_status(greeting: dict[str, Any]) -> HostStatus:
    """Read a greeting. Raises `UserError` for a host of another protocol."""
    if greeting["protocol"] != PROTOCOL:
        raise UserError(
            f"the host uses protocol {greeting['protocol']} (version {greeting['version']}), this program {PROTOCOL}"
        )
    states: list[dict[str, Any]] = greeting["states"]
    runs = frozenset(str(state["run"]) for state in states if state["status"] not in ("finished", "failed"))
    return HostStatus(runs, tuple(sorted({state["unsaved"] for state in states if state.get("unsaved")})))


def _lines(connection: socket.socket, deadline: float) -> Iterator[bytes]:
    """Yield complete lines as they arrive. Raises `TimeoutError` at the deadline, `OSError` for a line without end."""
    rest = bytearray()
    while True:
        seconds = deadline - monotonic()
        if seconds <= 0:
            raise TimeoutError
        connection.settimeout(seconds)
        data = connection.recv(1 << 18)
        if not data:
            return
        rest += data
        if b"\n" in data:
            *lines, end = rest.split(b"\n")
            rest = bytearray(end)
            yield from map(bytes, lines)
        elif len(rest) > MAX_LINE:
            raise OSError(0, "the host sent a line that does not end")
