"""The spare hosts of this user that run now, for `doctor`."""

from __future__ import annotations

import contextlib
import os

import psutil

from tui_trainer.session.spare.spare_host import OPTION

_COMMAND = ["tui_trainer.host.host", OPTION]


def spare_hosts() -> list[psutil.Process]:
    """Return the processes that wait for a spec; those that were given one train."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter(["cmdline", "uids"]):
        with contextlib.suppress(psutil.Error):
            mine = process.info["uids"] is not None and process.info["uids"].real == os.getuid()
            if mine and (process.info["cmdline"] or [])[-2:] == _COMMAND and _waits(process.pid):
                found.append(process)
    return found


def _waits(pid: int) -> bool:
    """Return whether the standard input of a process is a pipe: that of a host that has its spec is not."""
    try:
        return os.readlink(f"/proc/{pid}/fd/0").startswith("pipe:")
    except OSError:
        return not os.path.exists("/proc/self/fd")  # a system that does not tell


def own_memory(process: psutil.Process) -> int:
    """Return the bytes that would be free without a process; all that it maps, where the system does not tell."""
    try:
        return int(process.memory_full_info().uss)
    except (psutil.Error, AttributeError):
        return int(process.memory_info().rss)
