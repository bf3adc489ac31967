"""The version of the code that a run was started with: commit, branch and changed files of its git checkout."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from tui_trainer.text import visible

TIME_LIMIT = 1.5
"""Seconds after which git is ended and the run starts without its answer."""
MAX_OUTPUT = 1 << 18
"""Bytes of the answer that are read: with more changed files than that, the last ones are not counted."""
MAX_FILES = 40
"""Most changed files that are recorded by name."""
MAX_NAME = 200
"""Most characters of the name of a file or a branch."""
SHORT = 8
"""Digits of a commit in texts."""
_COMMAND = (
    "git", "--no-optional-locks", "-c", "core.fsmonitor=false", "status", "--porcelain=v2", "--branch",
    "--untracked-files=no", "--ignore-submodules=dirty", "--no-renames", "-z",
)  # fmt: skip
_FIELDS = {b"1": 8, b"u": 10}
"""Words before the path of a line that describes a changed file, by the first word of the line."""


class CodeVersion(BaseModel):
    """The git checkout of a working directory, as about.json holds it."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    commit: str = ""
    """Empty before the first commit."""
    branch: str = ""
    """Empty for a detached head."""
    changed: tuple[str, ...] = ()
    """Files that differ from the commit, without those that git does not track; at most `MAX_FILES`."""
    changed_count: int = 0
    """Their number; -1 where only their existence was recorded."""

    @property
    def words(self) -> str:
        """The version in a few words: `1a2b3c4d on main, 2 files changed`."""
        branch = f" on {visible(self.branch)}" if self.branch else ""
        count = max(self.changed_count, len(self.changed)) if self.changed else self.changed_count
        changed = f", {count} file{'s' if count > 1 else ''} changed" if count > 0 else ""
        if count < 0:
            changed = ", files changed"
        return f"{visible(self.commit[:SHORT]) or 'no commit'}{branch}{changed}"


def parse_status(answer: bytes) -> CodeVersion:
    """Parse the answer of `git status --porcelain=v2 --branch -z`; a last entry without its end is left out."""
    commit = branch = ""
    files: list[str] = []
    for entry in answer.split(b"\0")[:-1]:
        kind, _, rest = entry.partition(b" ")
        if kind == b"#":
            name, _, value = rest.decode(errors="replace").partition(" ")
            if name == "branch.oid" and value != "(initial)":
                commit = value[:MAX_NAME]
            elif name == "branch.head" and value != "(detached)":
                branch = value[:MAX_NAME]
        elif kind in _FIELDS:
            files.append(entry.split(b" ", _FIELDS[kind])[-1].decode(errors="replace")[:MAX_NAME])
    return CodeVersion(commit=commit, branch=branch, changed=tuple(files[:MAX_FILES]), changed_count=len(files))


def read_code(directory: Path | None = None, seconds: float = TIME_LIMIT) -> CodeVersion | None:
    """Ask git for the version of the code in a directory, by default the working directory.

    Nothing of the checkout is changed or executed, and no lock is taken.

    Returns:
        None outside a checkout, without git, and where git does not answer in time.
    """
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    latest = monotonic() + seconds
    try:
        process = subprocess.Popen(
            _COMMAND,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError):
        return None
    answer, ended = b"", False
    with contextlib.suppress(OSError, ValueError):
        answer, ended = _read(process, latest)
    succeeded = _end(process, latest if ended else 0.0)
    return parse_status(answer) if ended and (succeeded or len(answer) >= MAX_OUTPUT) else None


def _read(process: subprocess.Popen[bytes], latest: float) -> tuple[bytes, bool]:
    """Read what a process prints, until it is all, or enough. Returns also whether that was in time."""
    assert process.stdout is not None
    pipe, answer = process.stdout.fileno(), b""
    poll = select.poll()
    poll.register(pipe, select.POLLIN | select.POLLHUP)
    while len(answer) < MAX_OUTPUT:
        left = latest - monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            return answer, False
        data = os.read(pipe, 1 << 16)
        if not data:
            break
        answer += data
    return answer, True


def _end(process: subprocess.Popen[bytes], latest: float) -> bool:
    """Wait for the end of a process, or kill it with all that it started. Returns whether it succeeded by itself."""
    if process.stdout is not None:
        process.stdout.close()
    try:
        return process.wait(max(latest - monotonic(), 0.0)) == 0
    except subprocess.TimeoutExpired:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
        return False


class CodeReader:
    """Reads the version of the code in a thread while a host does other work, once for all of its runs."""

    def __init__(self, directory: Path | None = None) -> None:
        self._result: CodeVersion | None = None
        self._latest = monotonic() + TIME_LIMIT + 0.5
        self._directory = directory
        self._thread = threading.Thread(target=self._read, name="code-version", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        self._result = read_code(self._directory)

    def result(self) -> CodeVersion | None:
        """Return the version, None where there is none or the time limit has passed."""
        self._thread.join(max(self._latest - monotonic(), 0.0))
        return self._result


def recorded_code(about: Mapping[str, Any]) -> CodeVersion | None:
    """Return the version of the code that about.json records for the last start of a run, None without one.

    Runs of earlier versions recorded the commit alone.
    """
    resumed = about.get("resumed")
    starts = [about, *(resumed if isinstance(resumed, list) else [])]
    for start in reversed([start for start in starts if isinstance(start, Mapping)]):
        try:
            return CodeVersion.model_validate(start["code"])
        except (ValidationError, LookupError, TypeError):
            pass
        commit = start.get("git_commit")
        if isinstance(commit, str) and commit:
            dirty = commit.endswith("-dirty")
            return CodeVersion(commit=commit.removesuffix("-dirty")[:MAX_NAME], changed_count=-int(dirty))
    return None
