"""Connect to a host on another machine: the same protocol through ssh."""

from __future__ import annotations

import re
import subprocess

from tui_trainer.errors import UserError
from tui_trainer.session.socket_session import ClientSession, PipeLink

_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,252}")
_RUN = re.compile(r"[A-Za-z0-9._/-]{0,255}")


def remote_session(host: str, run: str, *, read_only: bool) -> ClientSession:
    """Connect to a run on `host` through `tui-trainer bridge` there. Raises `UserError` for an invalid name."""
    if not _HOST.fullmatch(host) or not _RUN.fullmatch(run) or run.startswith("-"):
        raise UserError(f"{host}:{run}: not a valid HOST:RUN")
    command = ["ssh", "-o", "BatchMode=no", "-C", host, "tui-trainer", "bridge", *([run] if run else [])]
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        raise UserError(f"cannot start ssh: {error.strerror}") from None

    def exit_reason() -> str:
        code = process.poll()
        if code is None or process.stderr is None:
            return f"the connection to {host} is lost"
        lines = process.stderr.read().decode(errors="replace").strip().splitlines()
        return f"{host}: {lines[-1]}" if lines else f"ssh to {host} ended with exit code {code}"

    return ClientSession(PipeLink(process), can_steer=not read_only, exit_reason=exit_reason)
