"""A session with a host on another machine: the same lines, through ssh."""

from __future__ import annotations

import re
import subprocess

from tui_trainer.errors import UserError
from tui_trainer.session.socket_session import ClientSession, PipeLink

_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,252}")
_RUN = re.compile(r"[A-Za-z0-9._/-]{0,255}")


def remote_session(host: str, run: str, *, read_only: bool) -> ClientSession:
    """A session with a run on `host`, spoken with `tui-trainer bridge` there. Raises `UserError` for odd names."""
    if not _HOST.fullmatch(host) or not _RUN.fullmatch(run) or run.startswith("-"):
        raise UserError(f"{host}:{run}: not a host and a run")
    command = ["ssh", "-o", "BatchMode=no", "-C", host, "tui-trainer", "bridge", *([run] if run else [])]
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        raise UserError(f"ssh cannot be started: {error.strerror}") from None

    def epitaph() -> str:
        code = process.poll()
        if code is None or process.stderr is None:
            return f"the line to {host} is gone"
        last = process.stderr.read().decode(errors="replace").strip().splitlines()
        return f"{host}: {last[-1]}" if last else f"ssh to {host} ended with exit code {code}"

    return ClientSession(PipeLink(process), can_steer=not read_only, epitaph=epitaph)
