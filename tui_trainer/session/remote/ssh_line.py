"""A running ssh, whose standard streams are the line to a host on another machine."""

from __future__ import annotations

import select
import subprocess
import threading
from collections import deque

from tui_trainer.errors import UserError
from tui_trainer.session.remote.address import Address
from tui_trainer.session.socket_session import PipeLink
from tui_trainer.text import visible

BROKEN = 255
"""Exit code of ssh where the line itself failed; every other code is that of the command on the other machine."""
LINES = 20
"""Last lines of standard error that are kept."""
EXIT_SECONDS = 2.0
"""Seconds that ssh may take to exit after its output has ended."""


class SshLine:
    """The process, the link for a session, and the reason why it ended.

    Args:
        address: the run.
        ask: whether ssh may ask for a password.

    Raises:
        UserError: ssh cannot be started.
    """

    def __init__(self, address: Address, *, ask: bool) -> None:
        self.address = address
        command = address.command(ask=ask)
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)
        except OSError as error:
            raise UserError(f"cannot start {command[0]}: {error.strerror}") from None
        self.link = PipeLink(self._process)
        """The byte stream."""
        self._errors: deque[bytes] = deque(maxlen=LINES)
        self._reader = threading.Thread(target=self._read_errors, name="ssh-errors", daemon=True)
        self._reader.start()

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as errors:
            for line in errors:
                self._errors.append(line)
        self._process.wait()

    def wait_for_answer(self) -> None:
        """Wait for the first bytes from the other machine.

        Raises:
            UserError: ssh or the command there ended without any; the message is their last line.
        """
        assert self._process.stdout is not None
        while not select.select([self._process.stdout], [], [], 0.1)[0]:
            pass
        # End of the output is readable too: it comes with the exit.
        if not self._peek():
            reason = self.reason
            self.close()
            raise UserError(reason)

    def close(self) -> None:
        """Close the link and wait for the end of ssh."""
        self.link.close()
        self._reader.join(EXIT_SECONDS)

    def _peek(self) -> bool:
        """Return whether there are bytes to read, rather than the end."""
        data = self.link.receive()
        if data:
            self.link.put_back(data)
        return data != b""

    @property
    def exit_code(self) -> int | None:
        """The exit code, None while ssh runs. Ssh that a signal killed counts as a broken line."""
        code = self._process.poll()
        return BROKEN if code is not None and code < 0 else code

    @property
    def reason(self) -> str:
        """The last line of standard error with the name of the host; the exit code where there is none."""
        host = self.address.host
        try:
            code = self._process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            return f"the connection to {host} is lost"
        self._reader.join(EXIT_SECONDS)
        lines = [line.decode(errors="replace").strip().removeprefix("tui-trainer: ") for line in list(self._errors)]
        last = next((visible(line) for line in reversed(lines) if line), "")
        if last:
            return f"{host}: {last}"
        return f"the connection to {host} is lost" if code == BROKEN else f"ssh to {host} ended with exit code {code}"
